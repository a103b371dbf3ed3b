import { Collection, defineEntity, type EntityManager, p, raw } from '@mikro-orm/core';
import { HistoryService, RevisionContext, SnapshotService, UnsafeBypassError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from './witness.js';

class Country {
  code!: string;
  name!: string;
  /** Unique, and what some rows refer to in place of the key. */
  number!: number | null;
}

class City {
  id!: number;
  country!: Country;
  former!: Country | null;
  fallback!: Country | null;
  /** Goes on where the key is. */
  region!: Region | null;
  byNumber!: Country | null;
}

/** Its key is in part the country's. */
class Region {
  country!: Country;
  number!: number;
  name!: string;
  labels = new Collection<Label>(this);
}

/** Its key is the region's, and so in part the country's: two levels down. */
class District {
  region!: Region;
  letter!: string;
  name!: string;
  /** Of another country, or of the same. */
  partner!: Country | null;
}

/** Both halves of its key follow, on ways of different lengths. */
class Border {
  country!: Country;
  region!: Region;
  length!: number;
}

class Label {
  id!: number;
}

class Atlas {
  id!: number;
  countries = new Collection<Country>(this);
}

/** A row may refer to one of its own table. */
class Part {
  code!: string;
  whole!: Part | null;
}

const CountrySchema = defineEntity({
  class: Country,
  properties: { code: p.string().primary(), name: p.string(), number: p.integer().nullable().unique() },
});
const LabelSchema = defineEntity({ class: Label, properties: { id: p.integer().primary() } });
const RegionSchema = defineEntity({
  class: Region,
  properties: {
    country: () => p.manyToOne(Country).primary().updateRule('cascade'),
    number: p.integer().primary(),
    name: p.string(),
    labels: () => p.manyToMany(Label),
  },
});
const DistrictSchema = defineEntity({
  class: District,
  properties: {
    region: () => p.manyToOne(Region).primary().updateRule('cascade'),
    letter: p.string().primary(),
    name: p.string(),
    partner: () => p.manyToOne(Country).nullable().updateRule('cascade'),
  },
});
const BorderSchema = defineEntity({
  class: Border,
  properties: {
    country: () => p.manyToOne(Country).primary().updateRule('cascade'),
    region: () => p.manyToOne(Region).primary().updateRule('cascade'),
    length: p.integer(),
  },
});
const CitySchema = defineEntity({
  class: City,
  properties: {
    id: p.integer().primary(),
    country: () => p.manyToOne(Country).updateRule('cascade'),
    former: () => p.manyToOne(Country).nullable().updateRule('set null'),
    fallback: () => p.manyToOne(Country).nullable().default('xx').updateRule('set default'),
    region: () => p.manyToOne(Region).nullable(),
    byNumber: () => p.manyToOne(Country).targetKey('number').nullable().updateRule('cascade'),
  },
});
const AtlasSchema = defineEntity({
  class: Atlas,
  properties: { id: p.integer().primary(), countries: () => p.manyToMany(Country) },
});
const PartSchema = defineEntity({
  class: Part,
  properties: { code: p.string().primary(), whole: () => p.manyToOne(Part).nullable().updateRule('cascade') },
});

const ENTITIES = [
  CountrySchema,
  LabelSchema,
  RegionSchema,
  DistrictSchema,
  BorderSchema,
  CitySchema,
  AtlasSchema,
  PartSchema,
];

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm(ENTITIES);
  await installWitness(t);
});

afterAll(() => t.close());

