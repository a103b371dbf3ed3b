import { defineEntity, type EntityManager, MikroORM, p } from '@mikro-orm/postgresql';
import { RevisionContext, revy, type RevyOptions, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Account, ACCOUNTS, TagSchema } from '../triggers/account.js';

let t: TestOrm;
afterEach(() => t.close());

async function start(options: RevyOptions = {}): Promise<EntityManager> {
  t = await createOrm(ACCOUNTS, { revy: options });
  t.orm.config.getLogger().warn = () => undefined;
  await t.database.query(`insert into account (id, name) values (1, 'Ann')`);
  await t.forget();
  return t.orm.em.fork() as EntityManager;
}

it('triggers that are made to run early record what the flush is about to record', async () => {
  const em = await start();
  await em.transactional(async inner => {
    (await inner.findOneOrFail(Account, 1)).visits = 5;
    await inner.flush();
    await inner.execute('set constraints all immediate');
  });
  const change = { old: { visits: 0 }, new: { visits: 5 } };
  expect(await t.deltas()).toMatchObject([change, change]);
});

it('SQL of several contexts in one transaction is credited to the last one', async () => {
  const em = await start();
  const by = (name: string, inner: EntityManager, sql: string) =>
    RevisionContext.run({ actor: new SystemActor(name) }, () => inner.execute(sql));
  await em.transactional(async inner => {
    await by('first', inner as EntityManager, 'update account set visits = 1');
    await by('second', inner as EntityManager, `insert into account (id, name) values (2, 'Bob')`);
  });
  expect((await t.deltas()).map(({ object, actor }) => [object, actor])).toEqual([
    ['Account:1', 'system:second'],
    ['Account:2', 'system:second'],
  ]);
});

it('what only a trigger sees needs no context, and no hook hears of it', async () => {
  let heard = 0;
  const em = await start({ require: ['actor', 'description'], onObjectDelta: () => void heard++ });
  await em.execute('update account set visits = 1');
  expect(await t.deltas()).toMatchObject([{ object: 'Account:1', new: { visits: 1 } }]);
  expect(heard).toBe(0);
});

it('a trigger that is made again from what the database says of it does not wait for the COMMIT', async () => {
  await start();
  const plain = defineEntity({ name: 'Account', properties: { id: p.integer().primary(), name: p.string() } });
  const later = await MikroORM.init({
    clientUrl: t.database.url,
    entities: [plain, TagSchema],
    extensions: [revy()],
  });
  const { down } = await later.schema.getUpdateSchemaMigrationSQL();
  await later.close(true);
  expect(down).toMatch(/create trigger "revy_[0-9a-f]{8}" AFTER .* on "account"/);
  expect(down).not.toMatch(/deferrable/);
});
