import { TransactionPropagation } from '@mikro-orm/core';
import { defineEntity, type EntityManager, MikroORM, p } from '@mikro-orm/postgresql';
import { HistoryService, Revision, RevisionContext, revy, SnapshotService } from '@revy/mikro-orm';
import { BLOG, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('the history itself', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('is not protected: whoever may write to its tables may change it, and no foreign key keeps them together', async () => {
    const em = test.orm.em.fork();
    em.create(Tag, { name: 'news' });
    await em.flush();
    await em.nativeDelete(Revision, { id: 1 });
    expect(await test.revisions()).toEqual([]);
    expect(await test.deltas()).toHaveLength(1);
  });
});

describe('a role that may do no more than it needs', () => {
  const role = `revy_app_${process.pid}_${Date.now()}`;
  let test: TestOrm;
  let app: MikroORM;
  beforeAll(async () => {
    test = await createOrm();
    await test.database.query(`create role ${role}`);
    await test.database.query(`grant all on tag to ${role}; grant usage on all sequences in schema public to ${role}`);
    await test.database.query(`grant select, insert on revy_revision, revy_object_delta to ${role}`);
    const driverOptions = { options: `-c role=${role}` };
    app = await MikroORM.init({ clientUrl: test.database.url, entities: BLOG, extensions: [revy()], driverOptions });
  });
  afterAll(async () => {
    await app.close(true);
    await test.database.query(`drop owned by ${role}; drop role ${role}`);
    await test.close();
  });

  const rename = async (em: EntityManager, name: string) => {
    (await em.findOneOrFail(Tag, { name: /^news/ })).name = name;
    await em.flush();
  };
  const readAndGoOn = () =>
    app.em.fork().transactional(async em => {
      await rename(em, 'news, for a while');
      await new HistoryService(em).revisions();
      await rename(em, 'news, after all');
    });

  it('records with insert and select', async () => {
    const em = app.em.fork();
    em.create(Tag, { name: 'news' });
    await em.flush();
    await em.fork().transactional(async inner => {
      await rename(inner, 'news!');
      expect(await new HistoryService(inner).revisions()).toHaveLength(2);
    });
    expect((await test.deltas()).map(row => row.new)).toEqual([{ name: 'news' }, { name: 'news!' }]);
  });

  it('takes delete to read its own history and go on, and update if it shares its revision', async () => {
    await expect(readAndGoOn()).rejects.toThrow('permission denied for table revy_object_delta');
    await test.database.query(`grant delete on revy_revision, revy_object_delta to ${role}`);
    await readAndGoOn();
    expect((await test.deltas()).at(-1)!.new).toEqual({ name: 'news, after all' });
    const share = () =>
      RevisionContext.run({ revision: () => new Revision() }, () =>
        app.em.fork().transactional(async em => {
          await rename(em, 'news, shared');
          await new HistoryService(em).revisions();
          await app.em.fork().transactional(async inner => void inner.create(Tag, { name: 'other' }), {
            propagation: TransactionPropagation.REQUIRES_NEW,
          });
        }),
      );
    await expect(share()).rejects.toThrow('permission denied for table revy_object_delta');
    await test.database.query(`grant update on revy_object_delta to ${role}`);
    await share();
    expect((await test.deltas()).slice(-2).map(row => row.new)).toEqual([{ name: 'news, shared' }, { name: 'other' }]);
  });
});

describe('names', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('a renamed class without "as" starts a history of its own; with it, the history goes on', async () => {
    const em = test.orm.em.fork();
    em.create(Tag, { name: 'news' });
    await em.flush();
    for (const as of [undefined, 'Tag']) {
      const Label = defineEntity({
        name: 'Label',
        tableName: 'tag',
        ...(as && { revy: { as } }),
        properties: { id: p.integer().primary(), name: p.string() },
      });
      const orm = await MikroORM.init({ clientUrl: test.database.url, entities: [Label], extensions: [revy()] });
      const { version } = (await new SnapshotService(orm.em.fork()).at(Label, 1, new Date()))!;
      expect(version).toBe(as ? 1 : 0);
      await orm.close(true);
    }
  });

  it('a mask holds from now on: what was stored before it stays stored, and snapshots do not show it', async () => {
    const em = test.orm.em.fork();
    em.create(User, { name: 'Ann', email: 'ann@example.org' });
    await em.flush();
    const Masked = defineEntity({
      name: 'User',
      revy: { mask: ['email'] },
      properties: { id: p.integer().primary(), name: p.string(), email: p.string().nullable() },
    });
    const orm = await MikroORM.init({ clientUrl: test.database.url, entities: [Masked], extensions: [revy()] });
    const { unknown, entity } = (await new SnapshotService(orm.em.fork()).at(Masked, 1, new Date()))!;
    expect([unknown, entity.email]).toEqual([['email'], undefined]);
    expect((await test.attributes()).find(({ attribute }) => attribute === 'email')!.new).toBe('ann@example.org');
    await orm.close(true);
  });
});