beforeEach(async () => {
  await t.database.query(`truncate country, region, district, border, city, atlas, atlas_countries, label, part cascade;
    insert into country (code, name, number) values ('xx', 'none', 0), ('de', 'Germany', 276), ('fr', 'France', 250);
    insert into region (country_code, number, name) values ('de', 1, 'north'), ('de', 2, 'south'), ('fr', 1, 'nord');
    insert into district (region_country_code, region_number, letter, name, partner_code) values
      ('de', 1, 'a', 'port', 'de'), ('de', 1, 'b', 'mill', 'fr'), ('fr', 1, 'a', 'lac', 'de');
    insert into border (country_code, region_country_code, region_number, length) values
      ('de', 'de', 1, 10), ('de', 'fr', 1, 20), ('fr', 'de', 2, 30);
    insert into city (id, country_code, former_code, fallback_code, region_country_code, region_number, by_number_code)
      values (1, 'de', 'fr', 'de', 'de', 1, 276), (2, 'fr', 'de', null, 'de', 1, null), (3, 'fr', null, 'fr', 'fr', 1, 250);
    insert into label (id) values (1), (2); insert into region_labels values ('de', 1, 1), ('de', 1, 2), ('fr', 1, 1);
    insert into atlas (id) values (1); insert into atlas_countries (atlas_id, country_code) values (1, 'de'), (1, 'fr');
    insert into part (code, whole_code) values ('car', null), ('door', 'car'), ('knob', 'door'); truncate witness`);
  await t.forget();
});

const told = async () =>
  (await t.deltas())
    .map(({ object, action, old, new: after }) => ({ object, action, old, new: after }))
    .toSorted((a, b) => a.object.localeCompare(b.object));

const moved = (before: string, after: string, old: object, now = old) => [
  { object: before, action: 'delete', old, new: null },
  { object: after, action: 'create', old: null, new: now },
];

const links = (added: number[] | string[], removed: number[] | string[] = []) => ({ added, removed });

/** What follows the country de to d: in two levels of keys, on all ways that lead to a row, and with the links. */
const FOLLOWED = [
  { object: 'Atlas:1', action: 'update', old: {}, new: { countries: links(['d'], ['de']) } },
  ...moved('Border:["de","de",1]', 'Border:["d","d",1]', { length: 10 }),
  ...moved('Border:["de","fr",1]', 'Border:["d","fr",1]', { length: 20 }),
  ...moved('Border:["fr","de",2]', 'Border:["fr","d",2]', { length: 30 }),
  {
    object: 'City:1',
    action: 'update',
    old: { country: 'de', fallback: 'de', region: ['de', 1] },
    new: { country: 'd', fallback: 'xx', region: ['d', 1] },
  },
  {
    object: 'City:2',
    action: 'update',
    old: { former: 'de', region: ['de', 1] },
    new: { former: null, region: ['d', 1] },
  },
  ...moved(
    'District:["de",1,"a"]',
    'District:["d",1,"a"]',
    { name: 'port', partner: 'de' },
    { name: 'port', partner: 'd' },
  ),
  ...moved('District:["de",1,"b"]', 'District:["d",1,"b"]', { name: 'mill', partner: 'fr' }),
  { object: 'District:["fr",1,"a"]', action: 'update', old: { partner: 'de' }, new: { partner: 'd' } },
  ...moved(
    'Region:["de",1]',
    'Region:["d",1]',
    { name: 'north', labels: links([], [1, 2]) },
    { name: 'north', labels: links([1, 2]) },
  ),
  ...moved('Region:["de",2]', 'Region:["d",2]', { name: 'south' }),
].toSorted((a, b) => a.object.localeCompare(b.object));

const GERMANY = moved('Country:de', 'Country:d', { name: 'Germany', number: 276 });

async function expectWitnessed(): Promise<void> {
  const seen = withoutLinks(await t.deltas(), ['labels', 'countries']);
  const metas = ENTITIES.map(({ meta }) => t.orm.getMetadata().get(meta.class as never));
  expect(sorted(seen)).toEqual(sorted(asDeltas(await witnessed(t.database, t.orm), metas)));
}

const withoutCountry = async () => (await told()).filter(({ object }) => !object.startsWith('Country'));

