import { defineEntity, type EntityProperty, p, Type } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import {
  FormerNameError,
  HistoryService,
  RevertService,
  revy,
  SnapshotService,
  Tracked,
  UnknownAttributeError,
} from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

type Properties = Parameters<typeof defineEntity>[0] extends { properties: infer P } ? P : never;

/** A release of an application: the same table and history, with another mapping. */
class Releases {
  #orm: MikroORM | undefined;

  constructor(readonly database: TestDatabase) {}

  async open(name: string, properties: Properties, options: object = {}): Promise<Release> {
    await this.close();
    const Thing = defineEntity({ name, tableName: 'thing', ...options, properties } as never) as never;
    this.#orm = await MikroORM.init({
      clientUrl: this.database.url,
      entities: [Thing],
      extensions: [revy({ keyframeEvery: 2 })],
    });
    await this.#orm.schema.update();
    return new Release(this.#orm, Thing);
  }

  async close(): Promise<void> {
    await this.#orm?.close(true);
    this.#orm = undefined;
  }
}

class Release {
  constructor(
    readonly orm: MikroORM,
    readonly Thing: never,
  ) {}

  async create(values: object): Promise<void> {
    const em = this.orm.em.fork();
    em.create(this.Thing, values as never);
    await em.flush();
  }

  async change(values: object, id = 1): Promise<void> {
    const em = this.orm.em.fork();
    Object.assign(await em.findOneOrFail(this.Thing, id as never), values);
    await em.flush();
  }

  /** What the entity says at each version, from the first. */
  async states(count: number, id = 1): Promise<{ entity: object; reasons: object }[]> {
    const snapshots = new SnapshotService(this.orm.em.fork());
    const states: { entity: object; reasons: object }[] = [];
    for (let version = 1; version <= count; version++) {
      const { entity, reasons } = (await snapshots.at(this.Thing, id as never, { version }))!;
      states.push({ entity: { ...(entity as object) }, reasons });
    }
    return states;
  }

  /** What a query of the whole ORM reads as each revision left it, from the first; of a deleted object nothing. */
  async past(count: number, id = 1): Promise<object[]> {
    const snapshots = new SnapshotService(this.orm.em.fork());
    const states: object[] = [];
    for (let revision = 1; revision <= count; revision++) {
      const row = await snapshots.asOf({ revision }, em => em.findOneOrFail(this.Thing, id as never));
      states.push({ ...(row as object) });
    }
    return states;
  }
}

const id = () => p.integer().primary();

let releases: Releases;
beforeEach(async () => {
  releases = new Releases(await createDatabase());
});
afterEach(async () => {
  await releases.close();
  await releases.database.drop();
});

const sql = (text: string) => releases.database.query(text);

