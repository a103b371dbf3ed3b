import { helper, raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { classOf, type Fields, isSentinel, known, pick, pickKnown, type Work } from './known.js';
import { valueOf, valuesOf } from './memory-steps.js';
import { COUNTRY_CODES, LABEL_IDS, VALUES } from './values.js';

// What goes past the unit of work.

type Call = (work: Work) => Promise<unknown>;

/** A condition for some rows: those of known entities, and those that may be there. */
function some(em: EntityManager, name: string, { b, c }: Work): never {
  const ids = known(em, name)
    .filter(entity => !isSentinel(entity))
    .map(entity => helper(entity).getPrimaryKey() as unknown);
  const numbers = ids.filter(id => typeof id === 'number' || typeof id === 'bigint');
  return { id: [...new Set([b + 2, c + 2, ...numbers.slice(0, c)])] } as never;
}

const person = (em: EntityManager, n: number): Fields => ({ ...valuesOf(em, 'Person', n), touched: 0, boss: null });

const task = ({ em, c }: Work, n: number): Fields => ({
  title: valueOf(em, 'Task', 'title', n),
  position: n,
  project: pickKnown(em, 'Project', c)?.['id'] ?? 1,
  assignee: null,
});

const INSERTS: readonly Call[] = [
  work => work.em.insert(classOf(work.em, 'Task'), task(work, work.b) as never),
  work => work.em.insertMany(classOf(work.em, 'Task'), [task(work, work.b), task(work, work.c)] as never),
  ({ em, b }) => em.insert(classOf(em, 'City'), { name: valueOf(em, 'City', 'name', b), country: null } as never),
  ({ em, b }) => em.insert(classOf(em, 'Person'), person(em, b) as never),
  ({ em, b }) => em.insert(em.create(classOf(em, 'Person'), person(em, b) as never, { persist: false })),
];

const UPDATES: readonly Call[] = [
  work => {
    const { em, b, c } = work;
    const name = pick(
      Object.keys(VALUES['Person']!).filter(one => one !== 'email'),
      b,
    )!;
    const data = { [name]: valueOf(em, 'Person', name, c) };
    return em.nativeUpdate(classOf(em, 'Person'), some(em, 'Person', work), data as never);
  },
  ({ em }) => em.nativeUpdate(classOf(em, 'Person'), {}, { rank: raw('rank + 1') } as never),
  ({ em, b }) =>
    em.nativeUpdate(
      classOf(em, 'Task'),
      { position: { $gt: b % 3 } } as never,
      { position: raw('position - 1'), title: 'native' } as never,
    ),
  ({ em, b }) => em.nativeUpdate(classOf(em, 'Car'), { doors: 2 } as never, { doors: b } as never),
  work => work.em.nativeUpdate(classOf(work.em, 'Dog'), some(work.em, 'Dog', work), { bones: work.c } as never),
  ({ em, b, c }) =>
    em.nativeUpdate(
      classOf(em, 'Country'),
      { code: pick(COUNTRY_CODES, b) } as never,
      { code: pick(COUNTRY_CODES, c) } as never,
    ),
  ({ em, c }) =>
    em.nativeUpdate(classOf(em, 'Task'), { assignee: { rank: 5 } } as never, { assignee: null, position: c } as never),
];

/** Tables to whose rows nothing refers, and others, whose rows take others along. */
const DELETED = ['Task', 'Visit', 'City', 'Badge', 'Loan', 'Desk', 'Person', 'Project', 'Dog', 'Cat', 'Vehicle', 'Car'];

const country = ({ em, c }: Work, n: number): Fields => ({
  code: pick(COUNTRY_CODES, n),
  name: valueOf(em, 'Country', 'name', c),
});

const UPSERTS: readonly Call[] = [
  work => work.em.upsert(classOf(work.em, 'Country'), country(work, work.b) as never),
  work =>
    work.em.upsert(
      classOf(work.em, 'Country'),
      country(work, work.b) as never,
      { onConflictAction: 'ignore' } as never,
    ),
  work => work.em.upsertMany(classOf(work.em, 'Country'), [country(work, work.b), country(work, work.b + 1)] as never),
  ({ em, b }) => em.upsert(classOf(em, 'Label'), { id: pick(LABEL_IDS.slice(1), b), name: `label ${b}` } as never),
  ({ em, b, c }) =>
    em.upsert(
      classOf(em, 'Person'),
      { ...person(em, c), email: `${'abcd'[b % 4]}@x` } as never,
      { onConflictFields: ['email'], onConflictMergeFields: ['name', 'meta', 'touched'] } as never,
    ),
];

export const nativeInsert: Call = work => pick(INSERTS, work.a)!(work);

export const nativeUpdate: Call = work => pick(UPDATES, work.a)!(work);

export const upsert: Call = work => pick(UPSERTS, work.a)!(work);

export const nativeDelete: Call = work => {
  const name = pick(DELETED, work.a)!;
  return work.em.nativeDelete(classOf(work.em, name), some(work.em, name, work));
};