describe('a key that a flush changes', () => {
  it('ends and begins the objects whose keys it is part of, and changes the rows that refer to it', async () => {
    const em = t.orm.em.fork();
    const germany = await em.findOneOrFail(Country, { code: 'de' });
    await RevisionContext.run(
      { actor: germany, objectDeltaDescription: 'reform', deletionDescription: 'no' },
      async () => {
        germany.code = 'd';
        await em.flush();
      },
    );
    expect(await withoutCountry()).toEqual(FOLLOWED);
    expect((await told()).filter(({ object }) => object.startsWith('Country'))).toEqual(
      GERMANY.toSorted((a, b) => a.object.localeCompare(b.object)),
    );
    const said = await t.deltas();
    expect(said.filter(({ description }) => description === 'reform').map(({ object }) => object)).toEqual([
      'Country:de',
      'Country:d',
    ]);
    expect(said.filter(({ actor, description }) => actor === null && description === null)).toHaveLength(
      FOLLOWED.length,
    );
    await expectWitnessed();
  });

  it('says the same where MikroORM has loaded the children, and writes some of it itself', async () => {
    const em = t.orm.em.fork();
    const germany = await em.findOneOrFail(Country, { code: 'de' });
    await em.find(Region, {}, { populate: ['labels'] });
    await em.find(District, {});
    await em.find(Border, {});
    germany.code = 'd';
    await em.flush();
    expect(await withoutCountry()).toEqual(FOLLOWED);
    await expectWitnessed();
  });

  it('is the end of an object of which only the key was loaded, with all that its row had', async () => {
    const em = t.orm.em.fork();
    const germany = await em.findOneOrFail(Country, { code: 'de' }, { fields: ['code'] });
    Object.assign(germany, { code: 'd' });
    await em.flush();
    expect((await told()).filter(({ object }) => object.startsWith('Country:d'))).toEqual(
      GERMANY.toSorted((a, b) => a.object.localeCompare(b.object)),
    );
    await expectWitnessed();
  });

  it('leaves the object under its old key deleted, and lets the one under the new key be found', async () => {
    const em = t.orm.em.fork();
    (await em.findOneOrFail(Country, { code: 'de' })).code = 'd';
    await em.flush();
    const snapshots = new SnapshotService(em);
    expect(await snapshots.at(District, [['de', 1], 'a'] as never)).toBeNull();
    const district = await snapshots.at(District, [['d', 1], 'a'] as never);
    expect(district!.entity).toMatchObject({ letter: 'a', name: 'port', partner: { code: 'd' } });
    expect(await new HistoryService(em).deltas(District, [['de', 1], 'a'] as never)).toHaveLength(1);
  });

  it('leads rows of its own table along', async () => {
    const em = t.orm.em.fork();
    const car = await em.findOneOrFail(Part, { code: 'car' });
    car.code = 'auto';
    const door = await em.findOneOrFail(Part, { code: 'door' }, { fields: ['code'] });
    Object.assign(door, { code: 'tür' });
    await em.flush();
    expect(await told()).toEqual(
      [
        ...moved('Part:car', 'Part:auto', { whole: null }),
        ...moved('Part:door', 'Part:tür', { whole: 'car' }, { whole: 'auto' }),
        { object: 'Part:knob', action: 'update', old: { whole: 'door' }, new: { whole: 'tür' } },
      ].toSorted((a, b) => a.object.localeCompare(b.object)),
    );
    await expectWitnessed();
  });
});

