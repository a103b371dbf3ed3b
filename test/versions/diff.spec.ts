import { defineEntity, type EntityName, p } from '@mikro-orm/core';
import {
  DifferentClassesError,
  type Diff,
  HistoryService,
  PointBeforeHistoryError,
  UnknownAttributeError,
  UnknownRevisionError,
  UnknownVersionError,
} from '@revy/mikro-orm';
import { Address, Money, Specimen, ZOO } from '../snapshot/zoo.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const NEW = { slug: null, views: 0, meta: null, author: null };

describe('what differs', () => {
  let test: TestOrm;
  let ann: User;
  beforeAll(async () => {
    test = await createOrm();
    const em = test.orm.em.fork();
    ann = em.create(User, { name: 'Ann', email: null });
    const post = em.create(Post, { id: 1, ...NEW, title: 'one', views: 1 });
    await em.flush(); // 1
    Object.assign(post, { title: 'two', author: ann, meta: { b: 1, a: [1] } });
    await em.flush(); // 2
    Object.assign(post, { title: 'one', views: 3 });
    await em.flush(); // 3
    em.remove(post);
    await em.flush(); // 4
    em.create(Post, { id: 1, ...NEW, title: 'one', views: 5 });
    await em.flush(); // 5
  });
  afterAll(() => test.close());

  const history = () => new HistoryService(test.orm.em.fork());
  const diff = (from: number, to?: number) =>
    history().diff(Post, 1, { version: from }, to === undefined ? undefined : { version: to });

  it('K10: between two points is listed with both values', async () => {
    expect(await diff(1, 2)).toEqual({
      action: 'update',
      changed: {
        title: { oldValue: 'one', newValue: 'two' },
        meta: { oldValue: null, newValue: { b: 1, a: [1] } },
        author: { oldValue: null, newValue: expect.objectContaining({ id: ann.id }) },
      },
      unknown: [],
    });
    expect((await diff(1, 2))!.changed.author!.newValue).toBeInstanceOf(User);
  });

  it('between two points leaves out what went and came back in between', async () => {
    expect(Object.keys((await diff(1, 3))!.changed)).toEqual(['views', 'meta', 'author']);
  });

  it('K11: backwards is the same the other way round', async () => {
    expect((await diff(3, 1))!.changed).toMatchObject({
      views: { oldValue: 3, newValue: 1 },
      meta: { oldValue: { a: [1], b: 1 }, newValue: null },
    });
  });

  it('to the latest state needs no second point', async () => {
    expect(await diff(3)).toEqual(await diff(3, 5));
    expect((await diff(3))!.changed.views).toEqual({ oldValue: 3, newValue: 5 });
  });

  it('is nothing between a point and itself', async () => {
    expect(await diff(2, 2)).toEqual({ action: null, changed: {}, unknown: [] });
    expect(await history().diff(Post, 1, { version: 2 }, { before: 3 })).toEqual(await diff(2, 2));
  });

  it('from or to where the object did not exist is all of its values', async () => {
    expect(await diff(3, 4)).toMatchObject({
      action: 'delete',
      changed: { title: { oldValue: 'one', newValue: null }, views: { oldValue: 3, newValue: null } },
    });
    expect(await history().diff(Post, 1, { before: 1 }, { version: 1 })).toEqual({
      action: 'create',
      changed: { title: { oldValue: null, newValue: 'one' }, views: { oldValue: null, newValue: 1 } },
      unknown: [],
    });
    expect(await history().diff(Post, 1, { before: 1 }, { version: 4 })).toBeNull();
    expect(await history().diff(Post, 999, { revision: 1 })).toBeNull();
  });

  it('K10: is narrowed to some attributes, or to all but some', async () => {
    const narrowed = (options: object) => history().diff(Post, 1, { version: 1 }, { version: 2 }, options);
    expect(Object.keys((await narrowed({ attributes: ['title', 'views'] }))!.changed)).toEqual(['title']);
    expect(Object.keys((await narrowed({ except: ['title', 'meta'] }))!.changed)).toEqual(['author']);
    expect(await narrowed({ attributes: ['title'], except: ['title'] })).toMatchObject({ action: null, changed: {} });
    await expect(narrowed({ attributes: ['titel'] })).rejects.toThrow(UnknownAttributeError);
    await expect(narrowed({ except: ['titel'] })).rejects.toThrow(UnknownAttributeError);
  });

  it('K10: between two objects of one class, each at a point of its own', async () => {
    const em = test.orm.em.fork();
    em.create(Post, { id: 2, ...NEW, title: 'two', views: 1, author: ann.id });
    await em.flush();
    const found = await history().diff({ type: Post, key: 1, at: { version: 2 } }, { type: Post, key: 2 });
    expect(found).toEqual({
      action: 'update',
      changed: { meta: { oldValue: { a: [1], b: 1 }, newValue: null } },
      unknown: [],
    });
    const other = await history().diff({ type: Post, key: 2 }, { type: Post, key: 1 }, { attributes: ['title'] });
    expect(other!.changed).toEqual({ title: { oldValue: 'two', newValue: 'one' } });
  });

  it('K10: between objects of different classes is refused', async () => {
    const compare = history().diff({ type: Post, key: 1 }, { type: Tag as never, key: 1 });
    await expect(compare).rejects.toThrow(DifferentClassesError);
  });

  it('is refused at a point that does not exist', async () => {
    await expect(diff(1, 9)).rejects.toThrow(UnknownVersionError);
    await expect(history().diff(Post, 1, { revision: 999 })).rejects.toThrow(UnknownRevisionError);
  });

  it('takes a statement for each state, and one for the collections', async () => {
    expect(await statementsOf(() => diff(1, 3))).toHaveLength(3);
    const narrowed = () => history().diff(Post, 1, { version: 1 }, { version: 3 }, { attributes: ['title'] });
    expect(await statementsOf(narrowed)).toHaveLength(2);
  });
});

