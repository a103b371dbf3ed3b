import { defineEntity, p } from '@mikro-orm/core';
import { HistoryService, ObjectDelta, SnapshotService } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// The walk through peewee_versioned's README, as far as it reads. Its `revert()` (issue 5) is an ordinary change here.
// Its ranges, of which that README shows some without an end and some taken over from another version, have one here.

class Person {
  id!: number;
  name!: string;
  isRelative!: boolean;
}

const PersonSchema = defineEntity({
  class: Person,
  properties: { id: p.integer().primary().autoincrement(), name: p.string(), isRelative: p.boolean() },
});

let test: TestOrm;
let person: Person;
const em = () => test.orm.em.fork();
const pause = () => new Promise(resolve => setTimeout(resolve, 3));

beforeAll(async () => {
  test = await createOrm([PersonSchema]);
  const session = em();
  person = session.create(Person, { name: 'Mike', isRelative: false });
  await session.flush();
  const changes: Partial<Person>[] = [{ isRelative: true }, { name: 'Mighty Mike' }, { name: 'Mike' }];
  for (const change of changes) {
    await pause();
    Object.assign(person, change);
    await session.flush();
  }
});
afterAll(() => test.close());

const versions = async () => new HistoryService(em()).versions(Person, person.id);

const RECORD = [
  { name: 'Mike', isRelative: false },
  { name: 'Mike', isRelative: true },
  { name: 'Mighty Mike', isRelative: true },
  { name: 'Mike', isRelative: true },
];

/** When each version was recorded, by the database's clock, read past the library. */
async function recorded(): Promise<Date[]> {
  const rows = await test.database.query<{ at: Date }>(
    'select recorded_at as at from revy_revision r join revy_object_delta d on d.revision_id = r.id order by d.id',
  );
  return rows.map(({ at }) => at);
}

it('L4: the object has kept its id, and is at its fourth version', async () => {
  expect(person.id).toBe(1);
  expect((await versions()).map(({ number, changed }) => [number, changed])).toEqual([
    [1, ['name', 'isRelative']],
    [2, ['isRelative']],
    [3, ['name']],
    [4, ['name']],
  ]);
  expect((await new SnapshotService(em()).at(Person, person.id, new Date(Date.now() + 1000)))!.version).toBe(4);
});

it('each version can be read, and going back is one more version that equals an old one', async () => {
  const states = await Promise.all((await versions()).map(version => version.state()));
  expect(states.map(state => contents(state!))).toEqual(RECORD.map(record => ({ id: 1, ...record })));
  const snapshots = new SnapshotService(em());
  for (const [index, record] of RECORD.entries()) {
    const { entity, version } = (await snapshots.at(Person, person.id, { version: index + 1 }))!;
    expect({ ...contents(entity), version }).toEqual({ id: 1, ...record, version: index + 1 });
  }
});

it('S8: each version is valid until the very instant at which the next one begins, by one clock', async () => {
  const starts = await recorded();
  const all = await versions();
  expect(all.map(({ validFrom, validUntil }) => [validFrom, validUntil])).toEqual(
    starts.map((start, index) => [start, starts[index + 1] ?? null]),
  );
  const history = new HistoryService(em());
  for (const { number, validFrom, validUntil } of all) {
    expect((await history.versionAt(Person, person.id, validFrom))!.number).toBe(number);
    if (!validUntil) continue;
    expect(validUntil.getTime()).toBeGreaterThan(validFrom.getTime());
    expect((await history.versionAt(Person, person.id, new Date(validUntil.getTime() - 1)))!.number).toBe(number);
    expect((await history.versionAt(Person, person.id, validUntil))!.number).toBe(number + 1);
  }
  const [{ now }] = (await test.database.query<{ now: Date }>('select clock_timestamp() as now')) as [{ now: Date }];
  expect(now.getTime() - starts.at(-1)!.getTime()).toBeLessThan(60_000);
});

it('the current version is the one that is open; the ones before it lead back to the first', async () => {
  const [current] = await new HistoryService(em()).versions(Person, person.id, { order: 'desc', limit: 1 });
  expect(current).toMatchObject({ number: 4, validUntil: null });
  expect(await current!.next()).toBeNull();
  const numbers: number[] = [];
  for (let version = current ?? null; version; version = await version.previous()) numbers.push(version.number);
  expect(numbers).toEqual([4, 3, 2, 1]);
});

it('S9: the deletion is a version of its own, and everything is still found by the original id', async () => {
  const session = em();
  await session.remove(await session.findOneOrFail(Person, person.id)).flush();
  const all = await versions();
  expect(all.map(({ action, number, isDeleted }) => [action, number, isDeleted])).toEqual([
    ['create', 1, false],
    ['update', 2, false],
    ['update', 3, false],
    ['update', 4, false],
    ['delete', 5, true],
  ]);
  expect(all[3]!.validUntil).toEqual(all[4]!.validFrom);
  expect(all[4]).toMatchObject({ validUntil: null });
  expect(await all[4]!.state()).toBeNull();
  const snapshots = new SnapshotService(em());
  expect(await snapshots.at(Person, 1, { version: 5 })).toBeNull();
  const deleted = await snapshots.at(Person, 1, { version: 5 }, { includeDeleted: true });
  expect(deleted).toMatchObject({ isDeleted: true, version: 5, entity: { id: 1, name: 'Mike', isRelative: true } });
  expect((await snapshots.at(Person, 1, { version: 3 }))!.entity.name).toBe('Mighty Mike');
  expect(await em().count(ObjectDelta, { objectType: 'Person', objectId: '1' })).toBe(5);
});
