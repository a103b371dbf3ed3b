import { type EntityName, defineEntity, p } from '@mikro-orm/core';
import {
  type DeltaFilter,
  HistoryService,
  MaskedValueError,
  ObjectDelta,
  type PageOptions,
  Revision,
  RevisionContext,
  SystemActor,
  UnknownAttributeError,
  UnusableFilterError,
} from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { Address, Money, Specimen, ZOO } from '../snapshot/zoo.js';

const importer = new SystemActor('importer');

describe('what happened to posts', () => {
  let test: TestOrm;
  let made: Awaited<ReturnType<typeof writeBlog>>;
  const history = () => new HistoryService(test.orm.em.fork());
  const found = async (filter: DeltaFilter<Post> & PageOptions) =>
    (await history().deltas({ type: Post, ...filter })).map(named);
  const named = ({ objectType, objectId, version }: ObjectDelta) => `${objectType} ${objectId} v${version}`;
  const ids = (revisions: readonly Revision[]) => revisions.map(({ id }) => id);

  beforeAll(async () => {
    test = await createOrm();
    made = await writeBlog(test);
  });
  afterAll(() => test.close());

  /** Two posts over nine revisions: Post 1 by Ann, who is credited for most of it, Post 2 by the importer. */
  async function writeBlog({ orm }: TestOrm) {
    const em = orm.em.fork();
    const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(User, { name, email: null })) as [User, User];
    const [news, old] = ['news', 'old'].map(name => em.create(Tag, { name })) as [Tag, Tag];
    await em.flush(); // 1
    const flush = (values: object) => RevisionContext.run(values, () => em.flush());
    const one = em.create(Post, { title: 'one', slug: null, views: 0, meta: null, author: ann });
    await flush({ actor: ann, revisionDescription: 'written', metadata: { source: 'web', tags: ['a', 'b'] } }); // 2
    Object.assign(one, { title: 'two', views: 9 });
    await flush({ actor: bob, revisionDescription: '100% sure', objectDeltaDescription: 'edited 100%' }); // 3
    const two = em.create(Post, { title: 'two', slug: 'two', views: 10, meta: { a: 1 }, author: bob });
    two.tags.add(news);
    one.views = 100;
    one.slug = 'one';
    await flush({ actor: importer, revisionDescription: 'counted', metadata: { source: 'import', run: { id: 7 } } }); // 4
    await em.transactional(async inner => {
      await RevisionContext.run({ actor: ann, attributeDeltaDescription: 'typo' }, () => {
        one.title = 'twoo';
        return inner.flush();
      });
      await RevisionContext.run({ actor: bob, attributeDeltaDescription: 'as agreed' }, () => {
        one.title = 'three';
        return inner.flush();
      });
    }); // 5
    one.tags.add(news, old);
    one.author = bob;
    await flush({ actor: ann }); // 6
    one.tags.remove(old);
    one.slug = null;
    await flush({ actor: bob }); // 7
    em.create(Comment, { text: 'agreed', post: one });
    await flush({ actor: null, revisionDescription: 'edited 100%' }); // 8
    em.remove(two);
    await flush({ actor: ann, revisionDescription: 'gone' }); // 9
    return { ann, bob, news, old, one, two };
  }

  it('K1: are found by what was changed, what was not, and both', async () => {
    expect(await found({ changed: 'title' })).toEqual([
      'Post 1 v1',
      'Post 1 v2',
      'Post 2 v1',
      'Post 1 v4',
      'Post 2 v2',
    ]);
    expect(await found({ changed: 'title', action: 'update' })).toEqual(['Post 1 v2', 'Post 1 v4']);
    expect(await found({ changed: { title: false }, action: 'update' })).toEqual([
      'Post 1 v3',
      'Post 1 v5',
      'Post 1 v6',
    ]);
    expect(await found({ changed: { title: false } })).toEqual(['Post 1 v3', 'Post 1 v5', 'Post 1 v6']);
    expect(await found({ changed: { views: true, title: false } })).toEqual(['Post 1 v3']);
    expect(await found({ changed: ['author', 'tags'], action: ['update', 'delete'] })).toEqual([
      'Post 1 v5',
      'Post 1 v6',
      'Post 2 v2',
    ]);
    expect(await found({ changed: [] })).toEqual([]);
    expect(await found({ changed: {}, action: 'delete' })).toEqual(['Post 2 v2']);
  });

  it('K1, A10: what a create left null and a deletion found null was not changed', async () => {
    expect(await found({ changed: 'slug' })).toEqual(['Post 2 v1', 'Post 1 v3', 'Post 1 v6', 'Post 2 v2']);
    expect(await found({ changed: 'meta' })).toEqual(['Post 2 v1', 'Post 2 v2']);
  });

  it('K1: revisions are found by what one of their deltas changed', async () => {
    expect(ids(await history().revisions({ type: Post, changed: 'slug' }))).toEqual([4, 7, 9]);
    expect(ids(await history().revisions({ type: Post, keys: [1], changed: 'slug', order: 'desc' }))).toEqual([7, 4]);
    expect(ids(await history().revisions({ type: Post, action: 'create' }))).toEqual([2, 4]);
    expect(ids(await history().revisions({ type: [Tag, Comment] }))).toEqual([1, 8]);
    // in revision 4, Post 1 was counted and Post 2 was made: no delta does both
    expect(ids(await history().revisions({ type: Post, action: 'create', changed: { views: { to: 100 } } }))).toEqual(
      [],
    );
    expect(await history().countRevisions({ type: Post, changed: 'slug' })).toBe(3);
  });

  it('K7: are found by the value before, the value after, and both', async () => {
    expect(await found({ changed: { title: { to: 'two' } } })).toEqual(['Post 1 v2', 'Post 2 v1']);
    expect(await found({ changed: { title: { from: 'two' } } })).toEqual(['Post 1 v4', 'Post 2 v2']);
    expect(await found({ changed: { title: { from: 'one', to: 'two' } } })).toEqual(['Post 1 v2']);
    expect(await found({ changed: { title: { from: 'two', to: 'one' } } })).toEqual([]);
    expect(await found({ changed: { title: { to: `two' or true --` } } })).toEqual([]);
    expect(await found({ changed: { title: { to: '?' } } })).toEqual([]);
    expect(await found({ changed: { meta: { to: { a: 1 } } } })).toEqual(['Post 2 v1']);
    expect(await found({ changed: { meta: { to: {} } } })).toEqual([]);
  });

  it('K7: null is a value before a create and after a deletion, and never what is unknown', async () => {
    expect(await found({ changed: { slug: { from: null } } })).toEqual(['Post 2 v1', 'Post 1 v3']);
    expect(await found({ changed: { slug: { to: null } } })).toEqual(['Post 1 v6', 'Post 2 v2']);
    expect(await found({ changed: { slug: { to: null } }, action: 'update' })).toEqual(['Post 1 v6']);
    expect(await found({ changed: { slug: { from: { $ne: null } } } })).toEqual(['Post 1 v6', 'Post 2 v2']);
    expect(await found({ changed: { slug: { to: { $ne: null } } } })).toEqual(['Post 2 v1', 'Post 1 v3']);
    expect(await found({ changed: { slug: { to: { $ne: 'one' } } } })).toEqual(['Post 2 v1', 'Post 1 v6', 'Post 2 v2']);
  });

  it('K3: are found by ranges, lists and patterns', async () => {
    const to = (filter: object) => found({ changed: { views: { to: filter } } });
    expect(await to({ $gte: 10 })).toEqual(['Post 2 v1', 'Post 1 v3']);
    expect(await to({ $gt: 10 })).toEqual(['Post 1 v3']);
    expect(await to({ $lt: 10 })).toEqual(['Post 1 v1', 'Post 1 v2']);
    expect(await to({ $lte: 9 })).toEqual(['Post 1 v1', 'Post 1 v2']);
    expect(await to({ $gte: 9, $lte: 10 })).toEqual(['Post 1 v2', 'Post 2 v1']);
    expect(await to({ $in: [0, 100] })).toEqual(['Post 1 v1', 'Post 1 v3']);
    expect(await to({ $in: [0] })).toEqual(['Post 1 v1']);
    expect(await to({ $in: [] })).toEqual([]);
    expect(await to({ $nin: [0, 100] })).toEqual(['Post 1 v2', 'Post 2 v1', 'Post 2 v2']);
    expect(await to({ $nin: [], $gt: 9 })).toEqual(['Post 2 v1', 'Post 1 v3']);
    expect(await found({ changed: { title: { to: { $like: 't%' } } } })).toEqual([
      'Post 1 v2',
      'Post 2 v1',
      'Post 1 v4',
    ]);
    expect(await found({ changed: { title: { to: { $ilike: 'TWO' } } } })).toEqual(['Post 1 v2', 'Post 2 v1']);
    expect(await found({ changed: { title: { from: { $gt: 'p' } } } })).toEqual(['Post 1 v4', 'Post 2 v2']);
  });

  it('K3: are found by the related object, a reference to it, or its key', async () => {
    const { ann, bob } = made;
    expect(await found({ changed: { author: { to: bob } } })).toEqual(['Post 2 v1', 'Post 1 v5']);
    expect(await found({ changed: { author: { to: bob.id } } })).toEqual(['Post 2 v1', 'Post 1 v5']);
    const reference = test.orm.em.fork().getReference(User, ann.id);
    expect(await found({ changed: { author: { from: reference } } })).toEqual(['Post 1 v5']);
    expect(await found({ changed: { author: { from: { $in: [ann, bob.id] } } } })).toEqual(['Post 1 v5', 'Post 2 v2']);
  });

  it('are found by a link that was added or removed', async () => {
    const { news, old } = made;
    expect(await found({ changed: { tags: { added: old } } })).toEqual(['Post 1 v5']);
    expect(await found({ changed: { tags: { removed: old.id } } })).toEqual(['Post 1 v6']);
    expect(await found({ changed: { tags: { removed: news } } })).toEqual(['Post 2 v2']);
    expect(await found({ changed: { tags: { added: news, actor: made.ann } } })).toEqual(['Post 1 v5']);
    expect(await found({ changed: { tags: { added: news, actor: made.bob } } })).toEqual([]);
  });

  it('are found by each of several who changed an attribute in one revision, with what each of them set', async () => {
    const { ann, bob } = made;
    expect(await found({ changed: { title: { to: 'twoo' } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { from: 'twoo' } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { to: 'twoo', actor: ann } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { to: 'twoo', actor: bob } } })).toEqual([]);
    expect(await found({ changed: { title: { from: 'two', to: 'three' } } })).toEqual([]);
    expect(await found({ changed: { title: { actor: bob, description: 'as agreed' } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { description: { $like: '%agreed' } } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { description: { $in: ['typo', 'x'] } } } })).toEqual(['Post 1 v4']);
    expect(await found({ changed: { title: { actor: importer } } })).toEqual(['Post 2 v1']);
    expect(await found({ changed: { title: { description: null }, views: { description: null } } })).toEqual([
      'Post 1 v1',
      'Post 2 v1',
      'Post 2 v2',
    ]);
  });

  it('K9: are found by the actor of the delta, or by anybody who had a part in it', async () => {
    const { ann, bob } = made;
    expect(await found({ actor: ann })).toEqual(['Post 1 v1', 'Post 1 v5', 'Post 2 v2']);
    expect(await found({ involving: ann })).toEqual(['Post 1 v1', 'Post 1 v4', 'Post 1 v5', 'Post 2 v2']);
    expect(ids(await history().revisions({ actor: bob }))).toEqual([3, 7]);
    expect(ids(await history().revisions({ involving: bob }))).toEqual([3, 5, 7]);
    expect(ids(await history().revisions({ involving: importer }))).toEqual([4]);
  });

  it('K9: are found by description: the same, alike, or one of several', async () => {
    expect(await found({ description: 'edited 100%' })).toEqual(['Post 1 v2']);
    expect(await found({ description: { $like: 'edited%' } })).toEqual(['Post 1 v2']);
    expect(await found({ description: { $ilike: 'EDITED%' }, action: 'delete' })).toEqual([]);
    expect(ids(await history().revisions({ description: { $like: '100\\% %' } }))).toEqual([3]);
    expect(ids(await history().revisions({ description: { $in: ['gone', 'written', `'`] } }))).toEqual([2, 9]);
    expect(ids(await history().revisions({ description: null }))).toEqual([1, 5, 6, 7]);
    expect(ids(await history().revisions({ description: { $ne: null }, actor: null }))).toEqual([8]);
  });

  it('K9: are found by what the metadata contains', async () => {
    expect(ids(await history().revisions({ metadata: { source: 'web' } }))).toEqual([2]);
    expect(ids(await history().revisions({ metadata: { tags: ['b'] } }))).toEqual([2]);
    expect(ids(await history().revisions({ metadata: { run: { id: 7 } } }))).toEqual([4]);
    expect(ids(await history().revisions({ metadata: { source: `'?"` } }))).toEqual([]);
    expect(await found({ metadata: { source: 'import' } })).toEqual(['Post 2 v1', 'Post 1 v3']);
  });

  it('K4: take conditions of MikroORM on any column, counted and in order', async () => {
    expect(ids(await history().revisions({ where: { id: { $gt: 2, $lte: 5 } }, order: 'desc' }))).toEqual([5, 4, 3]);
    expect(ids(await history().revisions({ where: { $or: [{ id: 2 }, { description: 'gone' }] } }))).toEqual([2, 9]);
    expect(await found({ where: { version: { $gte: 5 } } })).toEqual(['Post 1 v5', 'Post 1 v6']);
    expect(await found({ where: { revision: { description: 'counted' } }, action: 'create' })).toEqual(['Post 2 v1']);
    expect(await history().countDeltas({ type: Post, where: { version: 1 } })).toBe(2);
    expect(await history().countDeltas()).toBe(13);
    expect(await history().countRevisions({ where: { id: { $gt: 100 } } })).toBe(0);
  });

  it('K5: the first and the last that meet the rest, of all objects or of each', async () => {
    const last = { order: 'desc', limit: 1 } as const;
    expect(await found({ changed: 'views', ...last })).toEqual(['Post 2 v2']);
    expect(await found({ changed: 'views', limit: 1 })).toEqual(['Post 1 v1']);
    expect(ids(await history().revisions({ type: Post, keys: [1], changed: 'views', ...last }))).toEqual([4]);
    expect(await found({ only: 'last' })).toEqual(['Post 1 v6', 'Post 2 v2']);
    expect(await found({ only: 'first' })).toEqual(['Post 1 v1', 'Post 2 v1']);
    expect(await found({ only: 'last', changed: 'views', action: ['create', 'update'] })).toEqual([
      'Post 2 v1',
      'Post 1 v3',
    ]);
    expect(await history().countDeltas({ only: 'last' })).toBe(7);
  });

  it('K14: come as one stream over all classes, by object and by the objects that they refer to', async () => {
    const all = await history().deltas({ order: 'desc', limit: 3 });
    expect(all.map(named)).toEqual(['Post 2 v2', 'Comment 1 v1', 'Post 1 v6']);
    const both = await history().deltas({ objects: [made.one, made.news], action: 'create' });
    expect(both.map(named).sort()).toEqual(['Post 1 v1', 'Tag 1 v1']);
    const some = await history().deltas({ type: Post, keys: [2, 99] });
    expect(some.map(named)).toEqual(['Post 2 v1', 'Post 2 v2']);
    const comments = await history().deltas({ type: Comment, changed: { post: { to: made.one } } });
    expect(comments.map(named)).toEqual(['Comment 1 v1']);
    const texts = await history().deltas<Post | Comment>({ type: [Post, Comment], changed: ['text', 'slug'] });
    expect(texts.map(named)).toEqual(['Post 2 v1', 'Post 1 v3', 'Post 1 v6', 'Comment 1 v1', 'Post 2 v2']);
  });

  it('come in pages that stay where they are while more is recorded', async () => {
    const first = await history().deltas({ type: Post, limit: 3 });
    expect(first.next).toMatch(/^[\w-]+$/);
    const em = test.orm.em.fork();
    await em.begin();
    em.create(Post, { title: 'later', slug: null, views: 0, meta: null, author: null });
    await em.flush();
    const pages = [first];
    while (pages.at(-1)!.next) {
      pages.push(await new HistoryService(em).deltas({ type: Post, limit: 3, after: pages.at(-1)!.next }));
    }
    await em.rollback();
    expect(pages.map(page => page.map(named))).toEqual([
      ['Post 1 v1', 'Post 1 v2', 'Post 2 v1'],
      ['Post 1 v3', 'Post 1 v4', 'Post 1 v5'],
      ['Post 1 v6', 'Post 2 v2', expect.stringMatching(/^Post 3/)],
    ]);
    expect(await history().deltas({ type: Post, limit: 8 })).toMatchObject({ next: null, length: 8 });
    const newest = await history().revisions({ order: 'desc', limit: 2 });
    const next = await history().revisions({ order: 'desc', limit: 2, after: newest.next });
    expect([newest, next].map(ids)).toEqual([
      [9, 8],
      [7, 6],
    ]);
  });

  it('a page is an array, and what is made of it is an ordinary one', async () => {
    const page = await history().revisions({ limit: 2 });
    expect(page).toEqual([expect.any(Revision), expect.any(Revision)]);
    expect(Object.getPrototypeOf(page.map(({ id }) => id))).toBe(Array.prototype);
    expect(JSON.parse(JSON.stringify(page))).toHaveLength(2);
  });

  it('take one statement, whatever is asked for', async () => {
    const filter = { type: Post, changed: { title: { from: 'one' } }, since: new Date(0), limit: 2 } as const;
    for (const read of [
      () => history().deltas(filter),
      () => history().countDeltas(filter),
      () => history().revisions(filter),
      () => history().countRevisions(filter),
      () => history().deltas({ ...filter, only: 'last' }),
      () => history().deltas({ objects: [made.one, made.ann, made.news], involving: made.ann }),
    ]) {
      expect(await statementsOf(read)).toHaveLength(1);
    }
  });

  it('refuse what they cannot search for', async () => {
    const deltas = (filter: object) => history().deltas(filter as never);
    await expect(deltas({ type: Post, changed: { titel: true } })).rejects.toThrow(UnknownAttributeError);
    await expect(deltas({ changed: 'title' })).rejects.toThrow(UnusableFilterError);
    await expect(deltas({ type: [Post, User], keys: [1] })).rejects.toThrow(UnusableFilterError);
    await expect(deltas({ type: Post, changed: 'comments' })).rejects.toThrow('"post" of Comment');
    await expect(deltas({ type: Tag, changed: 'posts' })).rejects.toThrow('"tags" of Post');
    await expect(deltas({ type: Post, changed: { title: { to: { $regex: 'x' } } } })).rejects.toThrow(
      UnusableFilterError,
    );
    await expect(deltas({ type: Post, changed: { meta: { to: { $gt: 1 } } } })).rejects.toThrow(UnusableFilterError);
    await expect(deltas({ type: Post, changed: { views: { to: { $like: '1%' } } } })).rejects.toThrow(
      UnusableFilterError,
    );
    await expect(deltas({ type: Post, changed: { title: { description: { $gt: 'x' } } } })).rejects.toThrow(
      UnusableFilterError,
    );
    await expect(deltas({ limit: 0 })).rejects.toThrow(UnusableFilterError);
    await expect(deltas({ limit: 1.5 })).rejects.toThrow(UnusableFilterError);
    await expect(deltas({ after: 'x' })).rejects.toThrow('it is no place in a list of deltas');
    const revisions = await history().revisions({ limit: 1 });
    await expect(deltas({ after: revisions.next })).rejects.toThrow('it is no place in a list of deltas');
  });
});

