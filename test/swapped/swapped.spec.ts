import { defineEntity, p } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import {
  AttributeDelta,
  HistoryService,
  ObjectDelta,
  Revision,
  RevisionContext,
  revy,
  type RevyOptions,
  RowHookError,
  SnapshotService,
} from '@revy/mikro-orm';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { createOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import {
  AuditDelta,
  AUDITED,
  AuditDeltaSchema,
  AuditRevision,
  AuditRevisionSchema,
  Invoice,
  Label,
  Tenant,
  User,
} from './audit.js';

type Options = RevyOptions<AuditRevision, AuditDelta>;

const noon = new Date('2026-05-05T12:00:00.123Z');

const OPTIONS: Options = {
  schema: 'audit',
  tablePrefix: 'audit_',
  keyframeEvery: 2,
  entities: { Revision: AuditRevision, ObjectDelta: AuditDelta },
  onRevision(revision, { em, values }) {
    revision.user = values.actor instanceof User ? em.getReference(User, values.actor.id) : null;
    revision.ip = (values.metadata?.['ip'] as string | undefined) ?? null;
    revision.weight = '1.2345678901';
    revision.seenAt = noon;
    revision.request = { path: '/', params: ['a', null] };
    revision.labels = ['x', 'y,z'];
    revision.digest = Buffer.from([0, 255]);
    revision.serial = 9007199254740993n;
  },
  onObjectDelta(delta, { em }) {
    const tenant = delta.newValues?.['tenant'] ?? delta.oldValues?.['tenant'];
    if (typeof tenant === 'number') delta.tenant = em.getReference(Tenant, tenant);
    delta.size = Object.keys(delta.newValues ?? {}).length;
  },
};

async function open(
  options: Options = OPTIONS,
): Promise<{ orm: MikroORM; database: TestDatabase; close(): Promise<void> }> {
  const database = await createDatabase();
  const entities = [...AUDITED, AuditRevisionSchema, AuditDeltaSchema];
  const orm = await MikroORM.init({ clientUrl: database.url, entities, extensions: [revy(options)] });
  await orm.schema.create();
  const close = async () => {
    await orm.close(true);
    await database.drop();
  };
  return { orm, database, close };
}

describe('an application with a history of its own', () => {
  let app: Awaited<ReturnType<typeof open>>;
  let ann: User;
  let tenant: Tenant;
  const fork = () => app.orm.em.fork();
  const rows = (table: string) => app.database.query(`select * from audit.${table} order by id`);

  beforeAll(async () => {
    app = await open();
    const em = fork();
    ann = em.create(User, { name: 'Ann' } as never);
    tenant = em.create(Tenant, { name: 'Acme' });
    await em.flush();
  });
  afterAll(() => app.close());

  const asAnn = <T>(fn: () => Promise<T>) =>
    RevisionContext.run({ actor: ann, revisionDescription: 'billing', metadata: { ip: '10.0.0.1' } }, fn);

  async function createInvoice(number: string): Promise<Invoice> {
    const em = fork();
    const invoice = em.create(Invoice, { number, total: '10.00', tenant: em.getReference(Tenant, tenant.id) } as never);
    await asAnn(() => em.flush());
    return invoice;
  }

  it('F8: has its tables where it says, and no others', async () => {
    const tables = await app.database.query(
      `select table_schema || '.' || table_name as name, table_type from information_schema.tables
       where table_name like '%audit%' or table_name like 'revy%' order by 1`,
    );
    expect(tables).toEqual([
      { name: 'audit.audit_attribute_delta', table_type: 'VIEW' },
      { name: 'audit.audit_log', table_type: 'BASE TABLE' },
      { name: 'audit.audited_object', table_type: 'BASE TABLE' },
    ]);
  });

  it('has nothing to migrate once its schema is made', async () => {
    expect(await app.orm.schema.getUpdateSchemaSQL()).toBe('');
  });

  it('G1: fills its own columns with the context at hand, in the one statement', async () => {
    const em = fork();
    const invoice = em.create(Invoice, {
      number: 'G1',
      total: '1.00',
      tenant: em.getReference(Tenant, tenant.id),
    } as never);
    const sent = await statementsOf(() => asAnn(() => em.flush()));
    expect(sent.filter(text => text.includes('audit'))).toHaveLength(1);
    expect(sent).toHaveLength(3);
    const revision = (await rows('audit_log')).at(-1)!;
    expect(revision).toMatchObject({
      description: 'billing',
      actor_type: 'User',
      actor_id: String(ann.id),
      metadata: { ip: '10.0.0.1' },
      user_id: ann.id,
      ip: '10.0.0.1',
      priority: 5,
      weight: '1.2345678901',
      seen_at: noon,
      request: { path: '/', params: ['a', null] },
      labels: ['x', 'y,z'],
      digest: Buffer.from([0, 255]),
      serial: '9007199254740993',
    });
    expect((await rows('audited_object')).at(-1)).toMatchObject({
      revision_id: revision['id'],
      object_type: 'Invoice',
      object_id: String(invoice.id),
      tenant_id: tenant.id,
      size: 3,
    });
  });

  it('G1, K4: finds its history by its own columns, as its own classes', async () => {
    const invoice = await createInvoice('K4');
    const em = fork();
    const found = await em.find(
      AuditRevision,
      { user: ann.id, ip: '10.0.0.1' },
      { orderBy: { id: 'desc' }, populate: ['user'] },
    );
    expect(found[0]).toBeInstanceOf(AuditRevision);
    expect(found[0]).toMatchObject({
      user: { name: 'Ann' },
      weight: '1.2345678901',
      seenAt: noon,
      labels: ['x', 'y,z'],
      serial: 9007199254740993n,
    });
    expect(await em.count(AuditRevision, { user: { name: 'Bob' } })).toBe(0);
    const deltas = await em.find(AuditDelta, {
      tenant: tenant.id,
      objectType: 'Invoice',
      objectId: String(invoice.id),
    });
    expect(deltas).toMatchObject([{ size: 3, action: 'create' }]);
    // whoever asks for the base classes gets them too
    expect(await em.findOneOrFail(Revision, found[0]!.id)).toBe(found[0]);
    const [delta] = await em.fork().find(ObjectDelta, { objectId: String(invoice.id), objectType: 'Invoice' });
    expect(delta).toBeInstanceOf(AuditDelta);
    const [attribute] = await em.find(
      AttributeDelta,
      { attribute: 'number', newValue: 'K4' },
      { populate: ['revision'] },
    );
    expect(attribute!.revision).toBeInstanceOf(AuditRevision);
    const history = new HistoryService<AuditRevision, AuditDelta>(fork());
    const revisions = await history.revisions({ where: { ip: '10.0.0.1', user: { name: 'Ann' } } });
    expect(await history.countRevisions({ where: { user: { name: 'Bob' } } })).toBe(0);
    const sized = await history.deltas(Invoice, invoice.id, { where: { size: { $gte: 3 }, tenant: { name: 'Acme' } } });
    expect(sized.map(({ size, revision }) => [size, (revision as AuditRevision).ip])).toEqual([[3, '10.0.0.1']]);
    expect(revisions.at(-1)).toMatchObject({ id: found[0]!.id, ip: '10.0.0.1' });
    expect(await revisions.at(-1)!.actors).toMatchObject([{ id: ann.id }]);
    const user = await fork().findOneOrFail(User, ann.id, { populate: ['revisions'] });
    expect(user.revisions.length).toBeGreaterThan(0);
  });

  it('rebuilds, populates and reads versions as ever', async () => {
    const invoice = await createInvoice('S1');
    const em = fork();
    const loaded = await em.findOneOrFail(Invoice, invoice.id, { populate: ['tags'] });
    loaded.tags.add(em.create(Label, { name: 'new' }));
    for (const total of ['11.00', '12.00', '13.00']) {
      loaded.total = total;
      await asAnn(() => em.flush());
    }
    const snapshots = new SnapshotService(fork());
    for (const [index, total] of ['10.00', '11.00', '12.00', '13.00'].entries()) {
      const snapshot = (await snapshots.at(
        Invoice,
        invoice.id,
        { version: index + 1 },
        { populate: ['tags', 'tenant'] },
      ))!;
      expect(snapshot.entity).toMatchObject({ total, tenant: { name: 'Acme' } });
      expect(snapshot.entity.tags.length).toBe(index === 0 ? 0 : 1);
      expect(snapshot.revision).toBeInstanceOf(AuditRevision);
      expect(snapshot.revision).toMatchObject({ ip: '10.0.0.1', digest: Buffer.from([0, 255]), user: { id: ann.id } });
    }
    const [many] = await snapshots.many(Invoice, [invoice.id]);
    expect(many).toMatchObject({ version: 4, entity: { total: '13.00' } });
    expect(many!.revision).toMatchObject({ ip: '10.0.0.1', seenAt: noon });
    const versions = await new HistoryService(fork()).versions(Invoice, invoice.id);
    expect(versions.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    const keyframes = (await rows('audited_object')).filter(
      row => row['object_type'] === 'Invoice' && row['object_id'] === String(invoice.id) && row['state'],
    );
    expect(keyframes.map(row => (row['state'] as { total: string }).total)).toEqual(['12.00']);
  });

  it('is called once for a transaction that reads its own history, and not at all for one that changes nothing', async () => {
    let calls = 0;
    const other = await open({ ...OPTIONS, onRevision: () => void calls++ });
    await other.orm.em.fork().transactional(async em => {
      const made = em.create(Tenant, { name: 'a' });
      await em.flush();
      expect(await new SnapshotService(em).at(Tenant, made.id)).toMatchObject({ version: 1 });
      made.name = 'b';
      await em.flush();
      expect(await new SnapshotService(em).at(Tenant, made.id)).toMatchObject({ entity: { name: 'b' } });
      made.name = 'c';
    });
    expect(calls).toBe(1);
    await other.orm.em.fork().transactional(async em => {
      const made = em.create(Tenant, { name: 'gone' });
      await em.flush();
      em.remove(made);
    });
    await other.orm.em.fork().find(Tenant, {});
    expect(calls).toBe(1);
    await other.close();
  });

  it('may read in its transaction, wait, and set what Revy has a column for', async () => {
    const other = await open({
      ...OPTIONS,
      async onRevision(revision, { em }) {
        const tenants = await em.find(Tenant, {});
        revision.description = `${tenants.length} tenants`;
        revision.metadata = { ...revision.metadata, tenants: tenants.map(({ name }) => name) };
      },
    });
    const em = other.orm.em.fork();
    em.create(Tenant, { name: 'seen' });
    await RevisionContext.run({ revisionDescription: 'x', metadata: { a: 1 } }, () => em.flush());
    expect(await other.database.query('select description, metadata from audit.audit_log')).toEqual([
      { description: '1 tenants', metadata: { a: 1, tenants: ['seen'] } },
    ]);
    await other.close();
  });

  it('C4: an exception in it rolls the whole transaction back', async () => {
    const failure = new Error('no address');
    for (const options of [
      { ...OPTIONS, onRevision: () => Promise.reject(failure) },
      {
        ...OPTIONS,
        onObjectDelta: () => {
          throw failure;
        },
      },
    ] as Options[]) {
      const other = await open(options);
      const flush = async (readsItself: boolean) => {
        await other.orm.em.fork().transactional(async em => {
          const made = em.create(Tenant, { name: 'never' });
          await em.flush();
          if (readsItself) await new SnapshotService(em).at(Tenant, made.id);
        });
      };
      for (const readsItself of [false, true]) {
        const error = await flush(readsItself).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(RowHookError);
        expect((error as Error).cause).toBe(failure);
      }
      const counts = await other.database.query(
        'select (select count(*)::int from tenant) as tenants, (select count(*)::int from audit.audit_log) as revisions',
      );
      expect(counts).toEqual([{ tenants: 0, revisions: 0 }]);
      await other.close();
    }
  });

  it('takes a revision of its own class from the context', async () => {
    const em = fork();
    em.create(Tenant, { name: 'own' });
    const revision = () => Object.assign(new AuditRevision(), { description: 'mine', priority: 9 });
    await RevisionContext.run({ revision, metadata: { ip: '::1' } }, () => em.flush());
    expect((await rows('audit_log')).at(-1)).toMatchObject({ description: 'mine', priority: 9, ip: '::1' });
  });

  it('gets baselines with filled revisions', async () => {
    await app.database.query(`insert into label (name) values ('old')`);
    const { revisions } = await asAnn(() => revy.baseline(fork(), Label));
    expect((await rows('audit_log')).find(row => Number(row['id']) === revisions[0])).toMatchObject({
      description: 'billing',
      user_id: ann.id,
      ip: '10.0.0.1',
      priority: 5,
    });
    const snapshot = await new SnapshotService(fork()).many(Label, { name: 'old' });
    expect(snapshot).toMatchObject([{ version: 1, entity: { name: 'old' }, revision: { ip: '10.0.0.1' } }]);
  });

  it('outlives its actor, and cascades reach its own relations by their rules', async () => {
    const em = fork();
    const bob = em.create(User, { name: 'Bob' } as never);
    await em.flush();
    em.create(Tenant, { name: 'by Bob' });
    await RevisionContext.run({ actor: bob }, () => em.flush());
    const byBob = (await rows('audit_log')).at(-1)!;
    expect(byBob['user_id']).toBe(bob.id);
    const other = fork();
    await other.remove(await other.findOneOrFail(User, bob.id)).flush();
    const after = (await rows('audit_log')).find(row => row['id'] === byBob['id']);
    expect(after).toMatchObject({ user_id: null, actor_type: 'User', actor_id: String(bob.id) });
    const recorded = await app.database.query(`select distinct object_type from audit.audited_object`);
    expect(recorded.map(row => row['object_type'])).not.toContain('AuditRevision');
  });

  it('is one statement with the hooks of many rows', async () => {
    const em = fork();
    for (let n = 0; n < 500; n++) em.create(Label, { name: `l${n}` });
    const sent = await statementsOf(() => asAnn(() => em.flush()));
    expect(sent.filter(text => text.includes('audited_object'))).toHaveLength(1);
    const [row] = await app.database.query(
      `select count(*)::int as n, count(distinct revision_id)::int as revisions, min(size) as size from audit.audited_object
       where object_type = 'Label' and new_values ->> 'name' like 'l%'`,
    );
    expect(row).toEqual({ n: 500, revisions: 1, size: 1 });
  });
});

it('F8: entities that name no table and no schema lie with the rest of the history, for tenants as well', async () => {
  class Visit extends Revision {
    ip!: string | null;
  }
  const VisitSchema = defineEntity({ class: Visit, properties: { ip: p.string().nullable() } });
  const Site = defineEntity({ name: 'Site', schema: '*', properties: { id: p.integer().primary(), url: p.string() } });
  const onRevision = (revision: Revision) => void Object.assign(revision, { ip: '::1' });
  const test = await createOrm([Site, VisitSchema], {
    revy: { schema: 'logs', tablePrefix: 'site_', entities: { Revision: Visit }, onRevision },
  });
  await test.database.query('create schema north; create table north.site (id int primary key, url text)');
  const em = test.orm.em.fork({ schema: 'north' });
  em.create(Site, { id: 1, url: 'example.org' });
  await em.flush();
  const tables = await test.database.query(
    `select table_schema || '.' || table_name as name from information_schema.tables where table_schema = 'logs' order by 1`,
  );
  expect(tables.map(({ name }) => name)).toEqual(['logs.site_attribute_delta', 'logs.site_object_delta', 'logs.visit']);
  const history = new HistoryService<Visit>(em.fork());
  expect(await history.revisions({ where: { ip: '::1' }, type: Site })).toHaveLength(1);
  const [snapshot] = await new SnapshotService(em.fork()).many(Site, [1]);
  expect(snapshot).toMatchObject({ entity: { url: 'example.org' }, revision: { ip: '::1' } });
  expect(await test.orm.schema.getUpdateSchemaSQL()).toBe('');
  await test.close();
});

it('entities that extend nothing of the history are refused', () => {
  class Other {}
  expect(() => revy({ entities: { Revision: Other as never } })).toThrow('entities.Revision');
  expect(() => revy({ entities: { Delta: AuditDelta } as never })).toThrow('entities.Delta');
});
