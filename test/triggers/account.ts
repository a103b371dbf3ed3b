import { Collection, defineEntity, p } from '@mikro-orm/core';

/** What the tests of triggers record: values, a secret, a relation and links. */
export class Tag {
  id!: number;
  name!: string;
}

export class Account {
  id!: number;
  name!: string;
  visits!: number;
  secret!: string | null;
  since!: Date | null;
  settings!: Record<string, unknown> | null;
  owner!: Account | null;
  tags = new Collection<Tag>(this);
}

export const TagSchema = defineEntity({ class: Tag, properties: { id: p.integer().primary(), name: p.string() } });

export const AccountSchema = defineEntity({
  class: Account,
  revy: { triggers: true, mask: ['secret'] },
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    visits: p.integer().default(0),
    secret: p.string().nullable(),
    since: p.datetime(3).nullable(),
    settings: p.json<Record<string, unknown>>().nullable(),
    owner: () => p.manyToOne(Account).nullable().deleteRule('set null'),
    tags: () => p.manyToMany(Tag),
  },
});

export const ACCOUNTS = [AccountSchema, TagSchema];
