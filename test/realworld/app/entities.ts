import { Collection, OptionalProps } from '@mikro-orm/core';
import { Entity, ManyToMany, ManyToOne, OneToMany, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';

@Entity()
export class Tag {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  @Unique()
  name!: string;
}

@Entity()
export class User {
  [OptionalProps]?: 'bio' | 'image';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  @Unique()
  username!: string;

  @Property({ type: 'string' })
  @Unique()
  email!: string;

  @Property({ type: 'string', hidden: true })
  password!: string;

  @Property({ type: 'text', default: '' })
  bio: string = '';

  @Property({ type: 'string', nullable: true })
  image: string | null = null;

  @ManyToMany(() => User, user => user.followers, { owner: true, pivotTable: 'user_follows' })
  following = new Collection<User>(this);

  @ManyToMany(() => User, user => user.following)
  followers = new Collection<User>(this);

  @ManyToMany(() => Article, article => article.favoritedBy, { owner: true, pivotTable: 'user_favorites' })
  favorites = new Collection<Article>(this);
}

@Entity()
export class Article {
  [OptionalProps]?: 'createdAt' | 'updatedAt';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  @Unique()
  slug!: string;

  @Property({ type: 'string' })
  title!: string;

  @Property({ type: 'string' })
  description!: string;

  @Property({ type: 'text' })
  body!: string;

  @ManyToOne(() => User)
  author!: User;

  @ManyToMany(() => Tag)
  tags = new Collection<Tag>(this);

  @OneToMany(() => Comment, comment => comment.article)
  comments = new Collection<Comment>(this);

  @ManyToMany(() => User, user => user.favorites)
  favoritedBy = new Collection<User>(this);

  @Property({ type: 'datetime' })
  createdAt: Date = new Date();

  @Property({ type: 'datetime', onUpdate: () => new Date() })
  updatedAt: Date = new Date();
}

@Entity()
export class Comment {
  [OptionalProps]?: 'createdAt';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'text' })
  body!: string;

  @ManyToOne(() => User)
  author!: User;

  @ManyToOne(() => Article, { deleteRule: 'cascade' })
  article!: Article;

  @Property({ type: 'datetime' })
  createdAt: Date = new Date();
}

export const ENTITIES = [User, Article, Tag, Comment];
