import { type EventArgs, IsolationLevel } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  captureContext,
  InterruptedWriteError,
  Revision,
  RevisionContext,
  runWithCaptured,
  SystemActor,
} from '@revy/mikro-orm';
import { Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate tag restart identity cascade');
  await test.forget();
});

const names = async () => (await test.database.query('select name from tag order by id')).map(row => row['name']);

it('a flush that failed half way keeps its transaction from being committed', async () => {
  const em = test.orm.em.fork({ freshEventManager: true });
  em.getEventManager().registerSubscriber({
    afterCreate({ entity }: EventArgs<Tag>) {
      if (entity.name === 'one') throw new Error('refused by a hook');
    },
  });
  const half = async (inner: EntityManager) => {
    inner.create(Tag, { name: 'one' });
    inner.create(Tag, { name: 'two' });
    await expect(inner.flush()).rejects.toThrow('refused by a hook');
    inner.clear();
  };
  await expect(em.transactional(half)).rejects.toThrow(InterruptedWriteError);
  expect([await names(), await test.deltas()]).toEqual([[], []]);
  await em.transactional(async outer => {
    outer.create(Tag, { name: 'three' });
    await outer.flush();
    await expect(outer.transactional(half)).rejects.toThrow(InterruptedWriteError);
  });
  expect([await names(), (await test.deltas()).map(row => row.new)]).toEqual([['three'], [{ name: 'three' }]]);
});

it('savepoints that SQL makes and rolls back are not seen', async () => {
  await test.orm.em.fork().transactional(async em => {
    await em.execute('savepoint mine');
    em.create(Tag, { name: 'gone' });
    await em.flush();
    await em.execute('rollback to savepoint mine');
    em.clear();
  });
  expect([await names(), (await test.deltas()).map(row => row.new)]).toEqual([[], [{ name: 'gone' }]]);
});

it('serializable transactions on neighbours in the index of the history may have to try again', async () => {
  const seed = test.orm.em.fork();
  const tags = ['one', 'two'].map(name => seed.create(Tag, { name }));
  await seed.flush();
  // holds the first transaction's history between its look at the index and its insert
  await test.database.query(`create function hold() returns trigger language plpgsql as $$ begin
    if new.object_id = '${tags[0]!.id}' then perform pg_advisory_xact_lock(1); end if; return new; end $$`);
  await test.database.query(
    'create trigger hold before insert on revy_object_delta for each row execute function hold()',
  );
  const change = (tag: Tag) =>
    test.orm.em.fork().transactional(async em => void ((await em.findOneOrFail(Tag, tag.id)).name += '!'), {
      isolationLevel: IsolationLevel.SERIALIZABLE,
    });
  const overlap = async () => {
    const holder = test.orm.em.fork();
    await holder.begin();
    await holder.execute('select pg_advisory_xact_lock(1)');
    const first = change(tags[0]!).catch((error: unknown) => error);
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`;
    // untracked, nobody waits
    for (let turn = 0; turn < 200; turn++) if ((await test.database.query(waiting)).length > 0) break;
    await change(tags[1]!);
    await holder.rollback();
    return first;
  };
  expect(await RevisionContext.runDisabled(overlap)).toBeUndefined();
  expect(await overlap()).toMatchObject({ code: '40001' });
  expect(await names()).toEqual(['one!', 'two!!']);
});

it('serializable transactions may have to try again while the history is small enough to be read whole', async () => {
  const add = (name: string, before?: (em: EntityManager) => Promise<unknown>) =>
    test.orm.em.fork().transactional(
      async em => {
        await before?.(em);
        em.create(Tag, { name });
      },
      { isolationLevel: IsolationLevel.SERIALIZABLE },
    );
  const overlap = () =>
    add('late', async em => {
      await em.execute('select');
      await add('first');
    }).catch((error: unknown) => error);
  await test.database.query('alter table revy_object_delta set (autovacuum_enabled = false)');
  expect(await overlap()).toBeUndefined();
  await test.database.query('analyze revy_object_delta');
  expect(await RevisionContext.runDisabled(overlap)).toBeUndefined();
  expect(await overlap()).toMatchObject({ code: '40001' });
  expect(await names()).toEqual(['first', 'late', 'first', 'late', 'first']);
});

it('a job that is queued inside a transaction does not know its revision; metadata of the context leads to it', async () => {
  const em = test.orm.em.fork();
  const request = { actor: new SystemActor('request'), metadata: { request: 'r-1' } };
  const jobs = await RevisionContext.run(request, async () => {
    const inside = await em.transactional(async inner => {
      inner.create(Tag, { name: 'asked for' });
      await inner.flush();
      return captureContext();
    });
    return [inside, captureContext()];
  });
  for (const job of jobs) {
    await runWithCaptured(job, async () => {
      em.create(Tag, { name: 'made by the job' });
      await em.flush();
    });
  }
  const revisions = await em.fork().find(Revision, { metadata: { request: 'r-1' } }, { orderBy: { id: 1 } });
  const [asked, ...made] = revisions;
  expect(made.map(({ actorId, metadata }) => [actorId, metadata!['causedBy']])).toEqual([
    ['request', expect.objectContaining({ actorId: 'request', revision: null })],
    ['request', expect.objectContaining({ actorId: 'request', revision: asked!.id })],
  ]);
});
