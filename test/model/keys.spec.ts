import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p, type Primary } from '@mikro-orm/core';
import { HistoryService, SnapshotService } from '@revy/mikro-orm';
import fc from 'fast-check';
import { DayType } from './samples.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed, text } from '../support/property.js';

class ByNumber {
  id!: number;
  label!: string | null;
}
class ByBigint {
  id!: bigint;
  label!: string | null;
}
class ByUuid {
  id!: string;
  label!: string | null;
}
class ByText {
  id!: string;
  label!: string | null;
}
class ByDate {
  id!: Date;
  label!: string | null;
}
class ByPair {
  code!: string;
  rank!: number;
  label!: string | null;
}
class ByOther {
  owner!: ByText;
  label!: string | null;
}
class ByTwoOthers {
  pair!: ByPair;
  other!: ByOther;
  label!: string | null;
}
class ByPairOnly {
  pair!: ByPair;
  label!: string | null;
}
class ByDay {
  id!: number;
  label!: string | null;
}
class ByBytes {
  id!: Buffer;
  label!: string | null;
}
class Pointer {
  id!: number;
  only!: ByPairOnly | null;
  pair!: ByPair | null;
  other!: ByOther | null;
  both!: ByTwoOthers | null;
  big!: ByBigint | null;
  uuid!: ByUuid | null;
}

const label = p.string().nullable();

const ByTextSchema = defineEntity({ class: ByText, properties: { id: p.text().primary(), label } });
const ByPairSchema = defineEntity({
  class: ByPair,
  properties: { code: p.text().primary(), rank: p.integer().primary(), label },
});
const ByOtherSchema = defineEntity({
  class: ByOther,
  properties: { owner: () => p.oneToOne(ByText).primary().owner(), label },
});
const ByTwoOthersSchema = defineEntity({
  class: ByTwoOthers,
  properties: { pair: () => p.manyToOne(ByPair).primary(), other: () => p.manyToOne(ByOther).primary(), label },
});

const ENTITIES = [
  defineEntity({ class: ByNumber, properties: { id: p.integer().primary(), label } }),
  defineEntity({ class: ByBigint, properties: { id: p.bigint().primary(), label } }),
  defineEntity({ class: ByUuid, properties: { id: p.uuid().primary(), label } }),
  ByTextSchema,
  defineEntity({ class: ByDate, properties: { id: p.datetime(3).primary(), label } }),
  ByPairSchema,
  ByOtherSchema,
  ByTwoOthersSchema,
  defineEntity({ class: ByPairOnly, properties: { pair: () => p.oneToOne(ByPair).primary().owner(), label } }),
  defineEntity({ class: ByDay, properties: { id: p.type(DayType).primary(), label } }),
  defineEntity({ class: ByBytes, properties: { id: p.blob().primary(), label } }),
  defineEntity({
    class: Pointer,
    properties: {
      id: p.integer().primary(),
      only: () => p.manyToOne(ByPairOnly).nullable(),
      pair: () => p.manyToOne(ByPair).nullable(),
      other: () => p.manyToOne(ByOther).nullable(),
      both: () => p.manyToOne(ByTwoOthers).nullable(),
      big: () => p.manyToOne(ByBigint).nullable(),
      uuid: () => p.manyToOne(ByUuid).nullable(),
    },
  }),
];

