import { describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property, ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { type RevyOptions, SnapshotService, Tracked } from '@revy/mikro-orm';
import 'reflect-metadata';
import { createOrm, type TestOrm } from '../support/orm.js';

const SECRET = 'a secret';

@Entity()
class Owner {
  @PrimaryKey({ type: 'integer' }) id!: number;
  @Property({ type: 'string', hidden: true }) password!: string;
  @Property({ type: 'string', hidden: true, revy: { mask: false } }) internal!: string;
  @Property({ type: 'string', hidden: true }) @Tracked({ mask: false }) remark!: string;
  @Property({ type: 'string', hidden: true, revy: { mask: value => `…${(value as string).slice(-2)}` } }) iban!: string;
  @ManyToOne(() => Owner, { nullable: true, hidden: true }) inviter!: Owner | null;
}

const Key = defineEntity({ name: 'Key', embeddable: true, properties: { label: p.string(), code: p.string() } });
const Lock = defineEntity({
  name: 'Lock',
  embeddable: true,
  properties: { label: p.string(), pin: p.string().hidden(), key: () => p.embedded(Key) },
});
const Door = defineEntity({
  name: 'Door',
  properties: {
    id: p.integer().primary(),
    lock: () => p.embedded(Lock),
    spare: () => p.embedded(Key).hidden(),
    json: () => p.embedded(Lock).object(),
    jsons: () => p.embedded(Lock).array(),
    keys: () => p.embedded(Key).array(),
  },
});

const values = { password: SECRET, internal: 'i', remark: 'r', iban: 'DE02', inviter: null };
const owner = { id: 1, ...values };
const lock = { label: 'front', pin: SECRET, key: { label: 'k', code: 'c' } };

async function withOrm(entities: unknown[], revy: RevyOptions, fn: (test: TestOrm) => Promise<void>): Promise<void> {
  const test = await createOrm(entities as never, { revy, config: { metadataProvider: ReflectMetadataProvider } });
  try {
    await fn(test);
  } finally {
    await test.close();
  }
}

const valuesOf = async (test: TestOrm) => (await test.deltas()).map(row => [row.action, row.old, row.new]);

describe('properties with hidden: true', () => {
  it('D3: change without their values, by flush and by native write, unless they say mask: false', () =>
    withOrm([Owner], { keyframeEvery: 2 }, async test => {
      const em = test.orm.em.fork();
      const found = em.create(Owner, owner);
      await em.flush();
      Object.assign(found, { password: `${SECRET} 2`, internal: 'j', remark: 's', iban: 'DE89', inviter: found });
      await em.flush();
      await em.nativeUpdate(Owner, 1, { password: `${SECRET} 3` });
      await em.upsert(Owner, { ...owner, password: `${SECRET} 4`, internal: 'j', remark: 's', iban: 'DE89' });
      const mask = '[FILTERED]';
      expect(await valuesOf(test)).toEqual([
        ['create', null, { password: mask, internal: 'i', remark: 'r', iban: '…02', inviter: null }],
        [
          'update',
          { password: mask, internal: 'i', remark: 'r', iban: '…02', inviter: null },
          { password: mask, internal: 'j', remark: 's', iban: '…89', inviter: 1 },
        ],
        ['update', { password: mask }, { password: mask }],
        ['update', { password: mask, inviter: 1 }, { password: mask, inviter: null }],
      ]);
      expect(await test.database.query('select state::text from revy_object_delta where state is not null')).toEqual([
        { state: expect.not.stringContaining(SECRET) },
      ]);
      const snapshot = await new SnapshotService(em.fork()).at(Owner, 1, { version: 1 });
      expect(snapshot).toMatchObject({ entity: { internal: 'i', remark: 'r' }, unknown: ['password', 'iban'] });
      expect(snapshot!.reasons).toEqual({ password: 'masked', iban: 'masked' });
    }));

  it(`are recorded like others with hidden: 'track'`, () =>
    withOrm([Owner], { hidden: 'track' }, async test => {
      const em = test.orm.em.fork();
      em.create(Owner, owner);
      await em.flush();
      expect(await valuesOf(test)).toEqual([['create', null, { ...values, iban: '…02' }]]);
    }));

  it('are found in embeddables: a column by itself, JSON as a whole', () =>
    withOrm([Key, Lock, Door], {}, async test => {
      const em = test.orm.em.fork();
      const key = { label: 'k', code: 'c' };
      em.create(Door, { id: 1, lock, spare: key, json: lock, jsons: [lock], keys: [key] } as never);
      await em.flush();
      const mask = '[FILTERED]';
      expect(await valuesOf(test)).toEqual([
        [
          'create',
          null,
          {
            lock_label: 'front',
            lock_pin: mask,
            lock_key_label: 'k',
            lock_key_code: 'c',
            spare_label: mask,
            spare_code: mask,
            json: mask,
            jsons: mask,
            keys: [key],
          },
        ],
      ]);
    }));
});

it('D3: an embeddable that is masked by its name takes along what is embedded in it', () => {
  const Gate = defineEntity({
    name: 'Gate',
    revy: { mask: ['lock'] },
    properties: { id: p.integer().primary(), name: p.string(), lock: () => p.embedded(Lock) },
  });
  return withOrm([Key, Lock, Gate], { hidden: 'track' }, async test => {
    const em = test.orm.em.fork();
    em.create(Gate, { id: 1, name: 'g', lock } as never);
    await em.flush();
    const mask = '[FILTERED]';
    expect(await valuesOf(test)).toEqual([
      ['create', null, { name: 'g', lock_label: mask, lock_pin: mask, lock_key_label: mask, lock_key_code: mask }],
    ]);
  });
});
