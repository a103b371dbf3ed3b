import { defineEntity, p } from '@mikro-orm/core';
import { SnapshotService, UntrackedEntityError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

// What classes may look like: accessors, constructors, and entities that are no tables.

class Account {
  id!: number;
  private _balance = 0;
  private _owner!: string;
  log: string[] = [];

  get balance(): number {
    return this._balance;
  }

  set balance(value: number) {
    if (value < 0) throw new RangeError('no credit');
    this._balance = value;
  }

  get owner(): string {
    return this._owner;
  }

  set owner(value: string) {
    this._owner = value.trim();
  }

  /** Stored, and computed when it is written. */
  get summary(): string {
    return `${this.owner}: ${this.balance}`;
  }
}

class Coordinates {
  constructor(
    readonly lat: number,
    readonly lng: number,
  ) {}
}

class Stop {
  id!: number;
  readonly name: string;
  readonly place: Coordinates;
  visits = 0;
  made: string;

  constructor(name: string, place: Coordinates) {
    this.name = name.toUpperCase();
    this.place = place;
    this.made = 'by the constructor';
  }
}

class Total {
  owner!: string;
  balance!: number;
}

class StopName {
  id!: number;
  name!: string;
}

class Archive {
  id!: number;
  name!: string;
}

const id = p.integer().primary().autoincrement();
const Schemas = [
  defineEntity({
    class: Account,
    properties: {
      id,
      balance: p.integer().accessor(true),
      owner: p.string().accessor('_owner'),
      log: p.array(),
      summary: p.string().getter().hydrate(false),
    },
  } as never),
  defineEntity({
    class: Coordinates,
    embeddable: true,
    constructorParams: ['lat', 'lng'],
    properties: { lat: p.double(), lng: p.double() },
  } as never),
  defineEntity({
    class: Stop,
    constructorParams: ['name', 'place'],
    properties: {
      id,
      name: p.string(),
      place: () => p.embedded(Coordinates),
      visits: p.integer(),
      made: p.string(),
    },
  } as never),
  defineEntity({
    class: Total,
    virtual: true,
    expression: 'select owner, sum(balance)::int as balance from account group by owner',
    properties: { owner: p.string(), balance: p.integer() },
  } as never),
  defineEntity({
    class: StopName,
    view: true,
    expression: 'select id, name from stop',
    properties: { id: p.integer().primary(), name: p.string() },
  } as never),
  defineEntity({ class: Archive, readonly: true, properties: { id, name: p.string() } } as never),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Account, Stop]);
});

it('accessors of the class: what they made of a value is recorded, with a getter that is stored; a backing field by its name', async () => {
  const em = test.orm.em.fork();
  const account = em.create(Account, { owner: 'ann', balance: 5, log: [] } as never) as Account;
  await lives.flush(em);
  account.balance = 7;
  account.log.push('x');
  await lives.flush(em);
  const other = test.orm.em.fork();
  const loaded = await other.findOneOrFail(Account, account.id);
  loaded.owner = ' bob';
  expect(() => (loaded.balance = -1)).toThrow('no credit');
  await lives.flush(other);
  expect(await summary(test)).toEqual([
    ['create', `Account:${account.id}`, null, { _owner: 'ann', balance: 5, log: [], summary: 'ann: 5' }],
    [
      'update',
      `Account:${account.id}`,
      { balance: 5, log: [], summary: 'ann: 5' },
      { balance: 7, log: ['x'], summary: 'ann: 7' },
    ],
    ['update', `Account:${account.id}`, { _owner: 'ann', summary: 'ann: 7' }, { _owner: 'bob', summary: 'bob: 7' }],
  ]);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('constructors, of entities and of embeddables, are called where the ORM calls them, and not by snapshots', async () => {
  const em = test.orm.em.fork();
  const stop = em.create(Stop, { name: 'main', place: { lat: 1, lng: 2 } } as never) as Stop;
  const byHand = new Stop('side', new Coordinates(3, 4));
  em.persist(byHand);
  await lives.flush(em);
  stop.visits = 1;
  Object.assign(stop, { place: new Coordinates(5, 6), made: 'later' });
  await lives.flush(em);
  const made = 'by the constructor';
  expect(await summary(test)).toEqual([
    ['create', `Stop:${stop.id}`, null, { name: 'MAIN', place_lat: 1, place_lng: 2, visits: 0, made }],
    ['create', `Stop:${byHand.id}`, null, { name: 'SIDE', place_lat: 3, place_lng: 4, visits: 0, made }],
    [
      'update',
      `Stop:${stop.id}`,
      { place_lat: 1, place_lng: 2, visits: 0, made },
      { place_lat: 5, place_lng: 6, visits: 1, made: 'later' },
    ],
  ]);
  const { entity } = (await new SnapshotService(em).at(Stop, stop.id, { version: 2 }))!;
  expect(entity.place).toBeInstanceOf(Coordinates);
  expect(entity.made).toBe('later');
  expect(await lives.shown()).toStrictEqual(lives.seen);
});

it('what is no table has no history: virtual entities, views, and what is read only', async () => {
  const em = test.orm.em.fork();
  em.create(Account, { owner: 'ann', balance: 5, log: [] } as never);
  em.create(Stop, { name: 'main', place: { lat: 1, lng: 2 } } as never);
  await em.flush();
  await test.database.query(`insert into archive (name) values ('old')`);
  await test.forget();
  const other = test.orm.em.fork();
  for (const found of await other.find(Total, {})) found.balance = 0;
  for (const found of await other.find(StopName, {})) found.name = 'x';
  for (const found of await other.find(Archive, {})) found.name = 'x';
  await other.flush();
  expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  const snapshots = new SnapshotService(other);
  for (const entity of [Total, StopName] as (new () => object)[]) {
    await expect(snapshots.at(entity, 1 as never, new Date())).rejects.toThrow(UntrackedEntityError);
  }
});