describe('values of every kind', () => {
  let test: TestOrm;
  const home = Object.assign(new Address(), { street: 'Elm', zip: 1 });
  const values = {
    count: 5,
    ratio: 0.5,
    price: '10.50',
    priceNumber: 9.5,
    big: 9007199254740993n,
    isAlive: false,
    text: '10',
    seenAt: new Date('2026-01-02T03:04:05.678Z'),
    bornOn: '2020-05-06',
    wakesAt: '07:30:00',
    data: { a: [1, { b: null }] },
    photo: Buffer.from('cheese'),
    uuid: '0b8bd2a2-3f2f-4d6e-9d5c-0a3c3f1b2c4d',
    status: 'wild' as const,
    tags: ['x', 'y'],
    sizes: [1, 2],
    value: new Money(1050n, 'EUR'),
    home,
    offices: [home],
    past: home,
  };
  const others = {
    ...values,
    count: 50,
    ratio: 10.25,
    price: '9.75',
    priceNumber: 10.5,
    big: 9007199254740992n,
    isAlive: true,
    text: '9',
    seenAt: new Date('2026-01-02T03:04:05.677Z'),
    bornOn: '2020-05-05',
    wakesAt: '07:29:59',
    data: { a: [{ b: null }, 1] },
    photo: Buffer.from('chees'),
    uuid: '0b8bd2a2-3f2f-4d6e-9d5c-0a3c3f1b2c4e',
    status: 'kept' as const,
    tags: ['y', 'x'],
    sizes: [1, 2, 3],
    value: new Money(1051n, 'EUR'),
    home: Object.assign(new Address(), { street: 'Elm', zip: null }),
    offices: [],
    past: Object.assign(new Address(), { street: 'Oak', zip: 1 }),
  };
  const found = async (changed: object) =>
    (await new HistoryService(test.orm.em.fork()).deltas({ type: Specimen, changed } as never)).map(({ objectId }) =>
      Number(objectId),
    );

  beforeAll(async () => {
    test = await createOrm(ZOO);
    const em = test.orm.em.fork();
    for (const data of [values, others, { count: 0 }]) {
      em.create(Specimen, data as never);
      await em.flush();
    }
  });
  afterAll(() => test.close());

  it.each(Object.keys(values) as (keyof typeof values)[])('%s: equals exactly its own', async name => {
    expect(await found({ [name]: { to: values[name] } })).toEqual(
      name === 'home' ? [1] : Object.is(values[name], others[name]) ? [1, 2] : [1],
    );
    expect(await found({ [name]: { to: others[name] } })).toEqual([2]);
  });

  it('K12: an embeddable is found as one attribute, and by those of its values that are given', async () => {
    expect(await found({ home: true })).toEqual([1, 2]);
    expect(await found({ home: { to: { street: 'Elm' } } })).toEqual([1, 2]);
    expect(await found({ home: { to: { zip: 1 } } })).toEqual([1]);
    expect(await found({ home: { to: { street: 'Oak' } } })).toEqual([]);
    const em = test.orm.em.fork();
    const specimen = await em.findOneOrFail(Specimen, 1n);
    specimen.home!.zip = 2;
    await em.flush();
    const history = new HistoryService(em);
    expect(await history.deltas(Specimen, 1n, { changed: 'home', action: 'update' })).toMatchObject([
      { oldValues: { home_zip: 1 }, newValues: { home_zip: 2 } },
    ]);
    expect(await history.deltas(Specimen, 1n, { changed: { home: { from: home } } })).toEqual([]);
    await expect(found({ home: { to: { $in: [home] } } })).rejects.toThrow(UnusableFilterError);
  });

  it.each([
    ['count', { $gt: 5 }, [2]],
    ['ratio', { $gte: 0.5, $lt: 10.25 }, [1]],
    ['ratio', { $gt: 9.5 }, [2]],
    ['price', { $gt: '9.8' }, [1]],
    ['priceNumber', { $lte: 9.5 }, [1]],
    ['big', { $gte: 9007199254740993n }, [1]],
    ['seenAt', { $gte: values.seenAt }, [1]],
    ['seenAt', { $lt: values.seenAt }, [2]],
    ['bornOn', { $gt: '2020-05-05' }, [1]],
    ['wakesAt', { $lt: '07:30:00' }, [2]],
    ['uuid', { $gt: values.uuid }, [2]],
    ['status', { $in: ['wild', null] }, [1]],
    ['status', { $ilike: 'W%' }, [1]],
    ['text', { $lt: '9' }, [1]],
  ])('%s %o: is compared as its type is', async (name, to, expected) => {
    expect((await found({ [name]: { to } })).filter(id => id < 3)).toEqual(expected);
  });

  it.each(['isAlive', 'data', 'photo', 'tags', 'value', 'past'])('%s: has no order', async name => {
    await expect(found({ [name]: { to: { $gt: values[name as 'data'] } } })).rejects.toThrow(UnusableFilterError);
  });
});

describe('masked values', () => {
  const Account = defineEntity({
    name: 'Account',
    revy: { mask: ['token'] },
    properties: { id: p.integer().primary(), name: p.string(), token: p.string().nullable() },
  });

  it('cannot be guessed: only that they changed, and from or to null', async () => {
    const test = await createOrm([Account] as EntityName[]);
    const em = test.orm.em.fork();
    const account = em.create(Account, { id: 1, name: 'Ann', token: 'secret' });
    await em.flush();
    account.token = null;
    await em.flush();
    const history = new HistoryService(em);
    const found = async (changed: object) =>
      (await history.deltas(Account, 1, { changed } as never)).map(({ version }) => version);
    expect(await found({ token: true })).toEqual([1, 2]);
    expect(await found({ token: { to: null } })).toEqual([2]);
    expect(await found({ token: { from: { $ne: null } } })).toEqual([2]);
    for (const guess of ['secret', '[FILTERED]', { $in: ['secret', null] }, { $like: 's%' }, { $gt: 'a' }]) {
      await expect(found({ token: { to: guess } })).rejects.toThrow(MaskedValueError);
      await expect(found({ token: { from: guess } })).rejects.toThrow(MaskedValueError);
    }
    await test.close();
  });
});
