import {
  AbstractNamingStrategy,
  Collection,
  defineEntity,
  EntityCaseNamingStrategy,
  MongoNamingStrategy,
  p,
  wrap,
} from '@mikro-orm/core';
import type { Options } from '@mikro-orm/postgresql';
import { AttributeDelta, HistoryService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

// The same story under each setting of MikroORM that changes how entities are made, compared or written.

class Place {
  street!: string | null;
  since!: Date | null;
}

class Team {
  id!: number;
  name!: string;
  members = new Collection<Member>(this);
}

class Member {
  id!: number;
  fullName!: string;
  nickName!: string | null;
  secret!: string | null;
  born!: Date | null;
  /** Without a time zone in its column. */
  local!: Date | null;
  day!: string | null;
  meta!: unknown;
  big!: bigint | null;
  tags!: string[] | null;
  home!: Place | null;
  office!: Place | null;
  team!: Team | null;
  boss!: Member | null;
  skills = new Collection<Skill>(this);
}

class Skill {
  id!: number;
  name!: string;
}

const Schemas = [
  defineEntity({
    class: Place,
    embeddable: true,
    properties: { street: p.string().nullable(), since: p.datetime(3).nullable() },
  }),
  defineEntity({
    class: Team,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      members: () => p.oneToMany(Member).mappedBy('team'),
    },
  }),
  defineEntity({ class: Skill, properties: { id: p.integer().primary(), name: p.string() } }),
  defineEntity({
    class: Member,
    properties: {
      id: p.integer().primary(),
      fullName: p.string().serializedName('name'),
      nickName: p.string().nullable(),
      secret: p.string().hidden().nullable().revy({ mask: false }),
      born: p.datetime(3).nullable(),
      local: p.datetime().columnType('timestamp(3)').nullable(),
      day: p.date().nullable(),
      meta: p.json().nullable(),
      big: p.bigint().nullable(),
      tags: p.array().nullable(),
      home: () => p.embedded(Place).nullable(),
      office: () => p.embedded(Place).object().nullable(),
      team: () => p.manyToOne(Team).nullable(),
      boss: () => p.manyToOne(Member).nullable(),
      skills: () => p.manyToMany(Skill).owner(),
    },
  } as never),
];

class Shouting extends AbstractNamingStrategy {
  classToTableName(name: string): string {
    return `T ${name}`;
  }
  joinColumnName(name: string): string {
    return `${name} "key"`;
  }
  joinKeyColumnName(name: string, column?: string): string {
    return `${name} ${column ?? 'id'}`;
  }
  joinTableName(from: string, to: string, name: string): string {
    return `${from} ${name} ${to}`.toUpperCase();
  }
  propertyToColumnName(name: string): string {
    return name.toUpperCase();
  }
  referenceColumnName(): string {
    return 'ID';
  }
}

const SETTINGS: Record<string, Partial<Options>> = {
  'nothing set': {},
  'forceUndefined: true': { forceUndefined: true },
  'initNullableProperties: true': { initNullableProperties: true },
  'forceUtcTimezone: true': { forceUtcTimezone: true },
  'forceUtcTimezone: false': { forceUtcTimezone: false },
  'timezone: +05:30': { timezone: '+05:30' },
  EntityCaseNamingStrategy: { namingStrategy: EntityCaseNamingStrategy },
  MongoNamingStrategy: { namingStrategy: MongoNamingStrategy },
  'a naming strategy of the application': { namingStrategy: Shouting },
  'batches off': { useBatchInserts: false, useBatchUpdates: false },
  'batchSize: 1': { batchSize: 1 },
  'propagationOnPrototype: false': { propagationOnPrototype: false },
  'forceEntityConstructor: true': { forceEntityConstructor: true },
  'populateAfterFlush: false': { populateAfterFlush: false },
  'processOnCreateHooksEarly: false': { processOnCreateHooksEarly: false },
  "flushMode: 'always'": { flushMode: 'always' },
  "flushMode: 'commit'": { flushMode: 'commit' },
  "loadStrategy: 'select-in'": { loadStrategy: 'select-in' },
  'ignoreUndefinedInQuery: true': { ignoreUndefinedInQuery: true },
  'serialization.forceObject: true': { serialization: { forceObject: true } },
};

const [born, moved] = [new Date('2026-03-29T00:30:00.123Z'), new Date('2026-10-25T01:30:00.456Z')];
const place = (street: string | null, since: Date | null): Place => Object.assign(new Place(), { street, since });

const NULLS = {
  nickName: null,
  secret: null,
  born: null,
  local: null,
  day: null,
  meta: null,
  big: null,
  tags: null,
  home_street: null,
  home_since: null,
  office: null,
  team: null,
  boss: null,
};

