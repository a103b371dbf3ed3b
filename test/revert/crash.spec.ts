import fs from 'node:fs';
import path from 'node:path';
import { type ChildProcess, spawn } from 'node:child_process';
import { type RevertPlan, RevertService } from '@revy/mikro-orm';
import pg from 'pg';
import { Workshop } from '../docs/workshop.js';
import { Comment, Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// A revert is stopped on its way by a lock that a trigger waits for, and cut off there.

const GATE = 4711;
const TABLES = ['post', 'comment', 'tag', 'post_tags'];

/** Where it is stopped: with the SQL that makes it wait for the gate there. */
const PLACES: readonly (readonly [string, string])[] = [
  ['before its first write', 'create trigger gate before update on post for each row execute function wait()'],
  ['in the middle of its writes', 'create trigger gate before insert on comment for each row execute function wait()'],
  [
    'while its history is written',
    'create trigger gate before insert on revy_object_delta for each row execute function wait()',
  ],
  [
    'at its COMMIT',
    'create constraint trigger gate after insert on comment deferrable initially deferred for each row execute function wait()',
  ],
];

let t: TestOrm;
let keeper: pg.Client;

beforeEach(async () => {
  t = await createOrm();
  const em = t.orm.em.fork();
  const post = em.create(Post, { title: 'First', views: 0 } as never);
  const comment = em.create(Comment, { text: 'one', post });
  post.tags.add(em.create(Tag, { name: 'news' } as never));
  await em.flush();
  post.title = 'Second';
  post.tags.removeAll();
  em.remove(comment);
  await em.flush();
  await t.database.query(`create function wait() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(${GATE}); return new; end $$`);
  keeper = new pg.Client({ connectionString: t.database.url });
  await keeper.connect();
  await keeper.query(`select pg_advisory_lock(${GATE})`);
});

afterEach(async () => {
  await keeper.end();
  // MikroORM 7.2 does not give a connection back that died, so that its pool never ends
  await Promise.race([t.orm.close(true), new Promise(resolve => setTimeout(resolve, 500).unref())]);
  await t.database.drop();
});

const reverts = () => new RevertService(t.orm.em.fork());
const open = () => keeper.query(`select pg_advisory_unlock(${GATE})`);

/** Data and history as they are, read past everything of ours. */
async function everything(): Promise<unknown> {
  const found: Record<string, unknown> = {};
  for (const table of [...TABLES, 'revy_revision', 'revy_object_delta']) {
    found[table] = await t.database.query(`select to_jsonb(r) as row from ${table} r order by 1`);
  }
  return found;
}

const texts = async () => [
  await t.database.query('select title from post'),
  await t.database.query('select text from comment'),
  await t.database.query('select * from post_tags'),
];
const AWAY = [[{ title: 'Second' }], [], []];
const BACK = [[{ title: 'First' }], [{ text: 'one' }], [{ post_id: 1, tag_id: 1 }]];

/** The backends that wait for a lock, as soon as there are so many. */
async function waiting(count: number): Promise<number[]> {
  for (;;) {
    const rows = await t.database.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
       order by query_start`,
    );
    if (rows.length >= count) return rows.map(({ pid }) => pid);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

const cut = (pid: number) => t.database.query('select pg_terminate_backend($1, 5000)', [pid]);

describe.each(PLACES)('a connection that is cut %s', (_, trigger) => {
  it('changes nothing, and whoever waits for the rows does the work', async () => {
    await t.database.query(trigger);
    const before = await everything();
    const first = reverts()
      .revision(2)
      .then(
        () => 'done',
        (error: unknown) => error,
      );
    const [pid] = await waiting(1);
    const second = reverts().revision(2);
    await waiting(2);
    await cut(pid!);
    expect(await first).toBeInstanceOf(Error);
    expect(await everything()).toEqual(before);
    await open();
    expect(await second).toMatchObject({ isEmpty: false, reverts: [2] });
    expect(await texts()).toEqual(BACK);
    const plan = await reverts().revision(2);
    expect([plan.isEmpty, plan.isClean]).toEqual([true, true]);
  });
});

it('a connection that is cut while it waits for a row changes nothing', async () => {
  const before = await everything();
  await keeper.query('begin; select from post for update');
  const revert = reverts()
    .revision(2)
    .then(
      () => 'done',
      (error: unknown) => error,
    );
  const [pid] = await waiting(1);
  await cut(pid!);
  await keeper.query('rollback');
  expect(await revert).toBeInstanceOf(Error);
  expect(await everything()).toEqual(before);
  await reverts().revision(2);
  expect(await texts()).toEqual(BACK);
});

describe('a process that is killed', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = Workshop.open();
    fs.writeFileSync(path.join(workshop.folder, 'revert.mjs'), PROGRAM);
  });
  afterAll(() => workshop.close());

  /** A revert of revision 2 in a process of its own. */
  const start = (): ChildProcess =>
    spawn(process.execPath, ['revert.mjs'], {
      cwd: workshop.folder,
      env: { ...process.env, DATABASE_URL: t.database.url, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const ended = (child: ChildProcess) =>
    new Promise<NodeJS.Signals | number | null>(resolve => {
      child.on('exit', (code, signal) => resolve(signal ?? code));
    });

  it.each(PLACES.slice(0, 2))('%s changes nothing, and whoever waits is told', async (_, trigger) => {
    await t.database.query(trigger);
    const before = await everything();
    const child = start();
    const end = ended(child);
    const [pid] = await waiting(1);
    const second: Promise<RevertPlan> = reverts().revision(2);
    await waiting(2);
    child.kill('SIGKILL');
    expect(await end).toBe('SIGKILL');
    expect(await everything()).toEqual(before);
    // the server notices that nobody is there when it has something to say
    await open();
    expect(await second).toMatchObject({ isEmpty: false, reverts: [2] });
    expect(await t.database.query('select from pg_stat_activity where pid = $1', [pid])).toEqual([]);
    expect(await texts()).toEqual(BACK);
    expect(await t.database.query('select reverts::int from revy_revision where id > 2')).toEqual([{ reverts: 2 }]);
  });

  it.each(PLACES.slice(2))('%s, which was sent with it, leaves all of it or nothing', async (_, trigger) => {
    await t.database.query(trigger);
    const child = start();
    const end = ended(child);
    const [pid] = await waiting(1);
    child.kill('SIGKILL');
    await end;
    await open();
    while ((await t.database.query('select from pg_stat_activity where pid = $1', [pid])).length > 0);
    const recorded = await t.database.query('select id from revy_revision where reverts = 2');
    const plan = await reverts().revision(2, { dryRun: true });
    expect([recorded.length, plan.isEmpty]).toEqual(recorded.length === 0 ? [0, false] : [1, true]);
    expect(plan.isClean).toBe(true);
    expect(await texts()).toEqual(recorded.length > 0 ? BACK : AWAY);
  });
});

const PROGRAM = `
import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { RevertService, revy } from '@revy/mikro-orm';
const id = () => p.integer().primary().autoincrement();
const Tag = defineEntity({ name: 'Tag', properties: { id: id(), name: p.string() } });
const Post = defineEntity({ name: 'Post', properties: { id: id(), title: p.string(), tags: () => p.manyToMany(Tag).owner() } });
const Comment = defineEntity({ name: 'Comment', properties: { id: id(), text: p.text(), post: () => p.manyToOne(Post) } });
const orm = await MikroORM.init({ clientUrl: process.env.DATABASE_URL, entities: [Tag, Post, Comment], extensions: [revy()] });
await new RevertService(orm.em.fork()).revision(2);
await orm.close();
`;
