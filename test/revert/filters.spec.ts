import {
  NothingToRevertError,
  RevertConflictError,
  RevertService,
  RevisionContext,
  SystemActor,
  UnusableFilterError,
} from '@revy/mikro-orm';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

let t: TestOrm;
let reverts: RevertService;
let ann: User;
let beth: User;

beforeEach(async () => {
  t = await createOrm();
  reverts = new RevertService(t.orm.em.fork());
  const em = t.orm.em.fork();
  ann = em.create(User, { name: 'Ann' } as never);
  beth = em.create(User, { name: 'Beth' } as never);
  for (const title of ['one', 'two', 'three']) em.create(Post, { title, views: 0 } as never);
  await em.flush();
});
afterEach(() => t.close());

const titles = async () =>
  (await t.database.query<{ title: string }>('select title from post order by id')).map(({ title }) => title);
const reverted = () => t.database.query('select reverts::int, metadata from revy_revision order by id desc limit 1');

/** One transaction of one user. */
async function rename(actor: User, id: number, title: string, metadata = {}): Promise<void> {
  const em = t.orm.em.fork();
  await RevisionContext.run({ actor, metadata }, async () => {
    (await em.findOneOrFail(Post, id)).title = title;
    await em.flush();
  });
}

/** When a revision was made, by the database's clock. */
async function timeOf(revision: number): Promise<Date> {
  const [row] = await t.database.query<{ at: Date }>('select recorded_at as at from revy_revision where id = $1', [
    revision,
  ]);
  return row!.at;
}

it("undoes one user's afternoon", async () => {
  await rename(ann, 1, 'morning');
  await new Promise(resolve => setTimeout(resolve, 5));
  await rename(ann, 1, 'noon');
  await rename(beth, 2, 'by Beth');
  await rename(ann, 3, 'evening');
  const plan = await reverts.revision({ actor: ann, since: await timeOf(3), until: await timeOf(5) });
  expect(plan.reverts).toEqual([3, 5]);
  expect(await titles()).toEqual(['morning', 'by Beth', 'three']);
  expect(await reverted()).toEqual([{ reverts: 5, metadata: { revert: 'revision', reverts: [3, 5] } }]);
});

it('undoes a bad import by its metadata, objects that it made included', async () => {
  for (const [index, file] of ['a.csv', 'b.csv', 'a.csv'].entries()) {
    const em = t.orm.em.fork();
    em.create(Tag, { name: `${file} ${index}` } as never);
    await RevisionContext.run({ metadata: { import: { file } } }, () => em.flush());
  }
  await reverts.revision({ metadata: { import: { file: 'a.csv' } } });
  expect(await t.database.query('select name from tag')).toEqual([{ name: 'b.csv 1' }]);
});

it('undoes what a filter of objects finds, whole revisions of it', async () => {
  const em = t.orm.em.fork();
  for (const id of [1, 2]) (await em.findOneOrFail(Post, id)).title = 'x';
  await em.flush();
  await rename(beth, 3, 'y');
  await reverts.revision({ type: Post, keys: [1], changed: { title: { to: 'x' } } });
  expect(await titles()).toEqual(['one', 'two', 'y']);
});

it('takes as many as the page holds', async () => {
  for (const title of ['a', 'b', 'c']) await rename(ann, 1, title);
  await reverts.revision({ actor: ann, order: 'desc', limit: 2 });
  expect(await titles()).toEqual(['a', 'two', 'three']);
});

it('plans with a filter, and finds what stands in the way, as it does with ids', async () => {
  await rename(ann, 1, 'by Ann');
  await rename(beth, 1, 'by Beth');
  const plan = await reverts.revision({ actor: ann }, { dryRun: true });
  expect(plan.conflicts).toEqual((await reverts.revision([2], { dryRun: true })).conflicts);
  expect(plan.conflicts).toMatchObject([{ reason: 'changed-later', revision: { id: 3 } }]);
  await expect(reverts.revision({ actor: ann })).rejects.toThrow(RevertConflictError);
  await reverts.revision({ actor: ann }, { onConflict: 'keep' });
  expect(await titles()).toEqual(['by Beth', 'two', 'three']);
});

it('finds them in one statement, however many there are', async () => {
  const count = async (revert: () => Promise<unknown>) => (await statementsOf(revert)).length;
  const ids: number[] = [];
  for (let id = 2; id <= 31; id += 1) {
    await rename(ann, (id % 3) + 1, `${id}`);
    ids.push(id);
  }
  const byId = await count(() => reverts.revision(ids, { dryRun: true }));
  expect(await count(() => reverts.revision({ actor: ann }, { dryRun: true }))).toBe(byId);
  expect(await count(() => reverts.revision({ actor: ann, limit: 1, order: 'desc' }, { dryRun: true }))).toBe(byId);
});

it('says that a filter finds nothing', async () => {
  await expect(reverts.revision({ actor: new SystemActor('nobody') })).rejects.toThrow(NothingToRevertError);
});

it.each([
  ['says nothing', {}],
  ['has an actor that is undefined', { actor: undefined, since: new Date(0) }],
  ['has a name that is none', { actr: null } as object],
])('refuses a filter that %s, which would undo more than was meant', async (_, filter) => {
  await expect(reverts.revision(filter)).rejects.toThrow(UnusableFilterError);
  expect(await titles()).toEqual(['one', 'two', 'three']);
});
