import { DeadlockException, LockMode, OptimisticLockError, raw } from '@mikro-orm/core';
import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { inFrame } from './frames.js';
import { classOf, type Entity, type Fields } from './known.js';
import { LABEL_IDS } from './values.js';

/** The rows that all workers change: people with these keys. */
export const SHARED_IDS = Array.from({ length: 50 }, (_, n) => 101 + n);

/** What the workers came to. */
export interface Worked {
  done: number;
  /** A version that another worker was faster with, as it should be. */
  outdated: number;
  deadlocks: number;
}

export interface Shift {
  readonly workers: number;
  readonly seconds: number;
  readonly seed: number;
}

interface Task {
  readonly kind: keyof typeof TASKS;
  readonly ids: readonly number[];
  readonly n: number;
}

const GIVEN_UP = new Error('given up');

/** Rows are locked in the order of their keys, so that without Revy there are no deadlocks. */
async function locked(em: EntityManager, ids: readonly number[]): Promise<Entity[]> {
  const people: Entity[] = [];
  for (const id of ids.toSorted((a, b) => a - b)) {
    people.push(
      await em.findOneOrFail(classOf(em, 'Person'), id as never, { lockMode: LockMode.PESSIMISTIC_WRITE } as never),
    );
  }
  return people;
}

/** What workers do. */
const TASKS = {
  /** What was changed meanwhile is not overwritten, because people have versions. */
  async unlocked(em: EntityManager, { ids, n }: Task) {
    const person = await em.findOneOrFail(classOf(em, 'Person'), ids[0]! as never);
    Object.assign(person, { name: `unlocked ${n}`, meta: { n }, tags: [`t${n % 3}`] });
    await em.flush();
  },
  async locked(em: EntityManager, { ids, n }: Task) {
    await em.transactional(async inner => {
      for (const person of await locked(inner, ids)) {
        person['name'] = `locked ${n}`;
        await inner.flush();
        (person as unknown as { rank: number }).rank++;
      }
    });
  },
  async linked(em: EntityManager, { ids, n }: Task) {
    await em.transactional(async inner => {
      const label = inner.getReference(classOf(inner, 'Label'), LABEL_IDS[(n % 2) + 1] as never);
      const people = await locked(inner, ids);
      await inner.populate(people, ['labels'] as never);
      for (const person of people) {
        const labels = person['labels'] as unknown as {
          contains(of: object): boolean;
          add(of: object): void;
          remove(of: object): void;
        };
        if (labels.contains(label)) labels.remove(label);
        else labels.add(label);
      }
    });
  },
  async native(em: EntityManager, { ids, n }: Task) {
    const data: Fields = { rank: raw('rank + 1'), bio: `native ${n}` };
    await em.nativeUpdate(classOf(em, 'Person'), { id: ids[0] } as never, data as never);
  },
  /** Rolled back to a savepoint, in a transaction that goes on. */
  async halfGivenUp(em: EntityManager, { ids, n }: Task) {
    await em.transactional(async outer => {
      const people = await locked(outer, ids);
      const nested = outer.transactional(async inner => {
        for (const person of people) person['name'] = `given up ${n}`;
        await inner.flush();
        throw GIVEN_UP;
      });
      await nested.catch((error: unknown) => {
        if (error !== GIVEN_UP) throw error;
      });
      for (const person of people) person['email'] = null;
      for (const person of people) person['bio'] = `half ${n}`;
    });
  },
} as const;

const task: fc.Arbitrary<Task> = fc.record({
  kind: fc.constantFrom(...(Object.keys(TASKS) as (keyof typeof TASKS)[])),
  ids: fc.uniqueArray(fc.constantFrom(...SHARED_IDS), { minLength: 1, maxLength: 3 }),
  n: fc.nat(1000),
});

/** Several workers, each with an entity manager of its own for each task, for some seconds. */
export async function work(orm: MikroORM, { workers, seconds, seed }: Shift): Promise<Worked> {
  const worked: Worked = { done: 0, outdated: 0, deadlocks: 0 };
  const end = performance.now() + seconds * 1000;
  const one = async (worker: number) => {
    const tasks = fc.sample(task, { seed: seed + worker, numRuns: 500 });
    for (let turn = 0; performance.now() < end; turn++) await attempt(orm, worker, tasks[turn % tasks.length]!, worked);
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
  return worked;
}

async function attempt(orm: MikroORM, worker: number, drawn: Task, worked: Worked): Promise<void> {
  const em = orm.em.fork();
  try {
    await inFrame(worker % 3, 0, em, () => TASKS[drawn.kind](em, drawn));
    worked.done++;
  } catch (error) {
    if (error instanceof OptimisticLockError) worked.outdated++;
    else if (error instanceof DeadlockException) worked.deadlocks++;
    else throw error;
  }
}
