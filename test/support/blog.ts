import { Collection, defineEntity, p } from '@mikro-orm/core';

/** The one fixture domain of the tests and the docs: a blog. */
export class User {
  id!: number;
  name!: string;
  email!: string | null;
}

export class Tag {
  id!: number;
  name!: string;
  posts = new Collection<Post>(this);
}

export class Post {
  id!: number;
  title!: string;
  slug!: string | null;
  views!: number;
  meta!: Record<string, unknown> | null;
  author!: User | null;
  comments = new Collection<Comment>(this);
  tags = new Collection<Tag>(this);
}

export class Comment {
  id!: number;
  text!: string;
  post!: Post;
}

export const UserSchema = defineEntity({
  class: User,
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    email: p.string().nullable().unique(),
  },
});

export const TagSchema = defineEntity({
  class: Tag,
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    posts: () => p.manyToMany(Post).mappedBy('tags'),
  },
});

export const PostSchema = defineEntity({
  class: Post,
  properties: {
    id: p.integer().primary().autoincrement(),
    title: p.string(),
    slug: p.string().nullable(),
    views: p.integer().default(0),
    meta: p.json<Record<string, unknown>>().nullable(),
    author: () => p.manyToOne(User).nullable(),
    comments: () => p.oneToMany(Comment).mappedBy('post').orphanRemoval(),
    tags: () => p.manyToMany(Tag).owner(),
  },
});

export const CommentSchema = defineEntity({
  class: Comment,
  properties: {
    id: p.integer().primary().autoincrement(),
    text: p.text(),
    post: () => p.manyToOne(Post).deleteRule('cascade'),
  },
});

export const BLOG = [UserSchema, TagSchema, PostSchema, CommentSchema];
