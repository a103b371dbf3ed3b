import { HistoryService, Revision } from '@revy/mikro-orm';
import type { EntityManager } from '@mikro-orm/postgresql';
import { anyKnown, classOf, isStored, known, pick, type Work } from './known.js';
import { assign, assignPerson, changeCollection, create, mutate, rekey, relate, remove } from './memory-steps.js';
import { nativeDelete, nativeInsert, nativeUpdate, upsert } from './native-steps.js';
import { CLASSES } from './values.js';

interface Load {
  readonly of: string;
  readonly populate?: readonly string[];
  readonly fields?: readonly string[];
}

/** What is loaded, by number: plainly, with what it refers to, or in part. */
const LOADS: readonly Load[] = [
  ...CLASSES.map(of => ({ of })),
  { of: 'Person', populate: ['labels', 'friends'] },
  { of: 'Person', populate: ['badge', 'boss', 'bio'] },
  { of: 'Person', populate: ['tasks'] },
  { of: 'Person', fields: ['id', 'name', 'labels'] },
  { of: 'Person', fields: ['id', 'email', 'version'] },
  { of: 'Project', populate: ['tasks'] },
  { of: 'Project', populate: ['tasks.assignee', 'lead'] },
  { of: 'Task', populate: ['project', 'assignee'] },
  { of: 'Task', fields: ['id', 'title'] },
  { of: 'Label', populate: ['persons'] },
  { of: 'Badge', populate: ['person'] },
  { of: 'Dog', populate: ['labels', 'keeper'] },
  { of: 'Cat', populate: ['labels', 'enemy'] },
];

export const LOAD_COUNT = LOADS.length;

export async function load(em: EntityManager, n: number): Promise<void> {
  const { of, ...options } = pick(LOADS, n)!;
  const entityClass = classOf(em, of);
  const orderBy = Object.fromEntries(
    em
      .getMetadata()
      .get(entityClass)
      .primaryKeys.map(name => [name, 'asc']),
  );
  await em.find(entityClass, {}, { ...options, orderBy } as never);
}

async function refresh(work: Work): Promise<void> {
  const entity = anyKnown(work, CLASSES);
  if (entity && isStored(entity)) await work.em.refresh(entity);
}

/** The second waits for the first; MikroORM 7.2 never ends it if the first fails. */
async function flushTwice({ em }: Work): Promise<void> {
  const [first, second] = [em.flush(), em.flush()];
  await first;
  await second;
}

/** What is read inside a transaction is written before. */
async function readHistory({ em, a }: Work): Promise<void> {
  if (!isTracked(em)) return;
  const id = pick(known(em, 'Person').filter(isStored), a)?.['id'] ?? 1;
  await new HistoryService(em).deltas(classOf(em, 'Person'), id as never);
}

function isTracked(em: EntityManager): boolean {
  return em.getMetadata().find(Revision as never) !== undefined;
}

/** What a program may do, and how often it is drawn. */
const STEPS = {
  create: { run: create, weight: 5 },
  assign: { run: assign, weight: 6 },
  assignPerson: { run: assignPerson, weight: 4 },
  mutate: { run: mutate, weight: 3 },
  relate: { run: relate, weight: 4 },
  changeCollection: { run: changeCollection, weight: 6 },
  remove: { run: remove, weight: 4 },
  rekey: { run: rekey, weight: 1 },
  nativeInsert: { run: nativeInsert, weight: 1 },
  nativeUpdate: { run: nativeUpdate, weight: 2 },
  nativeDelete: { run: nativeDelete, weight: 1 },
  upsert: { run: upsert, weight: 2 },
  load: { run: ({ em, a, b }) => load(em, a + b), weight: 3 },
  refresh: { run: refresh, weight: 1 },
  flush: { run: ({ em }) => em.flush(), weight: 5 },
  flushTwice: { run: flushTwice, weight: 1 },
  clear: { run: ({ em }) => em.clear(), weight: 1 },
  readHistory: { run: readHistory, weight: 1 },
} satisfies Record<string, { run: (work: Work) => unknown; weight: number }>;

export type Kind = keyof typeof STEPS;

export const STEP_KINDS = Object.entries(STEPS).flatMap(([kind, { weight }]) => Array<Kind>(weight).fill(kind as Kind));

export async function perform(kind: Kind, work: Work): Promise<void> {
  const { run }: { run: (work: Work) => unknown } = STEPS[kind];
  await run(work);
}
