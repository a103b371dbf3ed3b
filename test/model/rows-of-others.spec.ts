import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Address, Specimen, SPECIMEN, valuesOf } from './samples.js';

describe('values that MikroORM did not write', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(SPECIMEN);
  });
  afterAll(() => test.close());

  it.each([
    ['double', `'NaN'::float8`, 'NaN'],
    ['double', `'-Infinity'::float8`, '-Infinity'],
    ['double', `'Infinity'::float8`, 'Infinity'],
    ['real', `'NaN'::float4`, 'NaN'],
    ['real', `'0.1'::float4`, 0.1],
    ['decimal_free', `'NaN'::numeric`, 'NaN'],
    ['decimal_free', `'1.500'::numeric`, '1.500'],
    ['datetime', `'0044-03-15 00:00:00+00 BC'::timestamptz`, '-000043-03-15T00:00:00.000Z'],
    ['datetime', `'12026-01-01 00:00:00+00'::timestamptz`, '+012026-01-01T00:00:00.000Z'],
    ['datetime6', `'2026-01-01 00:00:00.123456+00'::timestamptz`, '2026-01-01T00:00:00.123Z'],
    ['local_datetime', `'2026-01-01 00:00:00.5'::timestamp`, '2026-01-01T00:00:00.500Z'],
    ['date', `'infinity'::date`, 'infinity'],
    ['date', `'0044-03-15 BC'::date`, '0044-03-15 BC'],
    ['time', `'24:00:00'::time`, '24:00:00'],
    ['interval', `'1 year 2 mons -3 days 04:05:06.7'::interval`, '1 year 2 mons -3 days +04:05:06.7'],
    [
      'strings',
      `array['a', null, 'NULL x', ' ', '', 'a"b\\c', '👍']::text[]`,
      ['a', null, 'NULL x', ' ', '', 'a"b\\c', '👍'],
    ],
    ['integers', `array[1, 2, 3]`, [1, 2, 3]],
    ['json', `'{"a":1e400,"b":[1.0,12345678901234567890]}'::jsonb #- '{a}'`, { b: [1, 12_345_678_901_234_567_000] }],
    ['json', `'"text"'::jsonb`, 'text'],
    ['json', `'[]'::jsonb`, []],
    ['json', `'0'::jsonb`, 0],
    ['json', `'"{\\"a\\":1}"'::jsonb`, '{"a":1}'],
    ['blob', String.raw`'\x00ff'::bytea`, 'AP8='],
    ['char', `'a'::char(5)`, 'a    '],
    ['uuid', `'0195B3C000007000800000000000000A'::uuid`, '0195b3c0-0000-7000-8000-00000000000a'],
  ] as const)('remembers a deleted row whose %s was %s', async (column, sql, stored) => {
    await test.forget();
    const property = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const [row] = await test.database.query<{ id: number }>(
      `insert into specimen (${column}) values (${sql}) returning id`,
    );
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Specimen, row!.id);
    const live = valuesOf(loaded);
    em.remove(loaded);
    await em.flush();
    expect((await test.deltas()).map(delta => [delta.action, delta.old![property]])).toStrictEqual([
      ['delete', stored],
    ]);
    const snapshot = await new SnapshotService(em.fork()).at(
      Specimen,
      row!.id,
      { version: 1 },
      { includeDeleted: true },
    );
    expect(valuesOf(snapshot!.entity)).toStrictEqual(live);
  });

  it('rebuilds a row that is older than its history from what the driver reads', async () => {
    await test.forget();
    const values = {
      bigint: '9223372036854775807',
      decimal: '1.50',
      decimal_number: '2.500',
      double: '-0.25',
      datetime: '2026-02-03 04:05:06.789+00',
      date: '2026-02-03',
      time: '04:05:06',
      interval: '1 day 02:00:00',
      moods: '{ok,sad}',
      strings: '{a,NULL,"b c"}',
      integers: '{3,1}',
      json: '"text"',
      blob: String.raw`\x00ff`,
      bytes: String.raw`\x00ff`,
      money: '5 EUR',
      day: '2024-10-04 00:00:00+00',
      secret: String.raw`\x636261`,
      range: '{"from":1,"to":2}',
      home_street: 'Elm',
      home_geo_lat: '1.5',
      office: '{"street":"Oak","zip":null,"geo":{"lat":2,"at":"2026-02-03T12:00:00.000Z"}}',
      places: '[{"street":"Oak","zip":"1","geo":null}]',
      mood: 'ok',
      level: '1',
      boolean: 'false',
      inet: '10.0.0.1',
    };
    const columns = Object.keys(values);
    const [row] = await test.database.query<{ id: number }>(
      `insert into specimen (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')}) returning id`,
      Object.values(values),
    );
    const em = test.orm.em.fork();
    const specimen = await em.findOneOrFail(Specimen, row!.id);
    const before = valuesOf(specimen);
    specimen['integer'] = 5;
    await em.flush();
    const snapshots = new SnapshotService(em.fork());
    const first = await snapshots.at(Specimen, row!.id, { before: 1 });
    expect(first!.unknown).toEqual([]);
    expect(valuesOf(first!.entity)).toStrictEqual(before);
    const second = await snapshots.at(Specimen, row!.id, { version: 1 });
    expect(valuesOf(second!.entity)).toStrictEqual({ ...before, integer: 5 });
  });

  it('A5: text of the value that a column holds already creates no version', async () => {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, { integer: 1, decimal: '1.50', double: 2, bigintString: '3' } as never);
    await em.flush();
    await test.forget();
    Object.assign(specimen, { integer: '1', decimal: '1.5', double: '2', bigintString: 3 });
    await em.flush();
    expect(await test.deltas()).toEqual([]);
  });

  it('A11: an empty string and null are two values', async () => {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, { string: '' } as never);
    await em.flush();
    await test.forget();
    for (const value of [null, null, '', '', null]) {
      specimen['string'] = value;
      await em.flush();
    }
    expect((await test.deltas()).map(delta => [delta.old, delta.new])).toEqual([
      [{ string: '' }, { string: null }],
      [{ string: null }, { string: '' }],
      [{ string: '' }, { string: null }],
    ]);
  });

  it('records a lone surrogate as what the column holds in its place', async () => {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, { string: 'a\uD800b', strings: ['\uDC00'] } as never);
    await em.flush();
    await test.forget();
    specimen['string'] = '\uDFFF\uD83D';
    await em.flush();
    const [delta] = await test.deltas();
    expect([delta!.old, delta!.new]).toEqual([{ string: 'a\uFFFDb' }, { string: '\uFFFD\uFFFD' }]);
    const live = await em.fork().findOneOrFail(Specimen, specimen.id);
    const snapshot = await new SnapshotService(em.fork()).at(Specimen, specimen.id, { version: 1 });
    expect(snapshot!.entity['string']).toBe(live['string']);
  });

  it('records each leaf of an inline embeddable, and of an embeddable in it', async () => {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, { home: { street: 'Elm', zip: null, geo: { lat: 1.5, at: null } } } as never);
    await em.flush();
    await test.forget();
    const home = specimen['home'] as Address;
    home.zip = '1';
    home.geo!.lat = -2;
    await em.flush();
    specimen['home'] = null;
    await em.flush();
    expect((await test.deltas()).map(delta => [delta.old, delta.new])).toEqual([
      [
        { home_zip: null, home_geo_lat: 1.5 },
        { home_zip: '1', home_geo_lat: -2 },
      ],
      [
        { home_street: 'Elm', home_zip: '1', home_geo_lat: -2 },
        { home_street: null, home_zip: null, home_geo_lat: null },
      ],
    ]);
    const snapshots = new SnapshotService(em.fork());
    const past = await snapshots.at(Specimen, specimen.id, { version: 1 });
    expect(past!.entity['home']).toBeInstanceOf(Address);
    expect(valuesOf(past!.entity)).toMatchObject({ home: { street: 'Elm', zip: '1', geo: { lat: -2, at: null } } });
    const now = await snapshots.at(Specimen, specimen.id, { version: 2 });
    expect(valuesOf(now!.entity)).toStrictEqual(valuesOf(await em.fork().findOneOrFail(Specimen, specimen.id)));
  });

  it('records what was changed in place: a list, a date, bytes, an embeddable in one column', async () => {
    const em = test.orm.em.fork();
    const specimen = em.create(Specimen, {
      json: { list: [1] },
      datetime: new Date('2026-01-01T00:00:00Z'),
      blob: Buffer.from([1, 2]),
      strings: ['a', 'b'],
      office: { street: 'Elm', zip: null, geo: null },
    } as never);
    await em.flush();
    await test.forget();
    (specimen['json'] as { list: number[] }).list.push(2);
    (specimen['datetime'] as Date).setUTCFullYear(2027);
    (specimen['blob'] as Buffer)[0] = 9;
    (specimen['strings'] as string[]).reverse();
    (specimen['office'] as Address).street = 'Oak';
    await em.flush();
    const [delta] = await test.deltas();
    expect(delta!.old).toEqual({
      json: { list: [1] },
      datetime: '2026-01-01T00:00:00.000Z',
      blob: 'AQI=',
      strings: ['a', 'b'],
      office: { street: 'Elm', zip: null, geo: null },
    });
    expect(delta!.new).toEqual({
      json: { list: [1, 2] },
      datetime: '2027-01-01T00:00:00.000Z',
      blob: 'CQI=',
      strings: ['b', 'a'],
      office: { street: 'Oak', zip: null, geo: null },
    });
  });
});
