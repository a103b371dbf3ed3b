import { Collection, EntitySchema, type MetadataStorage, type Ref, ScalarReference, Type } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import {
  type AttributionStep,
  attributionSteps,
  installAttribution,
} from '../../libs/mikro-orm/src/capture/attribution.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

export class Money {
  constructor(public cents: number) {}
}

class MoneyType extends Type<Money, string> {
  override convertToDatabaseValue(value: Money): string {
    return `${value.cents} cents`;
  }

  override convertToJSValue(value: string): Money {
    return new Money(Number.parseInt(value, 10));
  }

  override getColumnType(): string {
    return 'text';
  }
}

export class Address {
  street!: string;
  city!: string;
}

export class Author {
  id!: number;
  name!: string;
  posts = new Collection<Post>(this);
}

// With ES class fields, which hide the prototype's setters on every `new` instance.
export class Post {
  id!: number;
  title!: string;
  slug: string | null = null;
  views = 0;
  author?: Author | null;
  reviewer?: Author | null;
  settings?: { theme: string; tags?: string[] } | null;
  keywords?: string[] | null;
  publishedOn?: Date | null;
  cover?: Uint8Array | null;
  home?: Address | null;
  office?: Address | null;
  body?: Ref<string>;
  price?: Money;
  private _subtitle?: string | null;

  get subtitle(): string | null {
    return this._subtitle ?? null;
  }

  set subtitle(value: string | null) {
    this._subtitle = value?.trim() ?? null;
  }

  private _note?: string | null;

  get note(): string | null {
    return this._note ?? null;
  }

  set note(value: string | null) {
    this._note = value;
  }
}

const AddressSchema = new EntitySchema<Address>({
  class: Address,
  embeddable: true,
  properties: { street: { type: 'string' }, city: { type: 'string' } },
});

const AuthorSchema = new EntitySchema<Author>({
  class: Author,
  properties: {
    id: { type: 'number', primary: true, autoincrement: true },
    name: { type: 'string' },
    posts: { kind: '1:m', entity: () => Post, mappedBy: 'author' },
  },
});

// Mapped by its backing field, which the types of EntitySchema do not know how to say.
const backedNote = { _note: { type: 'string', nullable: true, accessor: 'note' } } as unknown as {
  note: { type: 'string' };
};

const PostSchema = new EntitySchema<Post>({
  class: Post,
  properties: {
    id: { type: 'number', primary: true, autoincrement: true },
    title: { type: 'string' },
    slug: { type: 'string', nullable: true },
    views: { type: 'number' },
    subtitle: { type: 'string', nullable: true, accessor: true },
    ...backedNote,
    author: { kind: 'm:1', entity: () => Author, inversedBy: 'posts', nullable: true },
    reviewer: { kind: 'm:1', entity: () => Author, nullable: true },
    settings: { type: 'json', nullable: true },
    keywords: { type: 'string[]', nullable: true },
    publishedOn: { type: 'datetime', nullable: true },
    cover: { type: 'blob', nullable: true },
    home: { kind: 'embedded', entity: () => Address, nullable: true },
    office: { kind: 'embedded', entity: () => Address, object: true, nullable: true },
    price: { type: MoneyType, nullable: true },
    body: { type: 'text', ref: true, lazy: true, nullable: true },
  },
});

export interface AttributionOrm {
  readonly orm: MikroORM;
  close(): Promise<void>;
}

/** Switches attribution on the way that the extension will, without the rest of it. */
function instrument(storage: MetadataStorage): void {
  const decorate = storage.decorate.bind(storage);
  storage.decorate = em => {
    decorate(em);
    [...storage].filter(meta => !meta.embeddable).forEach(meta => installAttribution(meta));
  };
}

export async function startOrm(): Promise<AttributionOrm> {
  const database: TestDatabase = await createDatabase();
  const orm = await MikroORM.init({
    clientUrl: database.url,
    entities: [AddressSchema, AuthorSchema, PostSchema],
    discovery: { afterDiscovered: instrument },
    allowGlobalContext: true,
  });
  await orm.schema.create();
  return {
    orm,
    close: async () => {
      await orm.close();
      await database.drop();
    },
  };
}

/** One published post by one author, with every property set; returns what to load. */
export async function seed(orm: MikroORM): Promise<{ readonly post: number; readonly author: number }> {
  const em = orm.em.fork();
  const author = em.create(Author, { name: 'Ann' });
  const post = em.create(Post, {
    title: 'Old',
    slug: 'old',
    views: 1,
    author,
    settings: { theme: 'light' },
    keywords: ['a'],
    publishedOn: new Date('2026-01-01'),
    cover: Buffer.from([1, 2]),
    home: { street: 'Elm', city: 'Bonn' },
    office: { street: 'Oak', city: 'Bonn' },
    body: new ScalarReference('text'),
    price: new Money(100),
  });
  await em.flush();
  return { post: post.id, author: author.id };
}

/** The steps in the form that reads best: `{ title: [[actor, value], [actor]] }`. */
export function stepsOf(entity: object): Record<string, unknown[]> {
  const steps = attributionSteps(entity) ?? new Map<string, never[]>();
  const told = [...steps].map(([property, list]) => [property, list.map(tell)] as const);
  return Object.fromEntries(told);
}

function tell(step: AttributionStep): unknown[] {
  const actor = step.attribution ? step.attribution.actor : 'whoever flushes';
  return 'value' in step ? [actor, step.value] : [actor];
}