describe('a renamed attribute', () => {
  async function rename(second: object, options: object = {}, column = 'title') {
    const first = await releases.open('Thing', { id: id(), headline: p.string(), views: p.integer() } as never);
    await first.create({ id: 1, headline: 'one', views: 0 });
    await first.change({ headline: 'two' });
    await first.change({ views: 1 });
    await sql(`alter table thing rename column headline to ${column}`);
    const release = await releases.open('Thing', second as never, options);
    await release.change({ title: 'three' });
    await release.change({ views: 2 });
    return release;
  }

  const EXPECTED = ['one', 'two', 'two', 'three', 'three'];

  it.each([
    ['of the property', { title: p.string().revy({ formerly: 'headline' }) }, {}],
    ['of plain property options', { title: { type: 'string', revy: { formerly: ['headline'] } } }, {}],
    ['of the entity', { title: p.string() }, { revy: { formerly: { title: 'headline' } } }],
  ])('N4: is read under its former name, where the option %s says it', async (_title, property, options) => {
    const release = await rename({ id: id(), ...property, views: p.integer() }, options);
    const states = await release.states(5);
    expect(states.map(({ entity }) => (entity as { title: string }).title)).toEqual(EXPECTED);
    expect(states.map(({ reasons }) => reasons)).toEqual([{}, {}, {}, {}, {}]);
    expect((await release.past(5)).map(row => (row as { title: string }).title)).toEqual(EXPECTED);
    const many = await new SnapshotService(release.orm.em.fork()).many(release.Thing, { title: 'two' } as never, {
      revision: 3,
    });
    expect(many).toMatchObject([{ entity: { title: 'two', views: 1 } }]);
  });

  it('N4: is read under it where a decorator says it', async () => {
    class Thing {
      id!: number;
      title!: string;
      views!: number;
    }
    Tracked({ formerly: 'headline' })(Thing.prototype, 'title');
    const release = await rename({ id: id(), title: p.string(), views: p.integer() }, { class: Thing });
    expect((await release.states(5)).map(({ entity }) => (entity as Thing).title)).toEqual(EXPECTED);
  });

  it('N4: has its versions, differences and reasons under its present name', async () => {
    const release = await rename({ id: id(), title: p.string().revy({ formerly: 'headline' }), views: p.integer() });
    const history = new HistoryService(release.orm.em.fork());
    const versions = await history.versions(release.Thing, 1 as never);
    expect(versions.map(({ changed }) => changed)).toEqual([
      ['title', 'views'],
      ['title'],
      ['views'],
      ['title'],
      ['views'],
    ]);
    expect(await history.diff(release.Thing, 1 as never, { version: 1 }, { version: 3 })).toMatchObject({
      changed: { title: { oldValue: 'one', newValue: 'two' }, views: { oldValue: 0, newValue: 1 } },
    });
    const second = await releases.open('Thing', {
      id: id(),
      name: p
        .string()
        .fieldName('title')
        .revy({ formerly: ['title', 'headline'] }),
      views: p.integer(),
    } as never);
    const blame = await new HistoryService(second.orm.em.fork()).blame(second.Thing, 1 as never);
    expect(blame).toMatchObject({ name: { version: 4 }, views: { version: 5 } });
  });

  it('N4: is put back under its present name', async () => {
    const release = await rename({ id: id(), title: p.string().revy({ formerly: 'headline' }), views: p.integer() });
    const reverts = new RevertService(release.orm.em.fork());
    await reverts.toVersion(release.Thing, 1 as never, 1);
    expect(await sql('select title, views from thing')).toEqual([{ title: 'one', views: 0 }]);
    await reverts.revision(2, { onConflict: 'overwrite' });
    expect(await sql('select title from thing')).toEqual([{ title: 'one' }]);
  });

  it('is unknown before the renaming without it, and still listed by the history', async () => {
    const release = await rename({ id: id(), title: p.string(), views: p.integer() });
    const states = await release.states(5);
    expect(states.map(({ reasons }) => reasons).slice(0, 3)).toEqual(Array(3).fill({ title: 'unseen' }));
    const [first] = await new HistoryService(release.orm.em.fork()).deltas(release.Thing, 1 as never);
    expect(first!.newValues).toEqual({ headline: 'one', views: 0 });
  });

  it('may have been renamed more than once, and old values older than the history follow it', async () => {
    await releases.open('Thing', { id: id(), name: p.string(), views: p.integer() } as never);
    await sql(`insert into thing (id, name, views) values (1, 'zero', 0)`);
    const first = await releases.open('Thing', { id: id(), name: p.string(), views: p.integer() } as never);
    await first.change({ name: 'one' });
    await sql('alter table thing rename column name to headline');
    const second = await releases.open('Thing', {
      id: id(),
      headline: p.string().revy({ formerly: 'name' }),
      views: p.integer(),
    } as never);
    await second.change({ headline: 'two' });
    await sql('alter table thing rename column headline to title');
    const third = await releases.open('Thing', {
      id: id(),
      title: p.string().revy({ formerly: ['headline', 'name'] }),
      views: p.integer(),
    } as never);
    await third.change({ views: 3 });
    await third.change({ title: 'four' });
    const snapshots = new SnapshotService(third.orm.em.fork());
    const before = (await snapshots.at(third.Thing, 1 as never, { before: 1 }))!;
    expect(before).toMatchObject({ entity: { title: 'zero', views: 0 }, version: 0, unknown: [] });
    const states = await third.states(4);
    expect(states.map(({ entity }) => entity)).toMatchObject([
      { title: 'one', views: 0 },
      { title: 'two', views: 0 },
      { title: 'two', views: 3 },
      { title: 'four', views: 3 },
    ]);
    expect((await third.past(4)).map(row => (row as { title: string }).title)).toEqual(['one', 'two', 'two', 'four']);
    const named = await new HistoryService(third.orm.em.fork()).deltas(third.Thing, 1 as never, {
      changed: 'title' as never,
    });
    expect(named.map(({ version }) => version)).toEqual([1, 2, 4]);
  });

  it('that is an inline embeddable takes its columns along', async () => {
    class Place {
      street!: string;
      zip!: string | null;
    }
    const PlaceSchema = defineEntity({
      class: Place,
      embeddable: true,
      properties: { street: p.string(), zip: p.string().nullable() },
    });
    const first = await releases.open('Thing', { id: id(), home: () => p.embedded(PlaceSchema) } as never);
    await first.create({ id: 1, home: { street: 'A', zip: '1' } });
    await sql('alter table thing rename column home_street to address_street');
    await sql('alter table thing rename column home_zip to address_zip');
    const second = await releases.open('Thing', {
      id: id(),
      address: () => p.embedded(PlaceSchema).revy({ formerly: 'home' }),
    } as never);
    await second.change({ address: { street: 'B', zip: '1' } });
    expect((await second.states(2)).map(({ entity }) => entity)).toMatchObject([
      { address: { street: 'A', zip: '1' } },
      { address: { street: 'B', zip: '1' } },
    ]);
  });

  it('may not have the name of another attribute, nor share one with another', async () => {
    const open = (properties: object, options: object = {}) =>
      releases.open('Thing', { id: id(), a: p.string(), ...properties } as never, options);
    await expect(open({ b: p.string().revy({ formerly: 'a' }) })).rejects.toThrow(FormerNameError);
    await expect(
      open({ b: p.string().revy({ formerly: 'x' }), c: p.string().revy({ formerly: ['y', 'x'] }) }),
    ).rejects.toThrow(FormerNameError);
    await expect(open({}, { revy: { formerly: { z: 'x' } } })).rejects.toThrow(UnknownAttributeError);
  });
});