describe('a key that em.nativeUpdate changes', () => {
  it.each(['a transaction of its own', 'the transaction that is open'])('has followers, in %s', async where => {
    const update = (em: EntityManager) => em.nativeUpdate(Country, { code: 'de' }, { code: 'd' });
    const context = { objectDeltaDescription: 'reform', deletionDescription: 'no' };
    await RevisionContext.run(context, async () => {
      if (where === 'a transaction of its own') await update(t.orm.em.fork());
      else await t.orm.em.fork().transactional(update);
    });
    expect(await withoutCountry()).toEqual(FOLLOWED);
    const said = await t.deltas();
    expect(said.filter(({ description }) => description === 'reform').map(({ object }) => object)).toEqual([
      'Country:de',
      'Country:d',
    ]);
    expect(said.filter(({ actor, description }) => actor === null && description === null)).toHaveLength(
      FOLLOWED.length,
    );
    await expectWitnessed();
  });

  it('has followers by a unique column, also where an expression sets it', async () => {
    const em = t.orm.em.fork();
    await em.nativeUpdate(Country, { number: { $gt: 0 } }, { number: raw('number + 1000') });
    expect((await told()).filter(({ object }) => object.startsWith('City'))).toEqual([
      { object: 'City:1', action: 'update', old: { byNumber: 276 }, new: { byNumber: 1276 } },
      { object: 'City:3', action: 'update', old: { byNumber: 250 }, new: { byNumber: 1250 } },
    ]);
    await t.forget();
    await em.nativeUpdate(Country, { code: 'de' }, { number: null });
    expect((await told()).filter(({ object }) => object.startsWith('City'))).toEqual([
      { object: 'City:1', action: 'update', old: { byNumber: 1276 }, new: { byNumber: null } },
    ]);
  });

  it('leads rows of its own table along', async () => {
    await t.orm.em.fork().nativeUpdate(Part, { code: 'car' }, { code: 'auto' });
    expect(await told()).toEqual([
      ...moved('Part:auto', 'Part:car', { whole: null }).map(({ object }) =>
        object === 'Part:auto'
          ? { object, action: 'create', old: null, new: { whole: null } }
          : { object, action: 'delete', old: { whole: null }, new: null },
      ),
      { object: 'Part:door', action: 'update', old: { whole: 'car' }, new: { whole: 'auto' } },
    ]);
    await expectWitnessed();
  });

  it('costs nothing more where what it changes is no key of others', async () => {
    const verbs = async (data: object) => {
      const sent = await statementsOf(() => t.orm.em.fork().nativeUpdate(Country, { code: 'de' }, data));
      return sent.map(sql => sql.split(' ')[0]);
    };
    expect(await verbs({ name: 'Deutschland' })).toEqual(['begin', 'select', 'update', 'select', expect.any(String)]);
    expect((await verbs({ number: 1 })).filter(verb => verb === 'select')).toHaveLength(5);
  });
});

describe('a key that an upsert changes', () => {
  it('has followers by a unique column', async () => {
    await t.orm.em.fork().upsert(Country, { code: 'de', name: 'Germany', number: 49 });
    expect(await told()).toEqual([
      { object: 'City:1', action: 'update', old: { byNumber: 276 }, new: { byNumber: 49 } },
      { object: 'Country:de', action: 'update', old: { number: 276 }, new: { number: 49 } },
    ]);
    await t.forget();
    const rows = [
      { code: 'de', name: 'Germany', number: 50 },
      { code: 'fr', name: 'France', number: 33 },
      { code: 'it', name: 'Italy', number: 39 },
    ];
    await t.orm.em.fork().upsertMany(Country, rows);
    expect((await told()).filter(({ object }) => object.startsWith('City'))).toEqual([
      { object: 'City:1', action: 'update', old: { byNumber: 49 }, new: { byNumber: 50 } },
      { object: 'City:3', action: 'update', old: { byNumber: 250 }, new: { byNumber: 33 } },
    ]);
  });

  it('has followers where the conflict is on another column', async () => {
    const options = { onConflictFields: ['number'] } as never;
    await t.orm.em.fork().upsert(Country, { code: 'd', name: 'Germany', number: 276 }, options);
    expect(await withoutCountry()).toEqual(FOLLOWED);
    await expectWitnessed();
  });

  it('has none where nothing is merged, or nothing was there', async () => {
    const em = t.orm.em.fork();
    await em.upsert(Country, { code: 'de', name: 'x', number: 1 }, { onConflictAction: 'ignore' });
    await em.upsert(Country, { code: 'it', name: 'Italy', number: 39 });
    expect((await told()).map(({ object }) => object)).toEqual(['Country:it']);
  });

  it('is refused where nobody could tell which key became which', async () => {
    const rows = [
      { code: 'd', name: 'Germany', number: 276 },
      { code: 'f', name: 'France', number: 250 },
    ];
    const upsert = t.orm.em.fork().upsertMany(Country, rows, { onConflictFields: ['number'] } as never);
    await expect(upsert).rejects.toThrow(
      new UnsafeBypassError(
        'em.upsertMany()',
        'Country',
        'it may change keys that other rows follow, and nobody could tell which key became which',
        'Upsert one object at a time, with the conflicting properties named in onConflictFields.',
      ),
    );
    expect(await told()).toEqual([]);
  });
});
