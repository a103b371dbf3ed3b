import { defineEntity, p } from '@mikro-orm/core';
import { HistoryService, ObjectDelta, SnapshotService } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// The walk through peewee_versioned's README, as far as it reads. Its `revert()` (issue 5) is an ordinary change here,
// and its list of versions with their ranges (issue 4) is put together from deltas.

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

const versions = async () => new HistoryService(em()).deltas(Person, person.id);

const RECORD = [
  { name: 'Mike', isRelative: false },
  { name: 'Mike', isRelative: true },
  { name: 'Mighty Mike', isRelative: true },
  { name: 'Mike', isRelative: true },
];

it('the object has kept its id, and is at its fourth version', async () => {
  expect(person.id).toBe(1);
  expect((await versions()).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  expect((await new SnapshotService(em()).at(Person, person.id, new Date(Date.now() + 1000)))!.version).toBe(4);
});

it('each version can be read, and going back is one more version that equals an old one', async () => {
  const snapshots = new SnapshotService(em());
  for (const [index, record] of RECORD.entries()) {
    const { entity, version } = (await snapshots.at(Person, person.id, { version: index + 1 }))!;
    expect({ ...contents(entity), version }).toEqual({ id: 1, ...record, version: index + 1 });
  }
});

it('S8: each version is valid until the very instant at which the next one begins, by one clock', async () => {
  const starts = (await versions()).map(({ revision }) => revision.recordedAt);
  const snapshots = new SnapshotService(em());
  for (const [index, validFrom] of starts.entries()) {
    const validUntil = starts[index + 1];
    expect((await snapshots.at(Person, person.id, validFrom))!.version).toBe(index + 1);
    if (!validUntil) continue;
    expect(validUntil.getTime()).toBeGreaterThan(validFrom.getTime());
    const justBefore = new Date(validUntil.getTime() - 1);
    expect((await snapshots.at(Person, person.id, justBefore))!.version).toBe(index + 1);
    expect((await snapshots.at(Person, person.id, validUntil))!.version).toBe(index + 2);
  }
  const [{ now }] = (await test.database.query<{ now: Date }>('select clock_timestamp() as now')) as [{ now: Date }];
  expect(now.getTime() - starts.at(-1)!.getTime()).toBeLessThan(60_000);
});

it('S9: the deletion is a version of its own, and everything is still found by the original id', async () => {
  const session = em();
  await session.remove(await session.findOneOrFail(Person, person.id)).flush();
  const all = await versions();
  expect(all.map(({ action, version }) => [action, version])).toEqual([
    ['create', 1],
    ['update', 2],
    ['update', 3],
    ['update', 4],
    ['delete', 5],
  ]);
  expect(all[4]).toMatchObject({ oldValues: { name: 'Mike', isRelative: true }, newValues: null });
  const snapshots = new SnapshotService(em());
  expect(await snapshots.at(Person, 1, { version: 5 })).toBeNull();
  const deleted = await snapshots.at(Person, 1, { version: 5 }, { includeDeleted: true });
  expect(deleted).toMatchObject({ isDeleted: true, version: 5, entity: { id: 1, name: 'Mike', isRelative: true } });
  expect((await snapshots.at(Person, 1, { version: 3 }))!.entity.name).toBe('Mighty Mike');
  expect(await em().count(ObjectDelta, { objectType: 'Person', objectId: '1' })).toBe(5);
});
