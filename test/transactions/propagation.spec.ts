import { TransactionPropagation } from '@mikro-orm/core';
import { Transactional } from '@mikro-orm/decorators/legacy';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext } from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { createTwins, outcome, type Twin, type Twins } from './twins.js';

let twins: Twins;
beforeAll(async () => {
  twins = await createTwins();
});
afterAll(() => twins.close());
beforeEach(() => twins.empty());

const MODES = Object.values(TransactionPropagation);
const PLACES = ['alone', 'inside'] as const;
const ENDS = ['commit', 'inner fails', 'inner fails and is caught', 'outer fails'] as const;

const CASES = MODES.flatMap(mode => PLACES.flatMap(place => ENDS.map(end => ({ mode, place, end }))));
type Case = (typeof CASES)[number];

/** Two users, changed by the inner and by the outer work; their rows lie apart, so that nobody waits for the other. */
async function seed({ orm }: Twin): Promise<void> {
  const em = orm.em.fork();
  for (const name of ['outer', 'inner', 'native']) em.create(User, { name, email: null });
  em.create(Post, { title: 'kept', slug: null, views: 0, meta: null, author: null });
  await em.flush();
}

async function inner(em: EntityManager, { end }: Case): Promise<void> {
  (await em.findOneOrFail(User, 2)).name = 'changed inside';
  await em.flush();
  await em.nativeUpdate(User, 3, { name: 'changed natively' });
  em.create(User, { name: 'made inside', email: null });
  await em.flush();
  if (end.startsWith('inner')) throw new Error('inner');
}

async function work(em: EntityManager, one: Case, run: (em: EntityManager) => Promise<void>): Promise<void> {
  if (one.place === 'alone') return run(em);
  await em.transactional(async outer => {
    (await outer.findOneOrFail(User, 1)).name = 'changed outside';
    await outer.flush();
    const done = run(outer);
    await (one.end.endsWith('caught') ? outcome(() => done) : done);
    (await outer.findOneOrFail(Post, 1)).views = 7;
    await outer.flush();
    if (one.end.startsWith('outer')) throw new Error('outer');
  });
}

/** A service whose method is decorated, as an application has it; the decorator finds its entity manager. */
function decorated(em: EntityManager, one: Case) {
  class Service {
    readonly em = em;

    async run(): Promise<void> {
      await inner(this.em, one);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, 'run')!;
  Transactional({ propagation: one.mode })(Service.prototype, 'run', descriptor as never);
  Object.defineProperty(Service.prototype, 'run', descriptor);
  return new Service();
}

/** What work comes to by MikroORM's own rules. */
function errorOf({ mode, place, end }: Case): string | undefined {
  const isRefused = mode === (place === 'alone' ? TransactionPropagation.MANDATORY : TransactionPropagation.NEVER);
  const fails = isRefused ? 'TransactionStateError' : end.startsWith('inner') ? 'Error: inner' : undefined;
  const isCaught = place === 'inside' && end.endsWith('caught');
  const outer = place === 'inside' && end.startsWith('outer') ? 'Error: outer' : undefined;
  return (isCaught ? undefined : fails) ?? outer;
}

describe.each(CASES)('propagation $mode, $place, $end', one => {
  const error = errorOf(one);
  const expected = error === undefined ? { value: undefined } : { error: expect.stringContaining(error) as string };

  it('em.transactional()', async () => {
    const done = await twins.both(async twin => {
      await seed(twin);
      await work(twin.orm.em.fork(), one, em => em.transactional(tx => inner(tx, one), { propagation: one.mode }));
    });
    expect(done).toMatchObject(expected);
  });

  it('@Transactional()', async () => {
    const done = await twins.both(async twin => {
      await seed(twin);
      await work(twin.orm.em.fork(), one, em => decorated(em, one).run());
    });
    expect(done).toMatchObject(expected);
  });
});

it('each transaction is a revision of its own, by whoever acts where it began', async () => {
  const { orm } = twins.tracked;
  await seed(twins.twin);
  await twins.tracked.forget();
  const { REQUIRES_NEW: propagation } = TransactionPropagation;
  await RevisionContext.run({ revisionDescription: 'outer' }, () =>
    orm.em.fork().transactional(async em => {
      (await em.findOneOrFail(User, 1)).name = 'one';
      await em.flush();
      await RevisionContext.run({ revisionDescription: 'inner' }, () =>
        em.transactional(async other => void ((await other.findOneOrFail(User, 2)).name = 'two'), { propagation }),
      );
    }),
  );
  const revisions = await twins.tracked.revisions();
  const deltas = await twins.tracked.deltas();
  const names = new Map(revisions.map(row => [row['id'], row['description']]));
  expect(deltas.map(row => [names.get(row.revision as never), row.object])).toEqual([
    ['inner', 'User:2'],
    ['outer', 'User:1'],
  ]);
});