describe(`keys (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(ENTITIES);
  });
  afterAll(() => test.close());

  async function live<T extends object>(entity: new () => T, key: Primary<T>): Promise<T> {
    return test.orm.em.fork().findOneOrFail(entity, key as never) as Promise<T>;
  }

  /** Create, update from a fresh load, delete: one object throughout, found by its key. */
  async function expectOneLife<T extends { label: string | null }>(
    entity: new () => T,
    data: object,
    key: Primary<T>,
    objectId: string,
  ): Promise<void> {
    await test.forget();
    const type = entity.name;
    const creator = test.orm.em.fork();
    creator.create(entity as new () => object, { ...data, label: 'new' } as never);
    await creator.flush();
    const updater = test.orm.em.fork();
    const loaded = (await updater.findOneOrFail(entity, key as never)) as T;
    loaded.label = 'old';
    await updater.flush();
    const reader = test.orm.em.fork();
    const first = await new SnapshotService(reader).at(entity, key, { version: 1 });
    const second = await new SnapshotService(reader).at(entity, key, { version: 2 });
    expect(JSON.stringify(second!.entity)).toBe(JSON.stringify(await live(entity, key)));
    expect(first!.entity.label).toBe('new');
    const remover = test.orm.em.fork();
    remover.remove((await remover.findOneOrFail(entity, key as never)) as T);
    await remover.flush();
    expect(
      (await test.deltas()).filter(row => row.object.startsWith(`${type}:`)).map(row => [row.action, row.object]),
    ).toEqual([
      ['create', `${type}:${objectId}`],
      ['update', `${type}:${objectId}`],
      ['delete', `${type}:${objectId}`],
    ]);
    expect(await new HistoryService(reader).deltas(entity, key)).toHaveLength(3);
  }

  it.each([0, -1, 2_147_483_647])('F7: number %s', async id => {
    expect.hasAssertions();
    await expectOneLife(ByNumber, { id }, id, String(id));
  });

  it('F7: bigint beyond what a number can hold', async () => {
    const id = 9_223_372_036_854_775_807n;
    await expectOneLife(ByBigint, { id }, id, '9223372036854775807');
    expect((await new SnapshotService(test.orm.em.fork()).at(ByBigint, id, { version: 1 }))!.entity.id).toBe(id);
  });

  it.each(['0195b3c0-0000-7000-8000-00000000000a', '0195B3C0-0000-7000-8000-00000000000B'])(
    'F7: uuid %s is one object in upper and lower case',
    async id => {
      expect.hasAssertions();
      await expectOneLife(ByUuid, { id }, id, id.toLowerCase());
    },
  );

  it('a date', async () => {
    const id = new Date('2026-02-03T04:05:06.789Z');
    await expectOneLife(ByDate, { id }, id as never, '2026-02-03T04:05:06.789Z');
    expect((await new SnapshotService(test.orm.em.fork()).at(ByDate, id as never, { version: 1 }))!.entity.id).toEqual(
      id,
    );
  });

  it('a custom type that is stored as a timestamp', async () => {
    await expectOneLife(ByDay, { id: 20_000 }, 20_000, '[{"$revy":"date","value":"2024-10-04T00:00:00.000Z"}]');
    expect((await new SnapshotService(test.orm.em.fork()).at(ByDay, 20_000, { version: 1 }))!.entity.id).toBe(20_000);
  });

  it('bytes', async () => {
    const id = Buffer.from([0, 255, 7]);
    await expectOneLife(ByBytes, { id }, id as never, 'AP8H');
    expect((await new SnapshotService(test.orm.em.fork()).at(ByBytes, id as never, { version: 1 }))!.entity.id).toEqual(
      id,
    );
  });

  it.each(['', ' ', 'null', '[1]', 'a:b', 'a~~~b', '%_', `'"\\`, '../x?y#z', '漢👍', 'a\nb', String.raw`\ud800`])(
    'F7: text %j',
    async id => {
      await expectOneLife(ByText, { id }, id, id);
      expect((await new SnapshotService(test.orm.em.fork()).at(ByText, id, { version: 1 }))!.entity.id).toBe(id);
    },
  );

  it('F7: text of any characters, never two objects under one id', async () => {
    expect.hasAssertions();
    const wellFormed = text().map(value => value.toWellFormed());
    const keys = fc.uniqueArray(wellFormed, { minLength: 30, maxLength: 30 });
    const property = fc.asyncProperty(keys, async ids => {
      await test.forget();
      const em = test.orm.em.fork();
      const rows = ids.map(id => em.create(ByText, { id, label: id }));
      await em.flush();
      for (const id of ids)
        expect((await new SnapshotService(em).at(ByText, id, { version: 1 }))!.entity).toMatchObject({ id, label: id });
      expect((await test.deltas()).map(row => row.object)).toEqual(ids.map(id => `ByText:${id}`));
      for (const row of rows) em.remove(row);
      await em.flush();
    });
    await fc.assert(property, { seed, numRuns: 8 });
  });

  it('F1: composite keys of any text do not run into each other', async () => {
    expect.hasAssertions();
    const part = text(6).map(value => value.toWellFormed());
    const keys = fc.uniqueArray(fc.tuple(part, fc.integer({ min: -9, max: 9 })), {
      minLength: 20,
      maxLength: 20,
      selector: key => JSON.stringify(key),
    });
    const property = fc.asyncProperty(keys, async pairs => {
      await test.forget();
      const em = test.orm.em.fork();
      const rows = pairs.map(([code, rank]) => em.create(ByPair, { code, rank, label: code }));
      await em.flush();
      for (const [code, rank] of pairs) {
        const snapshot = await new SnapshotService(em).at(ByPair, [code, rank] as never, { version: 1 });
        expect(snapshot!.entity).toMatchObject({ code, rank, label: code });
      }
      expect(new Set((await test.deltas()).map(row => row.object)).size).toBe(pairs.length);
      for (const row of rows) em.remove(row);
      await em.flush();
    });
    await fc.assert(property, { seed, numRuns: 6 });
  });

  it('F1: two columns, given as an array or by name', async () => {
    await expectOneLife(ByPair, { code: 'a,"b"', rank: 2 }, ['a,"b"', 2] as never, '["a,\\"b\\"",2]');
    const deltas = await new HistoryService(test.orm.em.fork()).deltas(ByPair, { code: 'a,"b"', rank: 2 } as never);
    expect(deltas.map(delta => delta.action)).toEqual(['create', 'update', 'delete']);
  });

  it('F1: a foreign key as the key, and a key of two foreign keys, one of them composite', async () => {
    expect.hasAssertions();
    const em = test.orm.em.fork();
    em.create(ByText, { id: 'o', label: null });
    em.create(ByPair, { code: 'x', rank: 1, label: null });
    await em.flush();
    await expectOneLife(ByOther, { owner: 'o' }, 'o' as never, 'o');
    const again = test.orm.em.fork();
    again.create(ByOther, { owner: 'o', label: null } as never);
    await again.flush();
    await expectOneLife(ByTwoOthers, { pair: ['x', 1], other: 'o' }, [['x', 1], 'o'] as never, '["x",1,"o"]');
  });

  it('to-one relations to every kind of key come back as references with that key', async () => {
    await test.forget();
    const em = test.orm.em.fork();
    const text = em.create(ByText, { id: 't', label: null });
    const other = em.create(ByOther, { owner: text, label: null });
    const pair = em.create(ByPair, { code: 'p', rank: 7, label: null });
    const both = em.create(ByTwoOthers, { pair, other, label: null });
    const only = em.create(ByPairOnly, { pair, label: null });
    const big = em.create(ByBigint, { id: 2n ** 60n, label: null });
    const uuid = em.create(ByUuid, { id: '0195B3C0-0000-7000-8000-0000000000FF', label: null });
    const pointer = em.create(Pointer, { id: 1, only, pair, other, both, big, uuid });
    await em.flush();
    Object.assign(pointer, { only: null, pair: null, other: null, both: null, big: null, uuid: null });
    await em.flush();
    const values = (await test.deltas()).filter(row => row.object === 'Pointer:1').map(row => [row.old, row.new]);
    const keys = {
      only: ['p', 7],
      pair: ['p', 7],
      other: 't',
      both: ['p', 7, 't'],
      big: '1152921504606846976',
      uuid: '0195b3c0-0000-7000-8000-0000000000ff',
    };
    const nulls = { only: null, pair: null, other: null, both: null, big: null, uuid: null };
    expect(values).toEqual([
      [null, keys],
      [keys, nulls],
    ]);
    const { entity } = (await new SnapshotService(em.fork()).at(Pointer, 1, { version: 1 }))!;
    expect([entity.only!.pair.code, entity.only!.pair.rank]).toEqual(['p', 7]);
    expect(entity.pair).toBeInstanceOf(ByPair);
    expect([entity.pair!.code, entity.pair!.rank]).toEqual(['p', 7]);
    expect(entity.other!.owner.id).toBe('t');
    expect([entity.both!.pair.rank, entity.both!.other.owner.id]).toEqual([7, 't']);
    expect(entity.big!.id).toBe(2n ** 60n);
    expect((await new SnapshotService(em.fork()).at(Pointer, 1, { version: 2 }))!.entity).toMatchObject(nulls);
  });

  it('A9: two types with the same key keep separate histories', async () => {
    await test.forget();
    const em = test.orm.em.fork();
    em.create(ByNumber, { id: 7, label: 'number' });
    em.create(ByBigint, { id: 7n, label: 'bigint' });
    em.create(ByText, { id: '7', label: 'text' });
    await em.flush();
    const snapshots = new SnapshotService(em);
    expect((await snapshots.at(ByNumber, 7, { version: 1 }))!.entity.label).toBe('number');
    expect((await snapshots.at(ByBigint, 7n, { version: 1 }))!.entity.label).toBe('bigint');
    expect((await snapshots.at(ByText, '7', { version: 1 }))!.entity.label).toBe('text');
    expect((await test.deltas()).map(row => row.object).toSorted()).toEqual(['ByBigint:7', 'ByNumber:7', 'ByText:7']);
  });

  it('F6: a key that is used again goes on with its history', async () => {
    await test.forget();
    for (const label of ['a', 'b']) {
      const em = test.orm.em.fork();
      const row = em.create(ByNumber, { id: 70, label });
      await em.flush();
      row.label = `${label}${label}`;
      await em.flush();
      em.remove(row);
      await em.flush();
    }
    const rows = await test.database.query(
      'select action, version, old_values, new_values from revy_object_delta order by id',
    );
    expect(rows.map(Object.values)).toEqual([
      ['create', 1, null, { label: 'a' }],
      ['update', 2, { label: 'a' }, { label: 'aa' }],
      ['delete', 3, { label: 'aa' }, null],
      ['create', 4, null, { label: 'b' }],
      ['update', 5, { label: 'b' }, { label: 'bb' }],
      ['delete', 6, { label: 'bb' }, null],
    ]);
    expect(await test.revisions()).toHaveLength(6);
  });
});
