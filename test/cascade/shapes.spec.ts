import { createOrm, type TestOrm } from '../support/orm.js';
import { Car, Company, DOMAIN, Label, Left, Member, Seat, Vehicle } from './domain.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from './witness.js';

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm(DOMAIN);
  await installWitness(t);
});

afterAll(() => t.close());

/** One company at the top with one of everything below it, and a second that is left alone. */
beforeEach(async () => {
  await t.database.query(`set session_replication_role = replica;
    truncate company, team, label, member, badge, seat, booking, animal, vehicle, car, "left", "right", loan, payment,
      member_labels, member_friends, animal_labels cascade;
    insert into company (id, name) values (1, 'nobody'), (2, 'acme'), (3, 'other');
    insert into team (id, company_id) values (1, 1), (2, 2);
    insert into label (id, name) values (1, 'red'), (2, 'blue');
    insert into member (id, name, team_id, boss_id, buddy_id) values
      (1, 'stays', 1, null, 2), (2, 'Ada', 2, null, null), (3, 'below Ada', 1, 2, 1), (4, 'below that', 1, 3, 2);
    insert into member_labels (member_id, label_id) values (1, 1), (1, 2), (2, 1);
    insert into member_friends (member_1_id, member_2_id) values (1, 2), (2, 1), (1, 1);
    truncate witness, revy_revision, revy_object_delta;
    set session_replication_role = default`);
});

async function remove(entity: new () => object, id: unknown): Promise<void> {
  const em = t.orm.em.fork();
  await em.remove(await em.findOneOrFail(entity, id as never)).flush();
}

/** `action object`, or `object: attribute old → new`, in no order; agreed on by the triggers on tables of one class. */
async function told(): Promise<string[]> {
  const deltas = await t.deltas();
  const metas = [...t.orm.getMetadata()].filter(meta => !['sti', 'tpt'].includes(meta.root.inheritanceType ?? ''));
  const tracked = metas.filter(meta => !meta.pivotTable && meta.className !== 'Team');
  const expected = asDeltas(await witnessed(t.database, t.orm), tracked);
  const names = tracked.map(meta => meta.className);
  const seen = withoutLinks(deltas, ['labels', 'friends']).filter(one => names.includes(one.object.split(':')[0]!));
  expect(sorted(seen)).toEqual(sorted(expected));
  return deltas
    .flatMap(delta =>
      delta.action === 'update'
        ? Object.entries(delta.new!).map(([name, value]) => {
            const old = JSON.stringify(delta.old?.[name]);
            return `${delta.object}: ${name} ${old === undefined ? '' : `${old} → `}${JSON.stringify(value)}`;
          })
        : [`${delta.action} ${delta.object}`],
    )
    .toSorted();
}

it('goes through a class that is not tracked, a tree of one table, and sets null on the way', async () => {
  await remove(Company, 2);
  expect(await told()).toEqual([
    'Member:1: buddy 2 → null',
    'Member:1: friends {"added":[],"removed":[2]}',
    'delete Company:2',
    'delete Member:2',
    'delete Member:3',
    'delete Member:4',
  ]);
});

it('E5: records a link that goes with its target on the owner, once', async () => {
  await remove(Label, 1);
  expect(await told()).toEqual([
    'Member:1: labels {"added":[],"removed":[1]}',
    'Member:2: labels {"added":[],"removed":[1]}',
    'delete Label:1',
  ]);
});

it('ends in circles of rows and of tables', async () => {
  await t.database.query(`alter table "left" disable trigger all; alter table "right" disable trigger all;
    insert into "left" (id, right_id) values (1, 2), (2, 1), (3, null);
    insert into "right" (id, left_id, other_id) values (1, 1, 2), (2, 2, 3), (3, 3, 1);
    alter table "left" enable trigger all; alter table "right" enable trigger all;
    update member set boss_id = 4 where id = 2; truncate witness`);
  await remove(Left, 1);
  expect(await told()).toEqual([
    'Right:3: other 1 → null',
    'delete Left:1',
    'delete Left:2',
    'delete Right:1',
    'delete Right:2',
  ]);
  await t.forget();
  await remove(Member, 2);
  expect(await told()).toContain('delete Member:4');
});

it('records what is reached on two ways once, and a deletion in place of a key that is unset', async () => {
  await t.database.query(`insert into animal (id, kind, keeper_id, vet_id, bone) values (1, 'dog', 2, 2, 'b');
    insert into "left" (id, company_id) values (1, 2); insert into "right" (id, left_id, other_id) values (1, 1, 1); truncate witness`);
  await remove(Company, 2);
  const all = await told();
  expect(all.filter(line => /Dog|Left|Right/.test(line))).toEqual(['delete Dog:1', 'delete Left:1', 'delete Right:1']);
});

