import { defineEntity, type EntityName, p } from '@mikro-orm/core';
import {
  type AttributeBlame,
  type Blame,
  HistoryService,
  type ObjectPoint,
  RevisionContext,
  SystemActor,
  UnknownVersionError,
  UntrackedEntityError,
} from '@revy/mikro-orm';
import { Address, Specimen, ZOO } from '../snapshot/zoo.js';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const NEW = { slug: null, views: 0, meta: null, author: null };
const importer = new SystemActor('importer');

/** Value, version and reason of each attribute, by name. */
const summary = <T extends object>(blame: Blame<T> | null) =>
  blame &&
  Object.fromEntries(
    Object.entries<AttributeBlame<unknown>>(blame as never).map(([name, one]) => [
      name,
      [one.value, one.version, one.actorId, one.description],
    ]),
  );

describe('who set the present values', () => {
  let test: TestOrm;
  let ann: User;
  beforeAll(async () => {
    test = await createOrm();
    const em = test.orm.em.fork();
    ann = em.create(User, { name: 'Ann', email: null });
    await em.flush();
  });
  afterAll(() => test.close());

  const blame = (id: number, point?: ObjectPoint) => new HistoryService(test.orm.em.fork()).blame(Post, id, point);

  it('is told for each attribute: by whom, when, why, and in which version', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'one', author: ann.id });
    const flush = (values: object) => RevisionContext.run(values, () => em.flush());
    await flush({ actor: ann, revisionDescription: 'written' });
    post.title = 'two';
    await flush({ actor: importer, objectDeltaDescription: 'import' });
    post.views = 5;
    await RevisionContext.run({ actor: ann }, async () => {
      await RevisionContext.run({ actor: null, attributeDeltaDescription: 'follows' }, async () => {
        post.slug = 'two';
      });
      await em.flush();
    });
    post.views = 6;
    await em.flush();
    post.views = 5;
    post.slug = null;
    await flush({ actor: importer, revisionDescription: 'back' });
    post.slug = 'two';
    await RevisionContext.run({ actor: null, attributeDeltaDescription: 'follows' }, () => em.flush());
    const found = await blame(1);
    expect(summary(found)).toEqual({
      title: ['two', 2, 'importer', 'import'],
      slug: ['two', 6, null, 'follows'],
      views: [5, 5, 'importer', 'back'],
      meta: [null, 1, String(ann.id), 'written'],
      author: [expect.any(User), 1, String(ann.id), 'written'],
    });
    expect(found!.author!.value!.id).toBe(ann.id);
    const [{ at }] = (await test.database.query<{ at: Date }>(
      `select recorded_at as at from revy_revision where id = (select revision_id from revy_object_delta where version = 2)`,
    )) as [{ at: Date }];
    expect(found!.title).toMatchObject({ recordedAt: at, actorType: 'system' });
    expect(found!.title!.revision!.recordedAt).toEqual(at);
    // and at a point: who had set the values of then
    expect(summary(await blame(1, { version: 3 }))).toEqual({
      title: ['two', 2, 'importer', 'import'],
      slug: ['two', 3, null, 'follows'],
      views: [5, 3, String(ann.id), null],
      meta: [null, 1, String(ann.id), 'written'],
      author: [expect.any(User), 1, String(ann.id), 'written'],
    });
    expect(summary(await blame(1, { version: 4 }))!.views).toEqual([6, 4, null, null]);
    expect(summary(await blame(1, at))!.title).toEqual(['two', 2, 'importer', 'import']);
    await expect(blame(1, { version: 99 })).rejects.toThrow(UnknownVersionError);
    const actors = await Promise.all([found!.meta!.actor, found!.title!.actor, found!.slug!.actor]);
    expect(actors).toEqual([expect.objectContaining({ id: ann.id, name: 'Ann' }), importer, null]);
  });

  it('names the last of several who set an attribute in one revision', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 2, ...NEW, title: 'one' });
    await em.flush();
    await em.transactional(async inner => {
      for (const [actor, title] of [
        [ann, 'two'],
        [importer, 'three'],
      ] as const) {
        await RevisionContext.run({ actor, attributeDeltaDescription: `by ${title}` }, async () => {
          post.title = title;
          await inner.flush();
        });
      }
    });
    expect((await blame(2))!.title).toMatchObject({
      value: 'three',
      version: 2,
      actorType: 'system',
      actorId: 'importer',
      description: 'by three',
    });
  });

  it('says that a value is older than the history, and not that the system set it', async () => {
    await test.database.query(`insert into post (id, title, views) values (3, 'old', 7)`);
    expect(summary(await blame(3))).toMatchObject({ title: ['old', 0, null, null], views: [7, 0, null, null] });
    const em = test.orm.em.fork();
    (await em.findOneOrFail(Post, 3)).views = 8;
    await RevisionContext.run({ actor: ann }, () => em.flush());
    expect(summary(await blame(3, { version: 1 }))!.title).toEqual(['old', 0, null, null]);
    const found = await blame(3);
    expect(found!.views).toMatchObject({ value: 8, version: 1, actorId: String(ann.id) });
    expect(found!.title).toMatchObject({ value: 'old', version: 0, revision: null, recordedAt: null });
    expect(await found!.title!.actor).toBeUndefined();
    expect(await found!.views!.actor).toMatchObject({ name: 'Ann' });
  });

  it('goes by the last values of a deleted object, and by the new life of one that came back', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 4, ...NEW, title: 'first' });
    await em.flush();
    post.title = 'second';
    await em.flush();
    em.remove(post);
    await em.flush();
    expect(summary(await blame(4))).toMatchObject({ title: ['second', 2, null, null], views: [0, 1, null, null] });
    em.create(Post, { id: 4, ...NEW, title: 'back' });
    await em.flush();
    expect(summary(await blame(4))).toMatchObject({ title: ['back', 4, null, null], views: [0, 4, null, null] });
    const before = summary(await blame(4, { version: 3 }));
    expect(before).toMatchObject({ title: ['second', 2, null, null], views: [0, 1, null, null] });
  });

  it('works where the beginning of the history has been removed', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 5, ...NEW, title: 'first' });
    await em.flush();
    post.views = 1;
    await em.flush();
    await test.database.query(
      `delete from revy_object_delta where object_type = 'Post' and object_id = '5' and version = 1`,
    );
    expect(summary(await blame(5))).toMatchObject({ title: ['first', 0, null, null], views: [1, 2, null, null] });
  });

  it('is nothing for an object that nobody has seen, and refused for a class that is not tracked', async () => {
    expect(await blame(999)).toBeNull();
    class Unknown {}
    await expect(new HistoryService(test.orm.em.fork()).blame(Unknown, {})).rejects.toThrow(UntrackedEntityError);
  });

  it('takes two statements, however long the history is, and one more for all its actors of a type', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 6, ...NEW, title: 'first' });
    for (let views = 0; views < 30; views++) {
      post.views = views;
      await RevisionContext.run({ actor: ann }, () => em.flush());
    }
    let found: Blame<Post> | null = null;
    expect(await statementsOf(async () => (found = await blame(6)))).toHaveLength(2);
    const actors = () => Promise.all(Object.values(found!).map(one => one.actor));
    expect(await statementsOf(actors)).toHaveLength(1);
  });
});