describe.each(Object.entries(SETTINGS))('with %s', (_, config) => {
  let test: TestOrm;
  let lives: Lives;
  beforeAll(async () => {
    test = await createOrm(Schemas as never, { config });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await empty(test);
    lives = new Lives(test, [Member, Team]);
  });

  it('history and snapshots are the same', async () => {
    const em = test.orm.em.fork();
    const team = em.create(Team, { id: 1, name: 'red' });
    em.create(Skill, { id: 3, name: 'chess' });
    const boss = em.create(Member, { id: 1, fullName: 'Ann', team } as never) as Member;
    const member = em.create(Member, {
      id: 2,
      fullName: 'Bob',
      nickName: '',
      secret: 's',
      born,
      local: born,
      day: '2026-02-03',
      meta: { a: [1, null] },
      big: 2n ** 60n,
      tags: [],
      home: { street: 'Elm', since: born },
      office: { street: null, since: moved },
      team,
      boss,
    } as never) as Member;
    await lives.flush(em);

    const other = test.orm.em.fork();
    const loaded = await other.findOneOrFail(Member, 2, { populate: ['skills'] as never });
    wrap(loaded).assign({ nickName: 'B', born: moved, local: moved, tags: ['x'], meta: [] } as never);
    loaded.home!.since = null;
    loaded.office = place('Oak', null);
    loaded.skills.add(other.getReference(Skill, 3));
    (await other.findOneOrFail(Member, 1)).nickName = 'A';
    await lives.flush(other);

    for (const name of [
      'nickName',
      'secret',
      'born',
      'local',
      'day',
      'meta',
      'big',
      'tags',
      'home',
      'office',
    ] as const) {
      (loaded as unknown as Record<string, unknown>)[name] = null;
    }
    Object.assign(loaded, { team: null, boss: null });
    loaded.skills.removeAll();
    await lives.flush(other);
    expect(member.fullName).toBe('Bob');

    const last = test.orm.em.fork();
    last.remove(last.getReference(Member, 2));
    await lives.flush(last);

    const made = {
      fullName: 'Bob',
      nickName: '',
      secret: 's',
      born: born.toISOString(),
      local: born.toISOString(),
      day: '2026-02-03',
      meta: { a: [1, null] },
      big: String(2n ** 60n),
      tags: [],
      home_street: 'Elm',
      home_since: born.toISOString(),
      office: { street: null, since: moved.toISOString() },
      team: 1,
      boss: 1,
    };
    const [before, after] = [
      {
        nickName: '',
        born: born.toISOString(),
        local: born.toISOString(),
        tags: [],
        meta: { a: [1, null] },
        home_since: born.toISOString(),
        office: { street: null, since: moved.toISOString() },
      },
      {
        nickName: 'B',
        born: moved.toISOString(),
        local: moved.toISOString(),
        tags: ['x'],
        meta: [],
        home_since: null,
        office: { street: 'Oak', since: null },
      },
    ];
    const { fullName: _name, home_since: _since, ...filled } = { ...made, ...after };
    const { home_since: __, ...emptied } = NULLS;
    const ofMembers = ((await summary(test)) as Line[]).filter(([, object]) => object.startsWith('Member'));
    expect(ofMembers.toSorted(byObject).map(inOneForm)).toEqual(
      [
        ['create', 'Member:1', null, { ...NULLS, fullName: 'Ann', team: 1 }],
        ['update', 'Member:1', { nickName: null }, { nickName: 'A' }],
        ['create', 'Member:2', null, made],
        ['update', 'Member:2', before, { ...after, skills: { added: [3], removed: [] } }],
        ['update', 'Member:2', filled, { ...emptied, skills: { added: [], removed: [3] } }],
        ['delete', 'Member:2', { ...NULLS, fullName: 'Bob' }, null],
      ].map(line => inOneForm(line as Line)),
    );
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('the tables of the history are complete, and can be asked', async () => {
    expect(await test.orm.schema.getUpdateSchemaSQL()).toBe('');
    const em = test.orm.em.fork();
    em.create(Member, { id: 1, fullName: 'Ann' } as never);
    await em.flush();
    const [delta] = await new HistoryService(em).deltas(Member, 1);
    expect([delta!.objectType, delta!.objectId, delta!.newValues!['fullName']]).toEqual(['Member', '1', 'Ann']);
    const [attribute] = await em.fork().find(AttributeDelta, { attribute: 'fullName' }, { populate: ['revision'] });
    expect(attribute).toMatchObject({ newValue: 'Ann', revision: { id: 1, recordedAt: expect.any(Date) } });
  });

  it('nothing is recorded of what is loaded, assigned as it is and flushed', async () => {
    const em = test.orm.em.fork();
    em.create(Member, { id: 1, fullName: 'Ann', born, local: born, meta: { a: 1 }, tags: ['x'], big: 1n } as never);
    em.create(Member, { id: 2, fullName: 'Bob', home: { street: 'Elm', since: born }, boss: 1 } as never);
    await em.flush();
    await test.forget();
    const other = test.orm.em.fork();
    const [ann, bob] = (await other.find(Member, {}, { orderBy: { id: 1 } })) as [Member, Member];
    wrap(ann).assign({ born: new Date(born), local: new Date(born), meta: { a: 1 }, tags: ['x'], big: 1n } as never);
    bob.home = place('Elm', new Date(born));
    wrap(bob).assign({ boss: 1 } as never);
    await other.flush();
    expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  });
});

type Line = [action: string, object: string, old: Values | null, now: Values | null];
type Values = Record<string, unknown>;

/** The deltas of one object stay in their order. */
function byObject([, a]: Line, [, b]: Line): number {
  return a.localeCompare(b);
}

/**
 * With `forceUndefined`, MikroORM leaves out of a JSON column what is null in an embeddable; and it names the leaves of
 * an inline one by its column.
 */
function inOneForm([action, object, ...values]: Line): unknown[] {
  const clean = (held: Values | null) =>
    held && Object.fromEntries(Object.entries(held).map(([name, value]) => [leaf(name), withoutNulls(name, value)]));
  return [action, object, ...values.map(clean)];
}

function leaf(name: string): string {
  return name.replace(/^home_/i, 'home_');
}

function withoutNulls(name: string, value: unknown): unknown {
  if (name !== 'office' || !value) return value;
  return Object.fromEntries(Object.entries(value).filter(([, held]) => held !== null));
}
