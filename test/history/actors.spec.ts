import { defineEntity, p, PrimaryKeyProp, wrap } from '@mikro-orm/core';
import { type Actor, HistoryService, Revision, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { BLOG, Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Robot {
  [PrimaryKeyProp]?: ['plant', 'serial'];
  plant!: string;
  serial!: number;
}

class Secret {
  id!: string;
}

const RobotSchema = defineEntity({
  class: Robot,
  properties: { plant: p.string().primary(), serial: p.integer().primary() },
});
// an actor may be of a class whose own changes are not recorded
const SecretSchema = defineEntity({ class: Secret, revy: { track: false }, properties: { id: p.uuid().primary() } });

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm([...BLOG, RobotSchema, SecretSchema]);
});
afterAll(() => test.close());
beforeEach(() => test.forget());

let n = 0;
async function changeAs(...actors: (Actor | undefined)[]): Promise<void> {
  const em = test.orm.em.fork();
  const post = em.create(Post, { title: '', slug: null, views: 0, meta: null, author: null });
  await RevisionContext.runDisabled(() => em.flush());
  const [first, second] = actors;
  await RevisionContext.run({ actor: first }, async () => {
    post.title = `${n++}`;
    if (actors.length > 1) RevisionContext.run({ actor: second }, () => void (post.slug = `${n++}`));
    await em.flush();
  });
}

async function makeUser(name: string): Promise<User> {
  const em = test.orm.em.fork();
  const user = em.create(User, { name, email: null });
  await RevisionContext.runDisabled(() => em.flush());
  return user;
}

const actorsOf = async () => {
  const revisions = await new HistoryService(test.orm.em.fork()).revisions();
  return Promise.all(revisions.map(revision => revision.actors));
};

it('a revision gives back everyone who acted in it, once each, the system last', async () => {
  const [ann, bob] = [await makeUser('Ann'), await makeUser('Bob')];
  await changeAs(ann);
  await changeAs(ann, ann);
  await changeAs(bob, null);
  await changeAs(new SystemActor('importer'), ann);
  await changeAs(null);
  await changeAs(undefined);
  const [one, same, two, three, system, nobody] = await actorsOf();
  expect(one).toMatchObject([{ id: ann.id, name: 'Ann' }]);
  expect(one![0]).toBeInstanceOf(User);
  expect(same).toHaveLength(1);
  expect(two).toMatchObject([{ name: 'Bob' }, null]);
  expect(three).toHaveLength(2);
  expect(three).toContainEqual(new SystemActor('importer'));
  expect(three).toContainEqual(expect.objectContaining({ name: 'Ann' }));
  expect([system, nobody]).toEqual([[null], [null]]);
});

it('G6: an actor may have any kind of key, be untracked, act on itself, and be made in the flush that it acts in', async () => {
  const em = test.orm.em.fork();
  const robot = em.create(Robot, { plant: 'a,"b"', serial: 7 });
  const secret = em.create(Secret, { id: 'b7a3a1de-0c1f-4d2e-8a6b-0123456789ab' });
  await RevisionContext.runDisabled(() => em.flush());
  await changeAs(robot);
  await changeAs(secret);
  await changeAs(wrap(await makeUser('Ref')).toReference());
  const made = em.create(User, { name: 'Newborn', email: null });
  await RevisionContext.run({ actor: made }, () => em.flush());
  await RevisionContext.run({ actor: made }, async () => {
    made.name = 'Grown';
    await em.flush();
  });
  expect((await test.revisions()).map(({ actor }) => actor)).toEqual([
    'Robot:["a,\\"b\\"",7]',
    `Secret:${secret.id}`,
    expect.stringMatching(/^User:\d+$/),
    `User:${made.id}`,
    `User:${made.id}`,
  ]);
  const actors = (await actorsOf()).flat();
  expect(actors).toMatchObject([
    { plant: 'a,"b"', serial: 7 },
    { id: secret.id },
    { name: 'Ref' },
    { name: 'Grown' },
    { name: 'Grown' },
  ]);
  expect(actors.map(actor => actor!.constructor)).toEqual([Robot, Secret, User, User, User]);
});

it('G6: an actor that was deleted since is left out, and its id stays in the record', async () => {
  const [ann, bob] = [await makeUser('Ann'), await makeUser('Bob')];
  await changeAs(ann, bob);
  await changeAs(ann);
  await RevisionContext.runDisabled(async () => {
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail(User, ann.id)).flush();
  });
  expect(await actorsOf()).toMatchObject([[{ name: 'Bob' }], []]);
  expect((await test.revisions()).map(({ actor }) => actor)).toEqual([`User:${ann.id}`, `User:${ann.id}`]);
});

it('are loaded for fifty revisions in as many statements as for one', async () => {
  const users = await Promise.all(['a', 'b', 'c', 'd'].map(makeUser));
  for (let index = 0; index < 50; index++) {
    await changeAs(users[index % 4], index % 3 ? null : new SystemActor(`s${index}`));
  }
  const count = async (limit: number) => {
    const revisions = await new HistoryService(test.orm.em.fork()).revisions({ limit });
    expect(revisions).toHaveLength(limit);
    const sent = await statementsOf(async () => {
      const actors = await Promise.all(revisions.map(revision => revision.actors));
      expect(actors.every(one => one.length === 2)).toBe(true);
    });
    return sent.length;
  };
  expect([await count(1), await count(50)]).toEqual([2, 2]);
});

it('are found for revisions however they were loaded, also in a transaction', async () => {
  const ann = await makeUser('Ann');
  await changeAs(ann);
  const em = test.orm.em.fork();
  expect(await (await em.findOneOrFail(Revision, 1)).actors).toMatchObject([{ name: 'Ann' }]);
  await em.transactional(async inner => {
    const user = await inner.findOneOrFail(User, ann.id);
    await RevisionContext.run({ actor: user }, async () => {
      user.name = 'Anna';
      await inner.flush();
      const [last] = await new HistoryService(inner).revisions({ order: 'desc', limit: 1 });
      expect(await last!.actors).toMatchObject([{ name: 'Anna' }]);
    });
  });
});

it('of an actor that reads in vain: a filter finds nothing for whoever never acted', async () => {
  const [ann, bob] = [await makeUser('Ann'), await makeUser('Bob')];
  await changeAs(ann);
  const history = new HistoryService(test.orm.em.fork());
  expect(await history.revisions({ actor: bob })).toEqual([]);
  expect(await history.revisions({ actor: ann })).toHaveLength(1);
});
