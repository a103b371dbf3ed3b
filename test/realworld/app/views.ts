import type { Article, Comment, User } from './entities.js';

export function userView({ email, username, bio, image }: User, token: string) {
  return { user: { email, token, username, bio, image } };
}

export function profileView(user: User, viewer: User | undefined) {
  const { username, bio, image } = user;
  return { username, bio, image, following: viewer?.following.contains(user) ?? false };
}

export function articleView(article: Article, viewer: User | undefined) {
  const { slug, title, description, body, createdAt, updatedAt } = article;
  return {
    slug,
    title,
    description,
    body,
    tagList: article.tags
      .getItems()
      .map(({ name }) => name)
      .toSorted((a, b) => a.localeCompare(b)),
    createdAt,
    updatedAt,
    favorited: viewer?.favorites.contains(article) ?? false,
    favoritesCount: article.favoritedBy.count(),
    author: profileView(article.author, viewer),
  };
}

export function commentView({ id, body, createdAt, author }: Comment, viewer: User | undefined) {
  return { id, body, createdAt, author: profileView(author, viewer) };
}
