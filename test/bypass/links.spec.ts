import { Collection, defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { folded, live, unordered } from '../collections/links.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { statementsOf } from '../support/statements.js';

abstract class Owner {
  id!: number;
  kind!: string;
  tags = new Collection<Tag>(this);
  ranked = new Collection<Tag>(this);
  rated = new Collection<Tag>(this);
}
class Shop extends Owner {}
class Club extends Owner {}

class Tag {
  id!: number;
  owners = new Collection<Owner>(this);
}

class Rating {
  owner!: Owner;
  tag!: Tag;
  stars!: number;
}

const id = () => p.integer().primary();
const OwnerSchema = defineEntity({
  class: Owner as unknown as new () => Owner,
  abstract: true,
  discriminatorColumn: 'kind',
  properties: {
    id: id(),
    kind: p.string(),
    tags: () => p.manyToMany(Tag).owner(),
    ranked: () => p.manyToMany(Tag).owner().fixedOrder().pivotTable('ranking'),
    rated: () =>
      p
        .manyToMany(Tag)
        .owner()
        .pivotEntity(() => Rating),
  },
} as never);
const ENTITIES = [
  OwnerSchema,
  defineEntity({ class: Shop, extends: OwnerSchema, discriminatorValue: 'shop', properties: {} } as never),
  defineEntity({ class: Club, extends: OwnerSchema, discriminatorValue: 'club', properties: {} } as never),
  defineEntity({
    class: Tag,
    properties: { id: id(), owners: () => p.manyToMany(Owner as never).mappedBy('tags' as never) },
  }),
  defineEntity({
    class: Rating,
    properties: {
      owner: () => p.manyToOne(Owner as never).primary(),
      tag: () => p.manyToOne(Tag).primary(),
      stars: p.integer().default(3),
    },
  }),
];

let test: TestOrm;
let em: EntityManager;
beforeAll(async () => {
  test = await createOrm(ENTITIES as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`truncate owner, tag, owner_tags, ranking, rating restart identity cascade;
    insert into owner (id, kind) values (1, 'shop'), (2, 'club');
    insert into tag values (1), (2), (3);
    insert into owner_tags (owner_id, tag_id) values (1, 1), (2, 1);
    insert into ranking (owner_id, tag_id) values (1, 1), (1, 2);
    insert into rating (owner_id, tag_id, stars) values (1, 1, 5), (2, 1, 4)`);
  await test.forget();
  em = test.orm.em.fork();
});

const START = {
  'Shop:1 tags': [1],
  'Club:2 tags': [1],
  'Shop:1 ranked': [1, 2],
  'Shop:1 rated': [1],
  'Club:2 rated': [1],
};

async function recorded(): Promise<unknown[]> {
  const deltas = await test.deltas();
  const sum = unordered(folded(deltas, START));
  const tables: Record<string, unknown[]> = {};
  for (const [type, kind] of [
    ['Shop', 'shop'],
    ['Club', 'club'],
  ] as const) {
    const rows = await test.database.query<{ id: number }>('select id from owner where kind = $1', [kind]);
    const ids = new Set(rows.map(row => `${type}:${row.id}`));
    for (const name of ['tags', 'ranked', 'rated']) {
      for (const [place, keys] of Object.entries(await live(test, { [type]: name }))) {
        if (ids.has(place.split(' ')[0]!)) tables[place] = keys;
      }
    }
  }
  expect(Object.entries(sum).toSorted(byContent)).toEqual(Object.entries(unordered(tables)).toSorted(byContent));
  return deltas.map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);
}

describe('links that a native call writes', () => {
  it('belong to the class that their owner is of, from either side', async () => {
    await em.nativeUpdate(Tag, 1, { owners: [2] } as never);
    await em.nativeUpdate(Shop, 1, { tags: [3] } as never);
    expect(await recorded()).toEqual([
      ['update', 'Shop:1', {}, { tags: { added: [], removed: [1] } }],
      ['update', 'Shop:1', {}, { tags: { added: [3], removed: [] } }],
    ]);
  });

  it('have their order', async () => {
    await em.nativeUpdate(Shop, 1, { ranked: [2, 1] } as never);
    await em.insert(Club, { id: 3, kind: 'club', ranked: [3, 1] } as never);
    expect(await recorded()).toEqual([
      ['create', 'Club:3', null, { ranked: { added: [3, 1], removed: [] } }],
      ['update', 'Shop:1', { ranked: { order: [1, 2] } }, { ranked: { added: [], removed: [], order: [2, 1] } }],
    ]);
  });

  it('of a pivot entity are its objects, too', async () => {
    await em.nativeUpdate(Shop, 1, { rated: [1, 2] } as never);
    expect(await recorded()).toEqual([
      ['create', 'Rating:[1,2]', null, { stars: 3 }],
      ['update', 'Rating:[1,1]', { stars: 5 }, { stars: 3 }],
      ['update', 'Shop:1', {}, { rated: { added: [2], removed: [] } }],
    ]);
  });

  it('cost no statement but the one that asks for the class, where several may own them', async () => {
    const sent = await statementsOf(() =>
      em.insertMany(Shop, [
        { id: 8, kind: 'shop', tags: [1, 2] },
        { id: 9, kind: 'shop', tags: [3] },
      ] as never),
    );
    expect(sent.map(sql => sql.split(' ').slice(0, 3).join(' ').replace(/\s.*/s, ''))).toEqual([
      'begin',
      'insert',
      'insert',
      'insert',
      'select',
      'select',
      'with',
    ]);
  });
});

describe('the rows of links, written natively as the objects that they are', () => {
  it('inserted, changed, put over others and deleted', async () => {
    await em.insert(Rating, { owner: 1, tag: 2 } as never);
    await em.insertMany(Rating, [
      { owner: 2, tag: 2, stars: 1 },
      { owner: 2, tag: 3, stars: 1 },
    ] as never);
    await em.nativeUpdate(Rating, { owner: 1, tag: 2 } as never, { stars: 9 });
    await em.upsert(Rating, { owner: 2, tag: 1, stars: 8 } as never);
    await em.upsert(Rating, { owner: 1, tag: 3, stars: 8 } as never);
    await em.nativeDelete(Rating, { tag: 1 } as never);
    const links = (await recorded()).filter(row => !String((row as unknown[])[1]).startsWith('Rating'));
    expect(links).toEqual([
      ['update', 'Club:2', {}, { rated: { added: [], removed: [1] } }],
      ['update', 'Club:2', {}, { rated: { added: [2, 3], removed: [] } }],
      ['update', 'Shop:1', {}, { rated: { added: [], removed: [1] } }],
      ['update', 'Shop:1', {}, { rated: { added: [2], removed: [] } }],
      ['update', 'Shop:1', {}, { rated: { added: [3], removed: [] } }],
    ]);
  });
});
