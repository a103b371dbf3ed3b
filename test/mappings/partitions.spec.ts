import { defineEntity, p, PrimaryKeyProp, raw } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

/** Its key does not say in which partition it lies; PostgreSQL then lets the table have no primary key. */
class Parcel {
  id!: number;
  region!: string;
  weight!: number;
}

/** Its key says in which partition it lies. */
class Shipment {
  [PrimaryKeyProp]?: ['id', 'region'];
  id!: number;
  region!: string;
  weight!: number;
}

const Schemas = [
  defineEntity({
    class: Parcel,
    properties: { id: p.integer().primary(), region: p.string(), weight: p.integer() },
  }),
  defineEntity({
    class: Shipment,
    partitionBy: {
      type: 'list',
      expression: 'region',
      partitions: [
        { name: 'shipment_eu', values: `in ('eu')` },
        { name: 'shipment_us', values: `in ('us')` },
      ],
    },
    properties: { id: p.integer().primary(), region: p.string().primary(), weight: p.integer() },
  } as never),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
  await test.database.query('drop table parcel');
  await test.database.query(
    'create table parcel (id int not null, region text not null, weight int not null) partition by list (region)',
  );
  for (const region of ['eu', 'us']) {
    await test.database.query(`create table parcel_${region} partition of parcel for values in ('${region}')`);
  }
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Parcel, Shipment]);
});

const placeOf = (table: string) => test.database.query(`select tableoid::regclass::text as place from ${table}`);

it('P7: a row that an update moves to another partition is one history', async () => {
  const em = test.orm.em.fork();
  const parcel = em.create(Parcel, { id: 1, region: 'eu', weight: 5 });
  await lives.flush(em);
  expect(await placeOf('parcel')).toEqual([{ place: 'parcel_eu' }]);
  Object.assign(parcel, { region: 'us', weight: 6 });
  await lives.flush(em);
  expect(await placeOf('parcel')).toEqual([{ place: 'parcel_us' }]);
  const other = test.orm.em.fork();
  await other.nativeUpdate(Parcel, { weight: 6 }, { region: 'eu', weight: raw('weight * 2') });
  await lives.look();
  expect(await placeOf('parcel')).toEqual([{ place: 'parcel_eu' }]);
  other.remove(other.getReference(Parcel, 1));
  await lives.flush(other);
  expect(await summary(test)).toEqual([
    ['create', 'Parcel:1', null, { region: 'eu', weight: 5 }],
    ['update', 'Parcel:1', { region: 'eu', weight: 5 }, { region: 'us', weight: 6 }],
    ['update', 'Parcel:1', { region: 'us', weight: 6 }, { region: 'eu', weight: 12 }],
    ['delete', 'Parcel:1', { region: 'eu', weight: 12 }, null],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('P7: where the partition is part of the key, a row that is moved has another key, and so is another object', async () => {
  const em = test.orm.em.fork();
  const shipment = em.create(Shipment, { id: 1, region: 'eu', weight: 5 });
  await lives.flush(em);
  shipment.weight = 6;
  await lives.flush(em);
  shipment.region = 'us';
  await lives.flush(em);
  expect(await placeOf('shipment')).toEqual([{ place: 'shipment_us' }]);
  expect(await summary(test)).toEqual([
    ['create', 'Shipment:[1,"eu"]', null, { weight: 5 }],
    ['update', 'Shipment:[1,"eu"]', { weight: 5 }, { weight: 6 }],
    ['delete', 'Shipment:[1,"eu"]', { weight: 6 }, null],
    ['create', 'Shipment:[1,"us"]', null, { weight: 6 }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});
