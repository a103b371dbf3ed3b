import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/postgresql';
import '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

const Account = defineEntity({
  name: 'Account',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    pin: p.string().revy({ mask: true }),
    lastSeen: p.string().revy({ track: false }).nullable(),
    note: { type: 'string', revy: { mask: true } },
  },
});

describe('p.….revy()', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([Account]);
  });
  afterAll(() => test.close());

  it('masks and leaves out single properties, in the builder and in plain options', async () => {
    const em = test.orm.em.fork();
    em.create(Account, { id: 1, name: 'Ann', pin: '1234', lastSeen: 'today', note: 'secret' } as never);
    await em.flush();
    expect(await test.deltas()).toEqual([
      expect.objectContaining({ object: 'Account:1', new: { name: 'Ann', pin: '[FILTERED]', note: '[FILTERED]' } }),
    ]);
  });
});