describe('a removed and an added attribute', () => {
  it('I11, N4: what is gone is left out of the entity and listed by the history; what is new is unknown before', async () => {
    const first = await releases.open('Thing', { id: id(), kept: p.string(), dropped: p.string() } as never);
    await first.create({ id: 1, kept: 'k1', dropped: 'd1' });
    await first.change({ dropped: 'd2' });
    await sql('alter table thing drop column dropped');
    const second = await releases.open('Thing', { id: id(), kept: p.string(), added: p.integer().default(7) } as never);
    await second.change({ kept: 'k2' });
    await second.change({ added: 8 });
    const states = await second.states(4);
    expect(states).toEqual([
      { entity: { id: 1, kept: 'k1' }, reasons: { added: 'unseen' } },
      { entity: { id: 1, kept: 'k1' }, reasons: { added: 'unseen' } },
      { entity: { id: 1, kept: 'k2' }, reasons: { added: 'unseen' } },
      { entity: { id: 1, kept: 'k2', added: 8 }, reasons: {} },
    ]);
    const deltas = await new HistoryService(second.orm.em.fork()).deltas(second.Thing, 1 as never);
    expect(deltas.map(({ newValues }) => newValues)).toEqual([
      { kept: 'k1', dropped: 'd1' },
      { dropped: 'd2' },
      { kept: 'k2' },
      { added: 8 },
    ]);
  });
});

