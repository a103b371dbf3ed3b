import {
  HistoryService,
  type Page,
  Revision,
  RevisionContext,
  SnapshotService,
  SystemActor,
  UnknownRevisionError,
  UnknownVersionError,
  type Version,
} from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const pause = () => new Promise(resolve => setTimeout(resolve, 2));
const NEW = { slug: null, views: 0, meta: null, author: null };

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());

const history = () => new HistoryService(test.orm.em.fork());
const numbers = (versions: readonly Version<Post>[]) => versions.map(({ number }) => number);

/** Creates a post and changes it once for each of the given values; a deletion for `null`, and then a new beginning. */
async function lifeOf(id: number, changes: readonly (Partial<Post> | null)[]): Promise<void> {
  for (const change of [{ title: 'v1' }, ...changes]) {
    const em = test.orm.em.fork();
    const post = await em.findOne(Post, id);
    if (change === null) em.remove(post!);
    else if (post) Object.assign(post, change);
    else em.create(Post, { id, ...NEW, title: 'again', ...change } as never);
    await em.flush();
    await pause();
  }
}

/** What a version says, without the ways on from it. */
const said = (version: Version<Post>) => ({
  ...contents(version),
  revision: [version.revision.id, version.revision.recordedAt],
});

/** The columns of a post. */
const columns = (post: Post | null | undefined) =>
  post && [post.id, post.title, post.slug, post.views, post.meta, post.author?.id];

/** When each version of a post was recorded, read past the library. */
async function recorded(id: number): Promise<Date[]> {
  const rows = await test.database.query<{ at: Date }>(
    `select r.recorded_at as at from revy_object_delta d join revy_revision r on r.id = d.revision_id
     where d.object_type = 'Post' and d.object_id = $1 order by d.id`,
    [String(id)],
  );
  return rows.map(({ at }) => at);
}

