import { defineEntity, p, type Primary, PrimaryKeyProp } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { DayType } from '../model/samples.js';
import { empty, Lives, summary } from './lives.js';

class Room {
  [PrimaryKeyProp]?: ['house', 'number'];
  house!: string;
  number!: bigint;
  name!: string | null;
  notes!: string | null;
  plan!: unknown;
}

class Desk {
  id!: number;
  room!: Room | null;
  label!: string | null;
}

/** Its key is a relation. */
class Lock {
  [PrimaryKeyProp]?: 'desk';
  desk!: Desk;
  code!: string;
}

/** A key of a relation with a composite key, and a column. */
class Socket {
  [PrimaryKeyProp]?: ['room', 'slot'];
  room!: Room;
  slot!: number;
  volts!: number;
}

class Day {
  id!: number;
  label!: string;
}

const Schemas = [
  defineEntity({
    class: Room,
    properties: {
      house: p.string().primary(),
      number: p.bigint().primary(),
      name: p.string().nullable(),
      notes: p.text().lazy().nullable(),
      plan: p.json().nullable(),
    },
  }),
  defineEntity({
    class: Desk,
    properties: {
      id: p.integer().primary(),
      room: () => p.manyToOne(Room).updateRule('cascade').nullable(),
      label: p.string().nullable(),
    },
  }),
  defineEntity({
    class: Lock,
    properties: { desk: () => p.oneToOne(Desk).primary().owner().updateRule('cascade'), code: p.string() },
  }),
  defineEntity({
    class: Socket,
    properties: {
      room: () => p.manyToOne(Room).primary().updateRule('cascade'),
      slot: p.integer().primary(),
      volts: p.integer(),
    },
  }),
  defineEntity({ class: Day, properties: { id: p.type(DayType).primary(), label: p.string() } }),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Room, Desk, Lock, Socket, Day]);
});

async function make(...rows: [new () => object, object][]): Promise<void> {
  const em = test.orm.em.fork();
  for (const [entityClass, data] of rows) em.create(entityClass, data as never);
  await lives.flush(em);
}

const room = { house: 'a', number: 2n ** 60n, name: 'r', notes: 'long', plan: { a: 1 } };
const roomKey = ['a', 2n ** 60n] as unknown as Primary<Room>;
const big = String(2n ** 60n);

const LOADS = {
  'that is loaded': (em: TestOrm['orm']['em']) => em.findOneOrFail(Room, roomKey, { populate: ['notes'] as never }),
  'that is loaded without its lazy columns': (em: TestOrm['orm']['em']) => em.findOneOrFail(Room, roomKey),
  'that is loaded in part': (em: TestOrm['orm']['em']) =>
    em.findOneOrFail(Room, roomKey, { fields: ['name'] as never }),
};

