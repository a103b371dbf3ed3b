import type { FilterQuery } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  Body,
  Controller,
  Delete,
  ForbiddenException,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Put,
  Query,
} from '@nestjs/common';
import { ApiController } from './api.controller.js';
import { CurrentUser, Public } from './auth.js';
import { CommentDto, CreateArticleDto, UpdateArticleDto } from './dto.js';
import { Article, Comment, Tag, User } from './entities.js';
import { articleView, commentView } from './views.js';

const POPULATE = ['author', 'tags', 'favoritedBy'] as const;

interface ListQuery {
  readonly tag?: string;
  readonly author?: string;
  readonly favorited?: string;
  readonly limit?: string;
  readonly offset?: string;
}

@Controller('articles')
export class ArticlesController extends ApiController {
  constructor(em: EntityManager) {
    super(em);
  }

  @Get()
  @Public()
  async list(@Query() query: ListQuery, @CurrentUser() viewer?: User) {
    const where: FilterQuery<Article> = {
      ...(query.tag ? { tags: { name: query.tag } } : {}),
      ...(query.author ? { author: { username: query.author } } : {}),
      ...(query.favorited ? { favoritedBy: { username: query.favorited } } : {}),
    };
    return this.page(where, query, viewer);
  }

  @Get('feed')
  async feed(@Query() query: ListQuery, @CurrentUser() viewer: User) {
    return this.page({ author: { followers: viewer.id } }, query, viewer);
  }

  @Get(':slug')
  @Public()
  async read(@Param('slug') slug: string, @CurrentUser() viewer?: User) {
    return { article: articleView(await this.find(slug), viewer) };
  }

  @Post()
  async create(@Body('article') dto: CreateArticleDto, @CurrentUser() author: User) {
    const { title, description, body, tagList = [] } = dto;
    const article = this.em.create(Article, { title, description, body, author, slug: slugOf(title) });
    article.tags.set(await this.tags(tagList));
    await this.em.flush();
    return { article: articleView(article, author) };
  }

  @Put(':slug')
  async update(@Param('slug') slug: string, @Body('article') dto: UpdateArticleDto, @CurrentUser() user: User) {
    const article = await this.findOwn(slug, user);
    this.em.assign(article, dto, { ignoreUndefined: true });
    if (dto.title) article.slug = slugOf(dto.title);
    await this.em.flush();
    return { article: articleView(article, user) };
  }

  @Delete(':slug')
  @HttpCode(204)
  async remove(@Param('slug') slug: string, @CurrentUser() user: User) {
    await this.em.remove(await this.findOwn(slug, user)).flush();
  }

  @Post(':slug/favorite')
  @HttpCode(200)
  async favorite(@Param('slug') slug: string, @CurrentUser() user: User) {
    const article = await this.find(slug);
    user.favorites.add(article);
    await this.em.flush();
    return { article: articleView(article, user) };
  }

  @Delete(':slug/favorite')
  async unfavorite(@Param('slug') slug: string, @CurrentUser() user: User) {
    const article = await this.find(slug);
    user.favorites.remove(article);
    await this.em.flush();
    return { article: articleView(article, user) };
  }

  @Get(':slug/comments')
  @Public()
  async comments(@Param('slug') slug: string, @CurrentUser() viewer?: User) {
    const comments = await this.em.find(
      Comment,
      { article: { slug } },
      { populate: ['author'], orderBy: { id: 'asc' } },
    );
    return { comments: comments.map(comment => commentView(comment, viewer)) };
  }

  @Post(':slug/comments')
  async comment(@Param('slug') slug: string, @Body('comment') { body }: CommentDto, @CurrentUser() author: User) {
    const comment = this.em.create(Comment, { body, author, article: await this.find(slug) });
    await this.em.flush();
    return { comment: commentView(comment, author) };
  }

  @Delete(':slug/comments/:id')
  @HttpCode(204)
  async removeComment(@Param('slug') slug: string, @Param('id', ParseIntPipe) id: number, @CurrentUser() user: User) {
    const comment = await this.em.findOne(Comment, { id, article: { slug } });
    if (!comment) throw new NotFoundException(`no comment ${id}`);
    if (comment.author !== user) throw new ForbiddenException('not yours');
    await this.em.remove(comment).flush();
  }

  private async page(where: FilterQuery<Article>, { limit = '20', offset = '0' }: ListQuery, viewer?: User) {
    const [articles, articlesCount] = await this.em.findAndCount(Article, where, {
      limit: Number(limit),
      offset: Number(offset),
      orderBy: { id: 'desc' },
    });
    await this.em.populate(articles, POPULATE);
    return { articles: articles.map(article => articleView(article, viewer)), articlesCount };
  }

  private async find(slug: string): Promise<Article> {
    const article = await this.em.findOne(Article, { slug }, { populate: POPULATE });
    if (!article) throw new NotFoundException(`no article ${slug}`);
    return article;
  }

  private async findOwn(slug: string, user: User): Promise<Article> {
    const article = await this.find(slug);
    if (article.author !== user) throw new ForbiddenException('not yours');
    return article;
  }

  private async tags(names: readonly string[]): Promise<Tag[]> {
    const known = await this.em.find(Tag, { name: names as string[] });
    const isKnown = new Set(known.map(({ name }) => name));
    return [...known, ...names.filter(name => !isKnown.has(name)).map(name => this.em.create(Tag, { name }))];
  }
}

@Controller('tags')
export class TagsController extends ApiController {
  constructor(em: EntityManager) {
    super(em);
  }

  @Get()
  @Public()
  async list() {
    const tags = await this.em.find(Tag, {}, { orderBy: { name: 'asc' } });
    return { tags: tags.map(({ name }) => name) };
  }
}

function slugOf(title: string): string {
  const words = title.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return `${words.join('-')}-${Math.random().toString(36).slice(2, 8)}`;
}