describe('I12, N6: an attribute that changed its type', () => {
  const builders = {
    text: () => p.text().nullable(),
    string: () => p.string().nullable(),
    integer: () => p.integer().nullable(),
    double: () => p.double().nullable(),
    bigint: () => p.bigint().nullable(),
    decimal: () => p.decimal('string').precision(10).scale(2).nullable(),
    boolean: () => p.boolean().nullable(),
    datetime: () => p.datetime(3).nullable(),
    json: () => p.json().nullable(),
    array: () => p.array().nullable(),
    blob: () => p.blob().nullable(),
    self: () => p.manyToOne('Thing' as never).nullable(),
  };
  const at = new Date('2026-01-02T03:04:05.678Z');

  const CASES: [from: keyof typeof builders, value: unknown, to: keyof typeof builders, read: unknown][] = [
    ['string', '12', 'integer', 12],
    ['string', 'twelve', 'integer', 'unreadable'],
    ['string', '', 'integer', 'unreadable'],
    ['integer', 12, 'string', '12'],
    ['boolean', true, 'string', 'true'],
    ['string', 'true', 'boolean', true],
    ['string', 'yes', 'boolean', 'unreadable'],
    ['integer', 0, 'boolean', false],
    ['integer', 2, 'boolean', 'unreadable'],
    ['integer', 12, 'bigint', 12n],
    ['double', 1.5, 'bigint', 'unreadable'],
    ['bigint', 9007199254740993n, 'string', '9007199254740993'],
    ['double', 1.5, 'decimal', '1.50'],
    ['double', 1e-7, 'decimal', '0.00'],
    ['decimal', '1.50', 'double', 1.5],
    ['decimal', '1.50', 'text', '1.50'],
    ['datetime', at, 'text', at.toISOString()],
    ['text', at.toISOString(), 'datetime', at],
    ['text', 'yesterday', 'datetime', 'unreadable'],
    ['integer', 12, 'datetime', 'unreadable'],
    ['json', { a: 1 }, 'text', 'unreadable'],
    ['text', 'a', 'json', 'a'],
    ['array', ['a', 'b'], 'json', ['a', 'b']],
    ['text', 'a', 'array', 'unreadable'],
    ['integer', 5, 'array', 'unreadable'],
    ['array', ['a'], 'string', 'unreadable'],
    ['blob', Buffer.from('hi'), 'text', 'aGk='],
    ['text', 'not base64!', 'blob', 'unreadable'],
    ['integer', 2, 'self', { id: 2 }],
    ['string', 'one', 'self', 'unreadable'],
    ['json', [1, 2], 'self', 'unreadable'],
    ['self', 1, 'integer', 1],
    ['integer', null, 'array', null],
  ];

  it('is read where its stored value still has a meaning, else unknown for that reason', async () => {
    const mapping = (side: 0 | 2) =>
      Object.fromEntries(CASES.map((one, index) => [`v${index}`, builders[one[side]]()] as const));
    const first = await releases.open('Thing', { id: id(), ...mapping(0) } as never);
    await first.create({ id: 1, ...Object.fromEntries(CASES.map(([, value], index) => [`v${index}`, value])) });
    for (const [index, [from]] of CASES.entries()) {
      await sql(`alter table thing drop column v${index}${from === 'self' ? '_id' : ''}`);
    }
    const second = await releases.open('Thing', { id: id(), ...mapping(2) } as never);
    const [state] = await second.states(1);
    const { entity, reasons } = state as { entity: Record<string, unknown>; reasons: Record<string, string> };
    const got = CASES.map(([from, value, to], index) => {
      const read = reasons[`v${index}`] ?? entity[`v${index}`];
      return [from, value, to, to === 'self' && typeof read === 'object' ? contents(read as object) : read];
    });
    expect(got).toEqual(CASES);
  });

  it('is the same to asOf, which leaves it to the database to read it', async () => {
    const readable = CASES.filter(([, , , read]) => read !== 'unreadable');
    const mapping = (side: 0 | 2) =>
      Object.fromEntries([
        ['note', p.string().nullable()],
        ...readable.map((one, index) => [`v${index}`, builders[one[side]]()] as const),
      ]);
    const first = await releases.open('Thing', { id: id(), ...mapping(0) } as never);
    await first.create({ id: 1, ...Object.fromEntries(readable.map(([, value], index) => [`v${index}`, value])) });
    for (const [index, [from]] of readable.entries()) {
      await sql(`alter table thing drop column v${index}${from === 'self' ? '_id' : ''}`);
    }
    const second = await releases.open('Thing', { id: id(), ...mapping(2) } as never);
    await second.change({ note: 'later' });
    const snapshots = new SnapshotService(second.orm.em.fork());
    const { entity } = (await snapshots.at(second.Thing, 1 as never, { revision: 1 }))!;
    const past = await snapshots.asOf({ revision: 1 }, reader => reader.findOneOrFail(second.Thing, 1 as never));
    expect(contents(past)).toEqual(contents(entity as object));
  });

  it('is unknown where a custom type of the application throws at it', async () => {
    class EvenType extends Type<{ half: number } | null, number | null> {
      override convertToJSValue(value: number | null): { half: number } | null {
        if (value === null) return null;
        if (value % 2) throw new Error(`${value} is odd`);
        return { half: value / 2 };
      }

      override getColumnType(_prop: EntityProperty): string {
        return 'int';
      }
    }
    const first = await releases.open('Thing', { id: id(), value: p.integer(), name: p.string() } as never);
    await first.create({ id: 1, value: 4, name: 'a' });
    await first.change({ value: 5, name: 'b' });
    const second = await releases.open('Thing', { id: id(), value: p.type(EvenType), name: p.string() } as never);
    expect(await second.states(2)).toEqual([
      { entity: { id: 1, value: { half: 2 }, name: 'a' }, reasons: {} },
      { entity: { id: 1, name: 'b' }, reasons: { value: 'unreadable' } },
    ]);
  });
});

describe('I13: a renamed class', () => {
  it('keeps its history under the stored name that "as" gives it', async () => {
    const properties = () => ({ id: id(), name: p.string() }) as never;
    const first = await releases.open('Thing', properties());
    await first.create({ id: 1, name: 'one' });
    const second = await releases.open('Gadget', properties(), { revy: { as: 'Thing' } });
    await second.change({ name: 'two' });
    expect((await second.states(2)).map(({ entity }) => (entity as { name: string }).name)).toEqual(['one', 'two']);
    const { entity } = (await new SnapshotService(second.orm.em.fork()).at(second.Thing, 1 as never, { version: 1 }))!;
    expect((entity as object).constructor.name).toBe('Gadget');
    const [row] = await sql(
      `select count(*)::int as n, count(distinct object_type)::int as types from revy_object_delta`,
    );
    expect(row).toEqual({ n: 2, types: 1 });
  });
});