it('follows composite keys', async () => {
  await t.database.query(`insert into seat ("row", number, company_id) values (1, 1, 2), (1, 2, 3);
    insert into booking (id, seat_row, seat_number, spare_row, spare_number) values
      (1, 1, 1, 1, 2), (2, 1, 2, 1, 1), (3, 1, 2, 1, 2); truncate witness`);
  await remove(Company, 2);
  const all = await told();
  expect(all.filter(line => /Seat|Booking/.test(line))).toEqual([
    'Booking:2: spare [1,1] → null',
    'delete Booking:1',
    'delete Seat:[1,1]',
  ]);
  await t.forget();
  await remove(Seat, [1, 2]);
  expect(await told()).toEqual(['delete Booking:2', 'delete Booking:3', 'delete Seat:[1,2]']);
  expect((await t.deltas()).find(delta => delta.object === 'Booking:3')!.old).toEqual({ seat: [1, 2], spare: [1, 2] });
});

it('follows a key that is a relation', async () => {
  await t.database.query(`insert into badge (member_id, color) values (2, 'red'); truncate witness`);
  await remove(Member, 2);
  expect(await told()).toContain('delete Badge:2');
});

it('names the class of each row of a shared table, and its own attributes', async () => {
  await t.database.query(`insert into animal (id, kind, keeper_id, vet_id, bone, claw, owner_id) values
      (1, 'dog', 1, 2, 'b', null, null), (2, 'cat', 2, 1, null, 'c', 2), (3, 'cat', null, 2, null, 'd', 3);
    insert into animal_labels (animal_id, label_id) values (2, 1), (3, 1); truncate witness`);
  await remove(Company, 2);
  const deltas = (await t.deltas()).filter(delta => /Dog|Cat|Animal/.test(delta.object));
  expect(
    deltas
      .map(({ object, action, old, new: after }) => ({ object, action, old, new: after }))
      .toSorted((a, b) => a.object.localeCompare(b.object)),
  ).toEqual([
    { object: 'Cat:2', action: 'update', old: { keeper: 2, owner: 2 }, new: { keeper: null, owner: null } },
    {
      object: 'Cat:3',
      action: 'delete',
      old: { keeper: null, vet: 2, claw: 'd', owner: 3, labels: { added: [], removed: [1] } },
      new: null,
    },
    { object: 'Dog:1', action: 'delete', old: { keeper: 1, vet: 2, bone: 'b' }, new: null },
  ]);
  await t.forget();
  await remove(Label, 1);
  const link = (await t.deltas()).find(delta => delta.object === 'Cat:2');
  expect(link).toMatchObject({ action: 'update', new: { labels: { added: [], removed: [1] } } });
});

describe('table-per-type inheritance', () => {
  beforeEach(() =>
    t.database.query(`insert into vehicle (id, owner_id) values (1, 2), (2, 2), (3, 3);
      insert into car (id, doors, driver_id) values (2, 4, 1), (3, 2, 2); truncate witness`),
  );

  it('reads each object as what it is, from all of its tables', async () => {
    await remove(Company, 2);
    const deltas = (await t.deltas()).filter(delta => /Vehicle|Car/.test(delta.object));
    const lines = deltas.map(delta => ({ object: delta.object, action: delta.action, old: delta.old, new: delta.new }));
    expect(lines.toSorted((a, b) => a.object.localeCompare(b.object))).toEqual([
      { object: 'Car:2', action: 'delete', old: { owner: 2, doors: 4, driver: 1 }, new: null },
      { object: 'Car:3', action: 'delete', old: { owner: 3, doors: 2, driver: 2 }, new: null },
      { object: 'Vehicle:1', action: 'delete', old: { owner: 2 }, new: null },
      // the rule is on the table of the subclass, so that the database leaves the row above it
      { object: 'Vehicle:3', action: 'create', old: null, new: { owner: 3 } },
    ]);
    const em = t.orm.em.fork();
    expect((await em.find(Vehicle, {})).map(one => one.constructor.name)).toEqual(['Vehicle']);
    expect(await em.count(Car)).toBe(0);
  });
});

it('leaves out what the flush deletes by itself, and follows on from there', async () => {
  const em = t.orm.em.fork();
  const company = await em.findOneOrFail(Company, 2);
  for (const member of await em.find(Member, [2, 3])) em.remove(member);
  await em.remove(company).flush();
  expect(await told()).toEqual([
    'Member:1: buddy 2 → null',
    'Member:1: friends {"added":[],"removed":[2]}',
    'delete Company:2',
    'delete Member:2',
    'delete Member:3',
    'delete Member:4',
  ]);
});
