import { defineEntity, type Opt, p } from '@mikro-orm/core';
import { HistoryService, Revision, RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

// The ledger of Revy for Django's accounting sample: accounts, and transactions whose local amount the system corrects.

class User {
  id!: number;
  username!: string;
}

class Account {
  id!: number;
  code!: string;
}

class Transaction {
  id!: number;
  account!: Account;
  type!: 'debit' | 'credit';
  amount!: string;
  currency!: string;
  exchangeRate!: string;
  localAmount: Opt<string> = '0.00';
  date!: Opt<string>;

  /** What the sample does in `clean()`: the system puts right what does not add up, and says so. */
  correct(): void {
    const localAmount = (Number(this.amount) * Number(this.exchangeRate)).toFixed(2);
    if (this.localAmount === localAmount) return;
    RevisionContext.run({ actor: null, attributeDeltaDescription: 'Corrected by the system.' }, () => {
      this.localAmount = localAmount;
    });
  }
}

const money = () => p.decimal('string').precision(20).scale(2);

const UserSchema = defineEntity({
  class: User,
  properties: { id: p.integer().primary().autoincrement(), username: p.string() },
});
const AccountSchema = defineEntity({
  class: Account,
  properties: { id: p.integer().primary().autoincrement(), code: p.string().unique() },
});
const TransactionSchema = defineEntity({
  class: Transaction,
  properties: {
    id: p.integer().primary().autoincrement(),
    account: () => p.manyToOne(Account),
    type: p.enum(['debit', 'credit']),
    amount: money(),
    currency: p.string().length(3),
    exchangeRate: money().default('1.00'),
    localAmount: money(),
    date: p.date().default('2026-05-01'),
  },
});

let test: TestOrm;
let user: User;
beforeAll(async () => {
  test = await createOrm([UserSchema, AccountSchema, TransactionSchema]);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", account, transaction restart identity cascade');
  const em = test.orm.em.fork();
  user = em.create(User, { username: 'tester' });
  await em.flush();
  await test.forget();
});

const CREDIT = { type: 'credit', amount: '1.00', currency: 'TZS', exchangeRate: '2.00' } as const;

async function untracked<T>(fn: () => Promise<T>): Promise<T> {
  const result = await RevisionContext.runDisabled(fn);
  expect(await test.revisions()).toEqual([]);
  return result;
}

async function makeAccount(children: number): Promise<Account> {
  const em = test.orm.em.fork();
  const account = em.create(Account, { code: 'E.0001' });
  for (let n = 0; n < children; n++) em.create(Transaction, { account, ...CREDIT, localAmount: '2.00' });
  await em.flush();
  return account;
}

it('an account that was given its code in several steps is created with the last one, by its actor', async () => {
  const em = test.orm.em.fork();
  await RevisionContext.run({}, async () => {
    RevisionContext.set('actor', user);
    const account = em.create(Account, { code: 'E.0001' });
    account.code = 'E.0002';
    account.code = 'E.0004';
    await em.flush();
  });
  expect(await test.deltas()).toEqual([
    {
      revision: 1,
      action: 'create',
      object: 'Account:1',
      old: null,
      new: { code: 'E.0004' },
      actor: 'User:1',
      description: null,
    },
  ]);
  expect(await test.attributes()).toEqual([
    {
      object: 'Account:1',
      attribute: 'code',
      action: 'set',
      old: null,
      new: 'E.0004',
      actor: 'User:1',
      description: null,
    },
  ]);
  const revision = await em.findOneOrFail(Revision, 1);
  expect(await revision.actors).toMatchObject([{ id: user.id, username: 'tester' }]);
});

it('an account begun by the system and finished by a user names both, in order', async () => {
  const em = test.orm.em.fork();
  await RevisionContext.run({}, async () => {
    RevisionContext.set('actor', null);
    const account = em.create(Account, { code: 'E.0001' });
    RevisionContext.set('actor', user);
    account.code = 'E.0002';
    account.code = 'E.0004';
    await em.flush();
  });
  expect(await test.deltas()).toMatchObject([{ action: 'create', object: 'Account:1', new: { code: 'E.0004' } }]);
  expect(await test.attributes()).toMatchObject([
    { attribute: 'code', action: 'set', old: null, new: 'E.0001', actor: null },
    { attribute: 'code', action: 'set', old: 'E.0001', new: 'E.0004', actor: 'User:1' },
  ]);
});

it('a transaction is created in one revision; its corrected amount is the system’s', async () => {
  const em = test.orm.em.fork();
  await RevisionContext.run({ actor: user }, async () => {
    const account = em.create(Account, { code: 'E.0001' });
    await em.flush();
    const transaction = em.create(Transaction, { account, ...CREDIT });
    transaction.correct();
    await em.flush();
  });
  expect(await test.revisions()).toMatchObject([
    { id: 1, actor: 'User:1' },
    { id: 2, actor: 'User:1' },
  ]);
  expect(await test.deltas()).toMatchObject([
    { revision: 1, object: 'Account:1', new: { code: 'E.0001' } },
    {
      revision: 2,
      action: 'create',
      object: 'Transaction:1',
      new: { account: 1, type: 'credit', amount: '1.00', currency: 'TZS', exchangeRate: '2.00', localAmount: '2.00' },
    },
  ]);
  const corrected = (await test.attributes()).filter(({ attribute }) => attribute === 'localAmount');
  expect(corrected.at(-1)).toMatchObject({ new: '2.00', actor: null, description: 'Corrected by the system.' });
  const others = (await test.attributes()).filter(({ attribute }) => attribute !== 'localAmount');
  expect(new Set(others.map(({ actor }) => actor))).toEqual(new Set(['User:1']));
});

it('an updated amount and its correction are two attribute deltas of one object delta, each with its actor', async () => {
  await untracked(() => makeAccount(1));
  const em = test.orm.em.fork();
  await RevisionContext.run({}, async () => {
    RevisionContext.set('actor', user);
    const transaction = await em.findOneOrFail(Transaction, 1);
    transaction.amount = '2.00';
    transaction.correct();
    await em.flush();
  });
  expect(await test.revisions()).toHaveLength(1);
  expect(await test.deltas()).toMatchObject([
    {
      action: 'update',
      object: 'Transaction:1',
      old: { amount: '1.00', localAmount: '2.00' },
      new: { amount: '2.00', localAmount: '4.00' },
    },
  ]);
  expect(await test.attributes()).toEqual([
    {
      object: 'Transaction:1',
      attribute: 'amount',
      action: 'set',
      old: '1.00',
      new: '2.00',
      actor: 'User:1',
      description: null,
    },
    {
      object: 'Transaction:1',
      attribute: 'localAmount',
      action: 'set',
      old: '2.00',
      new: '4.00',
      actor: null,
      description: 'Corrected by the system.',
    },
  ]);
});

it('an account deleted with its ten transactions is one revision with eleven deltas', async () => {
  await untracked(() => makeAccount(10));
  const em = test.orm.em.fork();
  await RevisionContext.run({ actor: user }, async () => {
    const account = await em.findOneOrFail(Account, 1);
    for (const transaction of await em.find(Transaction, { account })) em.remove(transaction);
    await em.remove(account).flush();
  });
  expect(await test.revisions()).toMatchObject([{ actor: 'User:1' }]);
  const deltas = await test.deltas();
  expect(deltas.map(({ action, object }) => `${action} ${object}`).sort()).toEqual(
    ['delete Account:1', ...Array.from({ length: 10 }, (_, n) => `delete Transaction:${n + 1}`)].sort(),
  );
  expect(deltas.find(({ object }) => object === 'Account:1')!.old).toEqual({ code: 'E.0001' });
  expect(deltas.find(({ object }) => object === 'Transaction:7')!.old).toMatchObject({
    account: 1,
    amount: '1.00',
    date: '2026-05-01',
  });
});

it('what several transactions of the database do is grouped by a revision made on first use', async () => {
  let made = 0;
  const makeRevision = () => {
    made++;
    return Object.assign(new Revision(), { description: RevisionContext.get('revisionDescription') ?? null });
  };
  await RevisionContext.run(
    { revision: makeRevision, revisionDescription: 'Opening balance', actor: user },
    async () => {
      const first = test.orm.em.fork();
      const account = first.create(Account, { code: 'E.0001' });
      await first.flush();
      for (let n = 0; n < 10; n++) {
        const em = test.orm.em.fork();
        em.create(Transaction, { account: em.getReference(Account, account.id), ...CREDIT, localAmount: '2.00' });
        await em.flush();
      }
    },
  );
  expect(made).toBe(1);
  expect(await test.revisions()).toEqual([{ id: 1, description: 'Opening balance', actor: 'User:1', metadata: null }]);
  expect((await test.deltas()).map(({ revision, action }) => [revision, action])).toEqual(
    Array(11).fill([1, 'create']),
  );
  const [revision] = await new HistoryService(test.orm.em.fork()).revisions();
  expect(await revision!.objectDeltas.loadCount()).toBe(11);
});
