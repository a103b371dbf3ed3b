import { defineEntity, p } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { InterruptedWriteError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { outcome } from './twins.js';

class Currency {
  code!: string;
  name!: string;
}

const CurrencySchema = defineEntity({
  class: Currency,
  properties: { code: p.string().primary(), name: p.string().unique() },
});

let test: TestOrm;
let isRefused = false;
beforeAll(async () => {
  const onQuery = (sql: string) => {
    if (isRefused && sql.startsWith('select')) throw new Error('refused by onQuery');
    return sql;
  };
  test = await createOrm([CurrencySchema], { config: { onQuery } });
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate currency');
  await test.forget();
});

const rows = () => test.database.query('select code, name from currency order by code');
/** Writes a row, and cannot read it back. */
async function insertHalfway(em: EntityManager): Promise<void> {
  isRefused = true;
  const inserted = await outcome(() => em.insert(Currency, { code: 'eur', name: 'Euro' }));
  isRefused = false;
  expect(inserted).toMatchObject({ error: expect.stringContaining('refused by onQuery') });
}

describe('a native write that fails after its row is written, in a transaction that is committed all the same', () => {
  it('the COMMIT is refused', async () => {
    const commit = test.orm.em.fork().transactional(async em => {
      await em.insert(Currency, { code: 'usd', name: 'Dollar' });
      await insertHalfway(em);
    });
    await expect(commit).rejects.toThrow(InterruptedWriteError);
    expect([await rows(), await test.deltas(), await test.revisions()]).toEqual([[], [], []]);
  });

  it('a savepoint takes it back, and the rest is recorded', async () => {
    await test.orm.em.fork().transactional(async em => {
      await em.insert(Currency, { code: 'usd', name: 'Dollar' });
      await expect(em.transactional(inner => insertHalfway(inner))).rejects.toThrow(InterruptedWriteError);
    });
    expect(await rows()).toEqual([{ code: 'usd', name: 'Dollar' }]);
    expect((await test.deltas()).map(row => row.object)).toEqual(['Currency:usd']);
  });

  it('one that the database refuses has written nothing', async () => {
    const failing = await outcome(() =>
      test.orm.em.fork().transactional(async em => {
        await em.insert(Currency, { code: 'usd', name: 'Dollar' });
        const failed = await outcome(() =>
          em.transactional(inner => inner.insert(Currency, { code: 'x', name: 'Dollar' })),
        );
        await em.insert(Currency, { code: 'chf', name: 'Franken' });
        return failed;
      }),
    );
    expect(failing).toMatchObject({ value: { code: '23505' } });
    expect((await test.deltas()).map(row => row.object)).toEqual(['Currency:usd', 'Currency:chf']);
  });
});
