import { MikroORM } from '@mikro-orm/postgresql';
import { HistoryService, HistoryWriteError, NoTransactionError, RevyNotInstalledError } from '@revy/mikro-orm';
import { BLOG, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('transactions', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(BLOG, { config: { implicitTransactions: false } });
  });
  afterAll(() => test.close());

  it('implicitTransactions: false is refused, because nothing would hold data and history together', async () => {
    const em = test.orm.em.fork();
    em.create(Tag, { name: 'news' });
    await expect(em.flush()).rejects.toThrow(NoTransactionError);
    await em.transactional(inner => void inner.create(Tag, { name: 'old' }));
    expect(await test.deltas()).toMatchObject([{ new: { name: 'old' } }]);
  });

  it('nor is a flush recorded in a transaction that MikroORM did not begin: it is refused', async () => {
    const em = test.orm.em.fork();
    await em
      .getKysely()
      .transaction()
      .execute(async transaction => {
        em.setTransactionContext(transaction);
        em.create(Tag, { name: 'news' });
        await expect(em.flush()).rejects.toThrow(NoTransactionError);
      });
  });
});

describe('after a history that could not be written', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('the data is rolled back, and the entity manager must not be used again: it believes that it has flushed', async () => {
    const em = test.orm.em.fork();
    const tag = em.create(Tag, { name: 'news' });
    await em.flush();
    await test.database.query('alter table revy_object_delta rename to gone');
    tag.name = 'lost';
    await expect(em.flush()).rejects.toThrow(HistoryWriteError);
    await test.database.query('alter table gone rename to revy_object_delta');
    await em.flush();
    expect(await test.database.query('select name from tag')).toEqual([{ name: 'news' }]);
  });
});

describe('two ORMs that share a class, one without the extension', () => {
  let test: TestOrm;
  let plain: MikroORM;
  beforeAll(async () => {
    test = await createOrm();
    plain = await MikroORM.init({ clientUrl: test.database.url, entities: BLOG });
  });
  afterAll(async () => {
    await plain.close(true);
    await test.close();
  });

  it('what the other one flushes is not recorded, and it has no history to ask for', async () => {
    const em = plain.em.fork();
    em.create(Tag, { name: 'plain' });
    await em.flush();
    expect(await test.deltas()).toEqual([]);
    await expect(new HistoryService(em).revisions()).rejects.toThrow(RevyNotInstalledError);
    const tracked = test.orm.em.fork();
    tracked.create(Tag, { name: 'tracked' });
    await tracked.flush();
    expect(await test.deltas()).toMatchObject([{ new: { name: 'tracked' } }]);
  });
});