describe('what is not known', () => {
  const AccountSchema = defineEntity({
    name: 'Account',
    revy: { mask: ['token'], exclude: ['cache'] },
    properties: {
      id: p.integer().primary(),
      owner: p.string(),
      limit: p.integer().nullable(),
      token: p.string().nullable(),
      cache: p.string().nullable(),
    },
  });
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([AccountSchema] as EntityName[]);
  });
  afterAll(() => test.close());

  const change = async (id: number, values: object) => {
    const em = test.orm.em.fork();
    Object.assign(await em.findOneOrFail(AccountSchema, id), values);
    await em.flush();
  };

  it('is listed as such, and not as null: masked, excluded, never seen', async () => {
    const em = test.orm.em.fork();
    em.create(AccountSchema, { id: 1, owner: 'Ann', limit: 1, token: 'secret', cache: 'a' });
    await em.flush();
    await change(1, { owner: 'Bob', token: 'other', cache: 'b' });
    const found = await new HistoryService(em).diff(AccountSchema, 1, { version: 1 });
    expect(found).toEqual({
      action: 'update',
      changed: { owner: { oldValue: 'Ann', newValue: 'Bob' } },
      unknown: ['token', 'cache'],
    });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  it('N3: works where the creation is missing from the history', async () => {
    await test.database.query(`insert into account (id, owner, "limit", token) values (2, 'Ann', 5, 'secret')`);
    await change(2, { owner: 'Bob' });
    await change(2, { limit: 6 });
    const history = new HistoryService(test.orm.em.fork());
    const [first] = await history.deltas(AccountSchema, 2);
    const before = await history.diff(AccountSchema, 2, { before: first!.revision }, { version: 1 });
    expect(before).toMatchObject({ action: 'update', changed: { owner: { oldValue: 'Ann', newValue: 'Bob' } } });
    expect(before!.unknown).toEqual(['token', 'cache']);
    expect((await history.diff(AccountSchema, 2, { version: 1 }))!.changed).toEqual({
      limit: { oldValue: 5, newValue: 6 },
    });
    await expect(history.diff(AccountSchema, 2, new Date('2001-01-01'))).rejects.toThrow(PointBeforeHistoryError);
  });

  it('N3: and where it has been removed together with what it alone told', async () => {
    const em = test.orm.em.fork();
    em.create(AccountSchema, { id: 3, owner: 'Ann', limit: 5, token: null, cache: null });
    await em.flush();
    await change(3, { owner: 'Bob' });
    await change(3, { owner: 'Cid' });
    await em.fork().nativeDelete(AccountSchema, 3);
    await test.database.query(
      `delete from revy_object_delta where object_id = '3' and (version = 1 or action = 'delete')`,
    );
    const found = await new HistoryService(test.orm.em.fork()).diff(AccountSchema, 3, { version: 2 }, { version: 3 });
    expect(found).toEqual({
      action: 'update',
      changed: { owner: { oldValue: 'Bob', newValue: 'Cid' } },
      unknown: ['limit', 'token', 'cache'],
    });
  });
});

describe('values of every kind', () => {
  it('have their types, and an embeddable is one attribute', async () => {
    const test = await createOrm(ZOO);
    const em = test.orm.em.fork();
    const address = (street: string, zip: number | null) => Object.assign(new Address(), { street, zip });
    const before = {
      big: 1n,
      price: '1.50',
      seenAt: new Date('2026-01-02T03:04:05.678Z'),
      photo: Buffer.from('a'),
      value: new Money(100n, 'EUR'),
      tags: ['a'],
      data: { a: 1 },
      home: address('Elm', 1),
      offices: [address('Elm', 2)],
      past: address('Oak', null),
    };
    const after = {
      big: 2n,
      price: '1.60',
      seenAt: new Date('2026-01-02T03:04:05.679Z'),
      photo: Buffer.from('b'),
      value: new Money(100n, 'USD'),
      tags: ['a', 'b'],
      data: { a: 2 },
      home: address('Elm', 2),
      offices: [],
      past: address('Oak', 1),
    };
    const specimen = em.create(Specimen, { count: 1, ...before } as never);
    await em.flush();
    Object.assign(specimen, after);
    await em.flush();
    const found: Diff<Specimen> | null = await new HistoryService(em).diff(Specimen, specimen.id, { version: 1 });
    const expected = Object.keys(before).map(name => [
      name,
      { oldValue: before[name as 'big'], newValue: after[name as 'big'] },
    ]);
    expect(found).toEqual({ action: 'update', changed: Object.fromEntries(expected), unknown: [] });
    expect(found!.changed.home!.oldValue).toBeInstanceOf(Address);
    expect(found!.changed.value!.newValue).toBeInstanceOf(Money);
    await test.close();
  });
});