describe('attributes of every kind', () => {
  it('K12: an embeddable is one attribute, set by whoever set one of its values last', async () => {
    const test = await createOrm(ZOO);
    const em = test.orm.em.fork();
    const home = () => Object.assign(new Address(), { street: 'Elm', zip: 1 });
    const specimen = em.create(Specimen, { count: 1, home: home(), past: home() } as never);
    await em.flush();
    specimen.home!.zip = 2;
    await em.flush();
    const found = (await new HistoryService(em).blame(Specimen, specimen.id))!;
    expect(found.home).toMatchObject({ value: { street: 'Elm', zip: 2 }, version: 2 });
    expect(found.past).toMatchObject({ value: { street: 'Elm', zip: 1 }, version: 1 });
    expect(found).not.toHaveProperty('home_zip');
    await test.close();
  });

  it('a masked value stays masked; who set it is told', async () => {
    const Account = defineEntity({
      name: 'Account',
      revy: { mask: ['token'], exclude: ['cache'] },
      properties: {
        id: p.integer().primary(),
        name: p.string(),
        token: p.string().nullable(),
        cache: p.string().nullable(),
      },
    });
    const test = await createOrm([Account] as EntityName[]);
    const em = test.orm.em.fork();
    em.create(Account, { id: 1, name: 'Ann', token: 'secret', cache: 'x' });
    await RevisionContext.run({ actor: importer }, () => em.flush());
    expect(summary(await new HistoryService(em).blame(Account, 1))).toEqual({
      name: ['Ann', 1, 'importer', null],
      token: [undefined, 1, 'importer', null],
    });
    await test.close();
  });
});