it.each(Object.entries(LOADS))(
  'F1: a part of a key changes of an object %s: one object ends, another begins with all of its values',
  async (_, load) => {
    await make([Room, room]);
    const em = test.orm.em.fork();
    const loaded = (await load(em)) as Room;
    loaded.number = 5n;
    loaded.name = 's';
    await lives.flush(em);
    const { name: _name, ...kept } = { name: 'r', notes: 'long', plan: { a: 1 } };
    expect((await summary(test)).slice(1)).toEqual([
      ['delete', `Room:["a","${big}"]`, { name: 'r', ...kept }, null],
      ['create', 'Room:["a","5"]', null, { name: 's', ...kept }],
    ]);
    loaded.name = 't';
    await lives.flush(em);
    em.remove(loaded);
    await lives.flush(em);
    expect((await summary(test)).slice(3)).toEqual([
      ['update', 'Room:["a","5"]', { name: 's' }, { name: 't' }],
      ['delete', 'Room:["a","5"]', { name: 't', ...kept }, null],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  },
);

it('F1: a key that is a relation, and one with a relation in it, change with what they refer to', async () => {
  await make([Room, room], [Desk, { id: 1, room: roomKey, label: 'd' }]);
  await make([Lock, { desk: 1, code: 'x' }], [Socket, { room: roomKey, slot: 3, volts: 230 }]);
  const em = test.orm.em.fork();
  const socket = await em.findOneOrFail(Socket, [['a', 2n ** 60n], 3] as never);
  socket.slot = 4;
  await lives.flush(em);
  expect((await summary(test)).slice(4)).toEqual([
    ['delete', `Socket:["a","${big}",3]`, { volts: 230 }, null],
    ['create', `Socket:["a","${big}",4]`, null, { volts: 230 }],
  ]);
  const desk = await em.findOneOrFail(Desk, 1);
  desk.id = 9;
  await em.flush();
  await test.orm.em.fork().findOneOrFail(Lock, 9 as never);
  expect((await summary(test)).slice(6, 8)).toEqual([
    ['delete', 'Desk:1', { room: ['a', big], label: 'd' }, null],
    ['create', 'Desk:9', null, { room: ['a', big], label: 'd' }],
  ]);
});

it('F7: a key of a custom type changes', async () => {
  await make([Day, { id: 20_000, label: 'd' }]);
  const em = test.orm.em.fork();
  const day = await em.findOneOrFail(Day, 20_000);
  day.id = 20_001;
  await lives.flush(em);
  expect((await summary(test)).slice(1).toSorted(byContent)).toEqual([
    ['create', 'Day:[{"$revy":"date","value":"2024-10-05T00:00:00.000Z"}]', null, { label: 'd' }],
    ['delete', 'Day:[{"$revy":"date","value":"2024-10-04T00:00:00.000Z"}]', { label: 'd' }, null],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('two objects that exchange their keys in one transaction are one update each', async () => {
  await make([Desk, { id: 1, room: null, label: 'one' }], [Desk, { id: 2, room: null, label: 'two' }]);
  await test.orm.em.fork().transactional(async em => {
    const [one, two] = [await em.findOneOrFail(Desk, 1), await em.findOneOrFail(Desk, 2)];
    one.id = 3;
    await em.flush();
    two.id = 1;
    await em.flush();
    one.id = 2;
  });
  await lives.look();
  expect((await summary(test)).slice(2).toSorted(byContent)).toEqual([
    ['update', 'Desk:1', { label: 'one' }, { label: 'two' }],
    ['update', 'Desk:2', { label: 'two' }, { label: 'one' }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

describe('F1, F7: what nobody loaded is found by its key', () => {
  it('of a custom type, of a relation, and of both', async () => {
    await make([Room, room], [Desk, { id: 1, room: roomKey, label: 'd' }], [Day, { id: 20_000, label: 'd' }]);
    await make([Lock, { desk: 1, code: 'x' }], [Socket, { room: roomKey, slot: 3, volts: 230 }]);
    const em = test.orm.em.fork();
    em.getReference(Day, 20_000).label = 'e';
    em.getReference(Room, roomKey).notes = null;
    em.getReference(Lock, 1 as never).code = 'y';
    em.getReference(Socket, [['a', 2n ** 60n], 3] as never).volts = 110;
    await lives.flush(em);
    const other = test.orm.em.fork();
    other.remove(other.getReference(Day, 20_000));
    other.remove(other.getReference(Lock, 1 as never));
    other.remove(other.getReference(Socket, [['a', 2n ** 60n], 3] as never));
    await lives.flush(other);
    expect((await summary(test)).slice(5).toSorted(byContent)).toEqual(
      [
        ['update', 'Day:[{"$revy":"date","value":"2024-10-04T00:00:00.000Z"}]', { label: 'd' }, { label: 'e' }],
        ['update', `Room:["a","${big}"]`, { notes: 'long' }, { notes: null }],
        ['update', 'Lock:1', { code: 'x' }, { code: 'y' }],
        ['update', `Socket:["a","${big}",3]`, { volts: 230 }, { volts: 110 }],
        ['delete', 'Day:[{"$revy":"date","value":"2024-10-04T00:00:00.000Z"}]', { label: 'e' }, null],
        ['delete', 'Lock:1', { code: 'y' }, null],
        ['delete', `Socket:["a","${big}",3]`, { volts: 110 }, null],
      ].toSorted(byContent),
    );
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});
