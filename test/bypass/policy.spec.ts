import { NoTransactionError, OutsideContextError, RevisionContext, RevyOptionError, revy } from '@revy/mikro-orm';
import type { RevyOptions } from '@revy/mikro-orm';
import { raw } from '@mikro-orm/core';
import type { Options } from '@mikro-orm/postgresql';
import { BLOG, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let t: TestOrm;
let isOpen = false;
const warnings: string[] = [];

async function start(options: RevyOptions, config: Partial<Options> = {}): Promise<void> {
  t = await createOrm(BLOG, { revy: options, config });
  isOpen = true;
  t.orm.config.getLogger().warn = (_namespace, message) => void warnings.push(message);
}

afterEach(async () => {
  warnings.length = 0;
  if (isOpen) await t.close();
  isOpen = false;
});

const ANN = { name: 'Ann', email: null };

describe('the option bypass for native calls', () => {
  it('warns once for each place, and lets them go unrecorded', async () => {
    await start({ bypass: { native: 'warn' } });
    const em = t.orm.em.fork();
    for (let i = 0; i < 3; i++) await em.insert(User, ANN);
    expect(await t.deltas()).toEqual([]);
    expect(warnings.map(warning => warning.replace(/ at .*?: it/, ' at here: it'))).toEqual([
      'Unrecorded: em.insert() on User at here: it goes past the unit of work, so the history would not know what it ' +
        `changed. Set the option bypass: { native: 'capture' }, which records it, or change entities and flush them. ` +
        'Where the history need not know, run it in RevisionContext.runDisabled().',
    ]);
  });

  it('refuses them before anything is written', async () => {
    await start({ bypass: 'throw' });
    await expect(t.orm.em.fork().upsert(User, ANN)).rejects.toMatchObject({
      name: 'UnsafeBypassError',
      code: 'REVY_UNSAFE_BYPASS',
      message:
        'Cannot run em.upsert() on User: it goes past the unit of work, so the history would not know what it ' +
        `changed. Set the option bypass: { native: 'capture' }, which records it, or change entities and flush them. ` +
        'Where the history need not know, run it in RevisionContext.runDisabled().',
    });
    expect(await t.database.query('select * from "user"')).toEqual([]);
  });

  it('leaves them alone', async () => {
    await start({ bypass: 'ignore' });
    await t.orm.em.fork().insert(User, ANN);
    expect(await t.deltas()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it.each([
    [{ bypass: 'sometimes' }, `the option "bypass" is 'sometimes'. Use 'capture' or 'warn' or 'throw' or 'ignore'.`],
    [{ bypass: { query: 'capture' } }, `the option "bypass.query" is 'capture'. Use 'warn' or 'throw' or 'ignore'.`],
    [{ bypass: { sql: 'warn' } }, `the option "bypass.sql" is 'warn'. Use one of the kinds 'native' and 'query'.`],
  ])('refuses %j', (options, message) => {
    expect(() => revy(options as never)).toThrow(RevyOptionError);
    expect(() => revy(options as never)).toThrow(`Cannot set up Revy: ${message}`);
  });
});

describe('a native call', () => {
  it('is refused where no transaction can hold it and its history together', async () => {
    await start({}, { implicitTransactions: false });
    const em = t.orm.em.fork();
    await expect(em.insert(User, ANN)).rejects.toThrow(NoTransactionError);
    await expect(em.insert(User, ANN)).rejects.toThrow(
      'Cannot write User: no transaction of MikroORM would hold the change and its history together. ' +
        'Wrap it in em.transactional(), or leave "implicitTransactions" on; ' +
        'work that need not be recorded goes into RevisionContext.runDisabled().',
    );
    expect(await t.database.query('select * from "user"')).toEqual([]);
    await em.transactional(async inner => inner.insert(User, ANN));
    expect(await t.deltas()).toHaveLength(1);
  });

  it('is refused in a transaction that MikroORM announces to nobody', async () => {
    await start({});
    const em = t.orm.em.fork();
    await em.getConnection().transactional(async ctx => {
      await expect(em.insert(User, ANN, { ctx })).rejects.toThrow(NoTransactionError);
      await RevisionContext.runDisabled(async () => em.insert(User, ANN, { ctx }));
    });
    expect(await t.database.query('select name from "user"')).toEqual([{ name: 'Ann' }]);
  });

  it('is recorded in the transaction that the option ctx names', async () => {
    await start({});
    await t.orm.em.fork().transactional(async em => {
      await t.orm.em.fork().insert(User, ANN, { ctx: em.getTransactionContext() });
      expect(await t.database.query('select * from "user"')).toEqual([]);
    });
    expect((await t.deltas()).map(({ object }) => object)).toEqual(['User:1']);
  });

  it('outside every context is refused, recorded or ignored as a flush is', async () => {
    await start({ outsideContext: 'throw' });
    const em = t.orm.em.fork();
    await expect(em.nativeDelete(User, {})).rejects.toThrow(OutsideContextError);
    await expect(em.nativeDelete(User, {})).rejects.toThrow(
      'Cannot write User: no revision context says who makes the change. ' +
        'Wrap the code in RevisionContext.run({ actor }, () => ...); ' +
        `the option outsideContext: 'track' would record it as the system's.`,
    );
    await RevisionContext.run({ actor: null }, async () => em.insert(User, ANN));
    expect(await t.deltas()).toHaveLength(1);
    await t.close();
    await start({ outsideContext: 'ignore' });
    await t.orm.em.fork().insert(User, ANN);
    expect(await t.deltas()).toEqual([]);
  });

  it('fails whole, and leaves nothing behind, if its history cannot be written', async () => {
    await start({});
    await t.database.query('alter table revy_object_delta add constraint never check (false)');
    await expect(t.orm.em.fork().insert(User, ANN)).rejects.toMatchObject({ code: 'REVY_HISTORY_WRITE' });
    expect(await t.database.query('select * from "user"')).toEqual([]);
  });

  it('tells the ORM’s own failures as the ORM does', async () => {
    await start({});
    const em = t.orm.em.fork();
    await em.insert(User, { id: 1, name: 'Ann', email: 'a' });
    await expect(em.insert(User, { name: 'Bob', email: 'a' })).rejects.toMatchObject({
      name: 'UniqueConstraintViolationException',
    });
    await expect(em.nativeUpdate(User, { [raw('nothing')]: 1 }, { name: 'x' })).rejects.toMatchObject({
      name: 'InvalidFieldNameException',
    });
    expect(await t.deltas()).toHaveLength(1);
  });

  it('of an ORM that was running before Revy came is recorded too', async () => {
    t = await createOrm(BLOG, { revy: false });
    isOpen = true;
    revy().register(t.orm as never);
    await t.orm.schema.update();
    await t.orm.em.fork().insert(User, ANN);
    expect((await t.deltas()).map(({ object, action }) => [object, action])).toEqual([['User:1', 'create']]);
  });
});
