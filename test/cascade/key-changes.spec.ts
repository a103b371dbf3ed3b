import { Collection, defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Country {
  code!: string;
  name!: string;
}

class City {
  id!: number;
  country!: Country;
  former!: Country | null;
  fallback!: Country | null;
  /** Goes on where the key is. */
  region!: Region | null;
}

/** Its key is in part the country's. */
class Region {
  country!: Country;
  number!: number;
}

class Atlas {
  id!: number;
  countries = new Collection<Country>(this);
}

const CountrySchema = defineEntity({ class: Country, properties: { code: p.string().primary(), name: p.string() } });
const RegionSchema = defineEntity({
  class: Region,
  properties: { country: () => p.manyToOne(Country).primary().updateRule('cascade'), number: p.integer().primary() },
});
const CitySchema = defineEntity({
  class: City,
  properties: {
    id: p.integer().primary(),
    country: () => p.manyToOne(Country).updateRule('cascade'),
    former: () => p.manyToOne(Country).nullable().updateRule('set null'),
    fallback: () => p.manyToOne(Country).nullable().default('xx').updateRule('set default'),
    region: () => p.manyToOne(Region).nullable(),
  },
});
const AtlasSchema = defineEntity({
  class: Atlas,
  properties: { id: p.integer().primary(), countries: () => p.manyToMany(Country) },
});

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([CountrySchema, RegionSchema, CitySchema, AtlasSchema]);
});

afterAll(() => t.close());

beforeEach(async () => {
  await t.database.query(`truncate country, region, city, atlas, atlas_countries;
    insert into country (code, name) values ('xx', 'none'), ('de', 'Germany'), ('fr', 'France');
    insert into region (country_code, number) values ('de', 1), ('fr', 1);
    insert into city (id, country_code, former_code, fallback_code, region_country_code, region_number) values
      (1, 'de', 'fr', 'de', 'de', 1), (2, 'fr', 'de', null, 'de', 1), (3, 'fr', null, 'fr', 'fr', 1);
    insert into atlas (id) values (1); insert into atlas_countries (atlas_id, country_code) values (1, 'de'), (1, 'fr')`);
  await t.forget();
});

const told = async () =>
  (await t.deltas())
    .map(({ object, old, new: after, actor, description }) => ({ object, old, new: after, actor, description }))
    .toSorted((a, b) => a.object.localeCompare(b.object));

const EXPECTED = [
  {
    object: 'Atlas:1',
    old: {},
    new: { countries: { added: ['d'], removed: ['de'] } },
  },
  {
    object: 'City:1',
    old: { country: 'de', fallback: 'de', region: ['de', 1] },
    new: { country: 'd', fallback: 'xx', region: ['d', 1] },
  },
  {
    object: 'City:2',
    old: { former: 'de', region: ['de', 1] },
    new: { former: null, region: ['d', 1] },
  },
];

async function expectInTables(): Promise<void> {
  expect(await t.database.query('select * from city order by id')).toEqual([
    { id: 1, country_code: 'd', former_code: 'fr', fallback_code: 'xx', region_country_code: 'd', region_number: 1 },
    { id: 2, country_code: 'fr', former_code: null, fallback_code: null, region_country_code: 'd', region_number: 1 },
    { id: 3, country_code: 'fr', former_code: null, fallback_code: 'fr', region_country_code: 'fr', region_number: 1 },
  ]);
}

it('records what a changed key changes in the rows that refer to it, and on from there', async () => {
  const em = t.orm.em.fork();
  const germany = await em.findOneOrFail(Country, { code: 'de' });
  await RevisionContext.run({ objectDeltaDescription: 'reform' }, async () => {
    germany.code = 'd';
    await em.flush();
  });
  await expectInTables();
  expect(await told()).toEqual([
    ...EXPECTED.map(delta => ({ ...delta, actor: null, description: null })),
    { object: 'Country:d', old: null, new: { name: 'Germany' }, actor: null, description: 'reform' },
    { object: 'Country:de', old: { name: 'Germany' }, new: null, actor: null, description: 'reform' },
  ]);
});

it('leaves out what MikroORM writes itself, because it has loaded the children', async () => {
  const em = t.orm.em.fork();
  const germany = await em.findOneOrFail(Country, { code: 'de' });
  const city = await em.findOneOrFail(City, 1, { populate: ['country'] });
  expect(city.country).toBe(germany);
  germany.code = 'd';
  await em.flush();
  const deltas = await t.attributes();
  expect(deltas.filter(row => row.object === 'City:1' && row.attribute === 'country')).toHaveLength(1);
});
