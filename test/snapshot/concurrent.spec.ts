import { LockMode } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm(undefined, { revy: { keyframeEvery: 3 } });
});
afterAll(() => test.close());

async function rename(id: number, make: (name: string) => string, pauseMs: number): Promise<void> {
  await test.orm.em.fork().transactional(async em => {
    const user = await em.findOneOrFail(User, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
    user.name = make(user.name);
    await em.flush();
    await new Promise(resolve => setTimeout(resolve, pauseMs));
  });
}

it('Q2: writers side by side leave versions that follow one another, and each point shows one state of each object', async () => {
  const em = test.orm.em.fork();
  const users = ['a', 'b'].map(name => em.create(User, { name, email: null }));
  await em.flush();
  // each writer appends its letter to what it found, so the true order can be read off the value itself
  const writer = async (letter: string) => {
    for (let n = 0; n < 12; n++) await rename(users[n % 2]!.id, name => name + letter, n % 3);
  };
  await Promise.all(['x', 'y', 'z'].map(writer));
  const snapshots = new SnapshotService(test.orm.em.fork());
  for (const { id } of users) {
    const deltas = await test.database.query<{ revision: number; at: Date; version: number }>(
      `select d.revision_id::int as revision, r.recorded_at as at, d.version from revy_object_delta d
       join revy_revision r on r.id = d.revision_id where object_type = 'User' and object_id = $1 order by d.id`,
      [String(id)],
    );
    expect(deltas.map(({ version }) => version)).toEqual(Array.from({ length: 19 }, (_, index) => index + 1));
    const [live] = await test.database.query<{ name: string }>('select name from "user" where id = $1', [id]);
    for (const [index, { revision, at, version }] of deltas.entries()) {
      const expected = live!.name.slice(0, version);
      for (const point of [{ version }, { revision }]) {
        expect((await snapshots.at(User, id, point))!.entity.name).toBe(expected);
      }
      const before = await snapshots.at(User, id, { before: revision });
      expect(before?.entity.name).toBe(index ? live!.name.slice(0, version - 1) : undefined);
      const atDate = (await snapshots.at(User, id, at))!;
      const sameMillisecond = deltas.filter(other => other.at.getTime() === at.getTime()).at(-1)!;
      expect(atDate.entity.name).toBe(live!.name.slice(0, sameMillisecond.version));
    }
  }
});

it('a revision that committed late does not change what an earlier point shows of other objects', async () => {
  const em = test.orm.em.fork();
  const [slow, fast] = ['slow', 'fast'].map(name => em.create(User, { name, email: null })) as [User, User];
  await em.flush();
  const late = test.orm.em.fork();
  await late.begin();
  (await late.findOneOrFail(User, slow.id)).name = 'slow 2';
  await late.flush();
  await rename(fast.id, () => 'fast 2', 0);
  const between = await new SnapshotService(em).at(User, fast.id, new Date(Date.now() + 60_000));
  const { id: revision } = between!.revision!;
  expect((await new SnapshotService(em).at(User, slow.id, { revision }))!.entity.name).toBe('slow');
  await late.commit();
  // its id was drawn at its COMMIT, so it lies behind the other one although it began earlier
  const snapshots = new SnapshotService(em);
  expect((await snapshots.at(User, slow.id, { revision }))!.entity.name).toBe('slow');
  const last = (await snapshots.at(User, slow.id, { version: 2 }))!;
  expect(last.entity.name).toBe('slow 2');
  expect(last.revision!.id).toBeGreaterThan(revision);
});
