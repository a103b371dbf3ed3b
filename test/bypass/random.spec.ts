import { raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import fc from 'fast-check';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { forgetWitnessed, installWitness, recorded, witnessed } from './witness.js';

// Random native calls in random transactions: what is recorded has to be what row triggers saw.

const RUNS = Number(process.env.REVY_RUNS ?? 60);
const SEED = Number(process.env.REVY_SEED ?? Date.now() % 2 ** 31);

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm();
  await installWitness(t);
});

afterAll(async () => t.close());

interface Operation {
  readonly kind: string;
  readonly ids: readonly number[];
  readonly text: string;
  readonly number: number;
}

type Run = (em: EntityManager, operation: Operation) => Promise<unknown>;

const email = (number: number) => `${number % 4}@x.org`;
const row = ({ text, number }: Operation, more: object = {}) =>
  ({ title: text, slug: null, views: number, meta: number % 2 ? { number } : null, author: null, ...more }) as never;

const RUN: Readonly<Record<string, Run>> = {
  insert: (em, o) => em.insert(Post, row(o)),
  insertEntity: (em, o) => em.insert(em.create(Post, row(o), { persist: false })),
  insertMany: (em, o) =>
    em.insertMany(
      Post,
      o.ids.map(id => row(o, { views: id })),
    ),
  update: (em, o) => em.nativeUpdate(Post, { id: [...o.ids] }, { title: o.text, views: o.number }),
  updateAll: (em, o) => em.nativeUpdate(Post, { views: { $gt: o.number } }, { views: raw('views - 1') }),
  updateNothing: em => em.nativeUpdate(Post, {}, { views: raw('views') }),
  updateJoined: (em, o) => em.nativeUpdate(Post, { author: { email: email(o.number) } }, { slug: o.text }),
  updateAuthor: (em, o) => em.nativeUpdate(Post, { id: [...o.ids] }, { author: raw('(select min(id) from "user")') }),
  updateKey: (em, o) => em.nativeUpdate(Post, { id: o.ids[0]! }, { id: 1000 + o.ids[0]! }),
  delete: (em, o) => em.nativeDelete(Post, { id: [...o.ids] }),
  deleteWhere: (em, o) => em.nativeDelete(Post, { views: { $gt: o.number } }),
  upsert: (em, o) => em.upsert(User, { name: o.text, email: email(o.number) }),
  upsertIgnore: (em, o) => em.upsert(User, { name: o.text, email: email(o.number) }, { onConflictAction: 'ignore' }),
  upsertKey: (em, o) => em.upsert(Post, row(o, { id: o.ids[0] })),
  upsertMany: (em, o) =>
    em.upsertMany(
      User,
      [0, 1, 2, 3].slice(o.number % 3).map(number => ({ name: o.text, email: email(number) })),
    ),
  upsertMerge: (em, o) =>
    em.upsert(Post, row(o, { id: o.ids[0] }), { onConflictMergeFields: ['views'], onConflictFields: ['id'] }),
  clone: async (em, o) => {
    const exists = await em.count(Post, { id: o.ids[0]! });
    // MikroORM 7.2.1 takes a question mark in a clone's overrides for a placeholder
    if (exists) await em.clone(Post, { id: o.ids[0]! }, { title: o.text.replace('?', '') });
  },
  flush: async (em, o) => {
    const post = await em.findOne(Post, { id: o.ids[0]! }, { refresh: true });
    if (post) post.title = o.text;
    else em.create(Post, row(o));
    await em.flush();
  },
};

const operation = fc.record({
  kind: fc.constantFrom(...Object.keys(RUN)),
  ids: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  text: fc.constantFrom('a', 'b', `it's ? \\ "c"`),
  number: fc.integer({ min: 0, max: 6 }),
});

const block = fc.record({
  mode: fc.constantFrom('alone', 'transactional', 'begin', 'rolled back', 'savepoint', 'savepoint rolled back'),
  before: fc.array(operation, { maxLength: 2 }),
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  after: fc.array(operation, { maxLength: 2 }),
});

type Block = typeof block extends fc.Arbitrary<infer B> ? B : never;

/** A random operation may break a constraint: then its savepoint takes it back, as an application would. */
async function runAll(em: EntityManager, operations: readonly Operation[]): Promise<void> {
  for (const one of operations) {
    const attempt = async (inner: EntityManager) => RUN[one.kind]!(inner.fork({ keepTransactionContext: true }), one);
    const work = em.isInTransaction() ? em.transactional(attempt) : attempt(em);
    await work.catch((error: { code?: string }) => {
      if (error.code !== '23505') throw error;
    });
  }
}

const GIVEN_UP = new Error('given up');

async function run({ mode, before, operations, after }: Block): Promise<void> {
  const em = t.orm.em.fork();
  const inside = async (inner: EntityManager) => {
    await runAll(inner, before);
    if (mode.startsWith('savepoint')) {
      await inner
        .transactional(async nested => {
          await runAll(nested, operations);
          if (mode.endsWith('rolled back')) throw GIVEN_UP;
        })
        .catch(ignoreGivenUp);
    } else {
      await runAll(inner, operations);
    }
    await runAll(inner, after);
    if (mode === 'rolled back') throw GIVEN_UP;
  };
  if (mode === 'alone') return runAll(em, operations);
  if (mode !== 'begin') return em.transactional(inside).catch(ignoreGivenUp);
  await em.begin();
  await inside(em);
  await em.commit();
}

function ignoreGivenUp(error: unknown): void {
  if (error !== GIVEN_UP) throw error;
}

it(`records what row triggers see, of random native calls (seed ${SEED}, ${RUNS} runs)`, async () => {
  const property = fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 5 }), async blocks => {
    await RevisionContext.runDisabled(async () =>
      t.database.query('truncate post, "user", post_tags restart identity cascade'),
    );
    await t.forget();
    await forgetWitnessed(t);
    for (const one of blocks) await run(one);
    expect(await recorded(t)).toEqual(await witnessed(t));
  });
  await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false, interruptAfterTimeLimit: 550_000 });
}, 600_000);