describe('the versions of an object', () => {
  it('K2, L4: are numbered from 1, each with what made it: revision, actor, description, attributes', async () => {
    const em = test.orm.em.fork();
    const ann = em.create(User, { name: 'Ann', email: null });
    await em.flush();
    const post = em.create(Post, { id: 1, ...NEW, title: 'one', author: ann });
    await RevisionContext.run({ actor: ann, revisionDescription: 'written' }, () => em.flush());
    post.slug = 'one';
    post.title = 'One';
    post.tags.add(em.create(Tag, { name: 'news' }));
    await RevisionContext.run(
      { actor: new SystemActor('importer'), revisionDescription: 'import', objectDeltaDescription: 'corrected' },
      () => em.flush(),
    );
    em.remove(post);
    await em.flush();
    const versions = await history().versions(Post, 1);
    const [first, second, third] = versions;
    expect(versions.map(({ number, action, isDeleted }) => [number, action, isDeleted])).toEqual([
      [1, 'create', false],
      [2, 'update', false],
      [3, 'delete', true],
    ]);
    expect(versions.map(({ description }) => description)).toEqual(['written', 'corrected', null]);
    expect(versions.map(({ actorType, actorId }) => [actorType, actorId])).toEqual([
      ['User', String(ann.id)],
      ['system', 'importer'],
      [null, null],
    ]);
    expect(versions.map(({ changed }) => changed)).toEqual([
      ['title', 'views', 'author'],
      ['title', 'slug', 'tags'],
      ['title', 'slug', 'views', 'author', 'tags'],
    ]);
    expect(first!.revision).toBeInstanceOf(Revision);
    expect(second!.revision).toMatchObject({ description: 'import', actorId: 'importer' });
    expect(await first!.actor).toMatchObject({ id: ann.id, name: 'Ann' });
    expect(await second!.actor).toEqual(new SystemActor('importer'));
    expect(await third!.actor).toBeNull();
  });

  it('L1, S8: end at the very instant at which the next one begins, by the database’s clock', async () => {
    await lifeOf(2, [{ views: 1 }, { views: 2 }, null, { title: 'back' }]);
    const versions = await history().versions(Post, 2);
    const starts = await recorded(2);
    expect(versions.map(({ validFrom }) => validFrom)).toEqual(starts);
    expect(versions.map(({ validUntil }) => validUntil)).toEqual([...starts.slice(1), null]);
    expect(versions.every(({ validFrom, revision }) => validFrom.getTime() === revision.recordedAt.getTime())).toBe(
      true,
    );
  });

  it('L2: exactly one is open, and it is the last', async () => {
    await lifeOf(3, [{ views: 1 }, null]);
    const open = async () => (await history().versions(Post, 3)).filter(({ validUntil }) => validUntil === null);
    expect(numbers(await open())).toEqual([3]);
    await lifeOf(3, []);
    expect(numbers(await open())).toEqual([4]);
  });

  it('L6: come oldest or newest first, in pages that know how long their last ones were valid', async () => {
    await lifeOf(4, [{ views: 1 }, { views: 2 }, { views: 3 }, { views: 4 }, { views: 5 }, null]);
    const all = await history().versions(Post, 4);
    expect(numbers(all)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(numbers(await history().versions(Post, 4, { order: 'desc' }))).toEqual([7, 6, 5, 4, 3, 2, 1]);
    for (const order of ['asc', 'desc'] as const) {
      for (const limit of [1, 2, 3, 6, 7, 8]) {
        const seen: Version<Post>[] = [];
        for (let after: string | null | undefined; after !== null;) {
          const page = await history().versions(Post, 4, { order, limit, after });
          expect(page.length).toBeLessThanOrEqual(limit);
          seen.push(...page);
          after = page.next;
        }
        expect(seen.map(said)).toEqual((order === 'asc' ? all : all.toReversed()).map(said));
      }
    }
  });

  it('S9, F6: are found by the original key after a deletion, and go on when the key is used again', async () => {
    await lifeOf(5, [null, { title: 'second' }, null, { title: 'third' }]);
    const versions = await history().versions(Post, 5);
    expect(versions.map(({ number, action }) => `${number} ${action}`)).toEqual([
      '1 create',
      '2 delete',
      '3 create',
      '4 delete',
      '5 create',
    ]);
    expect(await Promise.all(versions.map(async one => (await one.state())?.title))).toEqual([
      'v1',
      undefined,
      'second',
      undefined,
      'third',
    ]);
  });

  it('keep their numbers where the beginning of the history has been removed', async () => {
    await lifeOf(6, [{ views: 1 }, { title: 'named' }, { views: 3 }]);
    const before = await history().versions(Post, 6);
    await test.database.query(
      `delete from revy_object_delta where object_id = '6' and object_type = 'Post' and version < 3`,
    );
    const after = await history().versions(Post, 6);
    expect(after.map(said)).toEqual(before.slice(2).map(said));
    expect(await after[0]!.previous()).toBeNull();
    expect(await Promise.all(after.map(async one => (await one.state())!.views))).toEqual([1, 3]);
    expect(await history().versionAt(Post, 6, before[0]!.validFrom)).toBeNull();
  });

  it('begin with the first recorded change of a row that is older than its history', async () => {
    await test.database.query(`insert into post (id, title, slug, views) values (7, 'old', 'old', 7)`);
    const em = test.orm.em.fork();
    expect(await history().versions(Post, 7)).toEqual([]);
    expect(await history().versionAt(Post, 7, new Date(Date.now() + 1000))).toBeNull();
    const post = await em.findOneOrFail(Post, 7);
    for (const title of ['a', 'b']) {
      post.title = title;
      await em.flush();
    }
    const versions = await history().versions(Post, 7);
    expect(versions.map(({ number, action, changed }) => [number, action, changed])).toEqual([
      [1, 'update', ['title']],
      [2, 'update', ['title']],
    ]);
    expect((await Promise.all(versions.map(one => one.state()))).map(columns)).toEqual([
      [7, 'a', 'old', 7, null, undefined],
      [7, 'b', 'old', 7, null, undefined],
    ]);
  });

  it('take one statement, and none for what was read already', async () => {
    await lifeOf(8, [{ views: 1 }, { views: 2 }]);
    let versions: Version<Post>[] = [];
    expect(await statementsOf(async () => (versions = await history().versions(Post, 8, { limit: 2 })))).toHaveLength(
      1,
    );
    expect(await statementsOf(() => history().versions(Post, 8, { order: 'desc', limit: 2 }))).toHaveLength(1);
    expect(await statementsOf(() => history().versionAt(Post, 8, { version: 2 }))).toHaveLength(1);
    expect(await statementsOf(async () => void (await versions[0]!.next()))).toEqual([]);
    expect(await statementsOf(async () => void (await versions[1]!.previous()))).toEqual([]);
    expect(await statementsOf(async () => void (await versions[1]!.next()))).toHaveLength(1);
  });

  it('are read in a transaction with its own changes', async () => {
    const em = test.orm.em.fork();
    await em.begin();
    em.create(Post, { id: 9, ...NEW, title: 'pending' });
    await em.flush();
    const [version] = await new HistoryService(em).versions(Post, 9);
    expect(version).toMatchObject({ number: 1, validUntil: null });
    expect((await version!.state())!.title).toBe('pending');
    await em.rollback();
    expect(await history().versions(Post, 9)).toEqual([]);
  });
});

describe('the state of a version', () => {
  const CHANGES = [{ views: 1 }, { title: 'b', meta: { a: [1] } }, null, { title: 'new', views: 9 }, { slug: 's' }];

  it('is what a snapshot at the version shows, for each of them', async () => {
    await lifeOf(20, CHANGES);
    const versions = await history().versions(Post, 20);
    const states = await Promise.all(versions.map(one => one.state()));
    const snapshots = new SnapshotService(test.orm.em.fork());
    for (const [index, { number }] of versions.entries()) {
      const snapshot = await snapshots.at(Post, 20, { version: number });
      expect(columns(states[index])).toEqual(columns(snapshot?.entity) ?? null);
    }
    expect(states[2]).toBeInstanceOf(Post);
    expect(states[3]).toBeNull();
  });

  it('is the same whether it is asked for alone or with others', async () => {
    await lifeOf(21, CHANGES);
    const versions = await history().versions(Post, 21, { order: 'desc' });
    const together = await Promise.all(versions.map(one => one.state()));
    for (const [index, version] of versions.entries()) {
      expect(columns(await version.state())).toEqual(columns(together[index]));
    }
  });

  it('is read with as many statements for forty versions as for two', async () => {
    await lifeOf(
      22,
      Array.from({ length: 40 }, (_, index) => ({ views: index + 1 })),
    );
    const versions = await history().versions(Post, 22);
    let states: (Post | null)[] = [];
    const sent = await statementsOf(async () => (states = await Promise.all(versions.map(one => one.state()))));
    expect(sent).toHaveLength(2);
    expect(states.map(state => state!.views)).toEqual(Array.from({ length: 41 }, (_, index) => index));
    expect(await statementsOf(() => Promise.all(versions.slice(30, 32).map(one => one.state())))).toHaveLength(2);
    expect(await statementsOf(() => versions[5]!.state())).toHaveLength(1);
  });

  it('is detached, and another instance each time', async () => {
    await lifeOf(23, [{ views: 1 }]);
    const [version] = await history().versions(Post, 23);
    const [one, other] = await Promise.all([version!.state(), version!.state()]);
    one!.title = 'forged';
    expect(other!.title).toBe('v1');
    expect((await version!.state())!.title).toBe('v1');
  });

  it('fails for all that asked if it cannot be read', async () => {
    await lifeOf(24, [{ views: 1 }]);
    const versions = await history().versions(Post, 24);
    await test.database.query(`delete from revy_object_delta where object_type = 'Post' and object_id = '24'`);
    const asked = await Promise.allSettled(versions.map(one => one.state()));
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('neighbours', () => {
  it('L5: of the first, a middle and the last version, of an object that is there or gone, and on and on', async () => {
    await lifeOf(30, [{ views: 1 }, { views: 2 }, null]);
    const [first] = await history().versions(Post, 30, { limit: 1 });
    const [last] = await history().versions(Post, 30, { order: 'desc', limit: 1 });
    expect(await first!.previous()).toBeNull();
    expect(await last!.next()).toBeNull();
    const forward: number[] = [];
    for (let version = first ?? null; version; version = await version.next()) forward.push(version.number);
    expect(forward).toEqual([1, 2, 3, 4]);
    const back: (readonly [number, boolean])[] = [];
    for (let version = last ?? null; version; version = await version.previous()) {
      back.push([version.number, version.isDeleted]);
    }
    expect(back).toEqual([
      [4, true],
      [3, false],
      [2, false],
      [1, false],
    ]);
    const middle = (await history().versionAt(Post, 30, { version: 2 }))!;
    expect((await (await middle.next())!.previous())!.number).toBe(2);
    expect(said((await (await middle.previous())!.next())!)).toEqual(said(middle));
  });

  it('of the last version are looked for anew, because there may be one by now', async () => {
    await lifeOf(31, []);
    const [version] = await history().versions(Post, 31);
    expect(await version!.next()).toBeNull();
    await lifeOf(31, [{ views: 1 }]);
    expect(await version!.next()).toMatchObject({ number: 2 });
  });
});

describe('the version at a point', () => {
  const at = async (id: number, point: Parameters<HistoryService['versionAt']>[2]) =>
    (await history().versionAt(Post, id, point))?.number;

  it('is the one that was valid then', async () => {
    await lifeOf(40, [{ views: 1 }, null, { title: 'back' }]);
    const versions = await history().versions(Post, 40);
    for (const { number, validFrom, revision } of versions) {
      expect(await at(40, validFrom)).toBe(number);
      expect(await at(40, new Date(validFrom.getTime() - 1))).toBe(number === 1 ? undefined : number - 1);
      expect(await at(40, revision)).toBe(number);
      expect(await at(40, { revision: revision.id })).toBe(number);
      expect(await at(40, { after: revision })).toBe(number);
      expect(await at(40, { before: revision })).toBe(number === 1 ? undefined : number - 1);
      expect(await at(40, { version: number })).toBe(number);
    }
    expect(await at(40, new Date(Date.now() + 60_000))).toBe(4);
  });

  it('has all that the list of versions says of it', async () => {
    await lifeOf(41, [{ views: 1 }, { views: 2 }]);
    for (const version of await history().versions(Post, 41)) {
      const found = await history().versionAt(Post, 41, { version: version.number });
      expect(said(found!)).toEqual(said(version));
    }
  });

  it('is refused where there is no such point', async () => {
    await lifeOf(42, []);
    await expect(at(42, { revision: 1_000_000 })).rejects.toThrow(UnknownRevisionError);
    await expect(at(42, { version: 2 })).rejects.toThrow(UnknownVersionError);
    expect(await at(999, new Date())).toBeUndefined();
    await expect(at(999, { version: 1 })).rejects.toThrow(UnknownVersionError);
  });
});

describe('clocks and transactions', () => {
  async function countUp(id: number, em = test.orm.em.fork()): Promise<void> {
    (await em.findOneOrFail(Post, id)).views++;
    await em.flush();
    await pause();
  }

  const ranges = async (id: number) =>
    (await history().versions(Post, id)).map(({ validFrom, validUntil }) => [validFrom, validUntil] as const);

  it('L8: a transaction that began earlier and commits later makes a later version', async () => {
    await lifeOf(50, []);
    const older = test.orm.em.fork();
    await older.begin();
    await older.execute('select now()');
    await pause();
    await countUp(50);
    await countUp(50, older);
    await older.commit();
    const found = await ranges(50);
    expect(found.map(([from]) => from)).toEqual(await recorded(50));
    for (const [from, until] of found.slice(0, -1)) expect(until!.getTime()).toBeGreaterThan(from.getTime());
  });

  it('L8: no version ends before it began, though a shared revision has the time of its first transaction', async () => {
    await lifeOf(51, []);
    const revision = new Revision();
    const shared = () => RevisionContext.run({ revision }, () => countUp(51));
    await shared();
    await countUp(51);
    await countUp(51);
    await shared();
    await shared();
    await countUp(51);
    const times = await recorded(51);
    expect(times[4]).toEqual(times[1]);
    const [v1, v2, v3, v4, , , v7] = times;
    const found = await ranges(51);
    expect(found.map(([from]) => from)).toEqual([v1, v2, v3, v4, v4, v4, v7]);
    expect(found.map(([, until]) => until)).toEqual([v2, v3, v4, v4, v4, v7, null]);
    for (const order of ['asc', 'desc'] as const) {
      let after: string | null = null;
      const paged: Version<Post>[] = [];
      do {
        const page: Page<Version<Post>> = await history().versions(Post, 51, { order, limit: 1, after });
        paged.push(...page);
        after = page.next;
      } while (after);
      const inOrder = order === 'asc' ? paged : paged.toReversed();
      expect(inOrder.map(({ validFrom, validUntil }) => [validFrom, validUntil])).toEqual(found);
    }
    const numberAt = async (date: Date) => (await history().versionAt(Post, 51, date))!.number;
    expect(await numberAt(v2!)).toBe(2);
    expect(await numberAt(v3!)).toBe(3);
    expect(await numberAt(v4!)).toBe(6);
    expect(await numberAt(v7!)).toBe(7);
  });
});
