import { defineEntity, EntitySchema, p } from '@mikro-orm/core';
import { CASCADE, OnDelete, type OnDeleteHandler, SET, SET_DEFAULT, SET_NULL } from '@revy/mikro-orm';

class User {
  id!: number;
}

class Post {
  id!: number;
  author!: User | null;
}

declare const sentinel: User;

// A handler in each place that takes one.
defineEntity({
  class: Post,
  revy: { onDelete: { author: SET(() => sentinel) } },
  properties: { id: p.integer().primary(), author: () => p.manyToOne(User).nullable() },
});
new EntitySchema<Post>({
  class: Post,
  properties: {
    id: { type: 'integer', primary: true },
    author: { kind: 'm:1', entity: () => User, nullable: true, revy: { onDelete: SET_NULL } },
  },
});
export class Draft {
  @OnDelete(CASCADE) author!: User;
}

const handlers: OnDeleteHandler[] = [
  SET(1),
  SET('key'),
  SET(null),
  SET([1, 2]),
  SET(sentinel),
  SET(async () => sentinel),
  SET_DEFAULT,
];
void handlers;

// @ts-expect-error: a handler, not the name of a rule
OnDelete('cascade');
// @ts-expect-error: a key is no boolean
SET(true);
defineEntity({
  class: Post,
  // @ts-expect-error: a handler for each relation
  revy: { onDelete: CASCADE },
  properties: { id: p.integer().primary(), author: () => p.manyToOne(User).nullable() },
});
