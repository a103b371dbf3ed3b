import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type EventArgs, type EventSubscriber, type FlushEventArgs, ref, type Ref, wrap } from '@mikro-orm/core';
import { RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { GRAPH, Left, Ledger, Node, Paper, Right } from './graph.js';

/** What an application's own subscriber does before rows are written. */
class Meddler implements EventSubscriber {
  meddle: ((args: EventArgs<object>) => void) | undefined;
  isSoftDelete = false;

  beforeCreate(args: EventArgs<object>): void {
    this.meddle?.(args);
  }

  beforeUpdate(args: EventArgs<object>): void {
    this.meddle?.(args);
  }

  /** As mikro-orm-soft-delete does it. */
  onFlush({ uow }: FlushEventArgs): void {
    if (!this.isSoftDelete) return;
    for (const changeSet of uow.getChangeSets()) {
      if (changeSet.type !== 'delete' || !(changeSet.entity instanceof Paper)) continue;
      changeSet.entity.notes = 'deleted';
      Object.assign(changeSet, { type: 'update', payload: { notes: 'deleted' } });
    }
  }
}

describe('what a flush writes beyond its change sets', () => {
  let test: TestOrm;
  const meddler = new Meddler();
  beforeAll(async () => {
    test = await createOrm(GRAPH, { config: { subscribers: [meddler] } });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    Object.assign(meddler, { meddle: undefined, isSoftDelete: false });
    await test.forget();
  });

  const summary = async () => (await test.deltas()).map(row => [row.action, row.object, row.old, row.new]);

  async function live(table: string, id: number): Promise<Record<string, unknown>> {
    const [row] = await test.database.query(`select * from "${table}" where id = $1`, [id]);
    return row!;
  }

  /** MikroORM 7.2 writes an exchange of unique values one after the other, which an immediate constraint refuses. */
  async function deferUnique(table: string, constraint: string, column: string): Promise<void> {
    await test.database.query(
      `alter table "${table}" drop constraint ${constraint}, add constraint ${constraint} unique (${column}) deferrable initially deferred`,
    );
  }

  it('a row that points to itself', async () => {
    const em = test.orm.em.fork();
    const node = em.create(Node, { name: 'self' } as never);
    node.parent = node;
    await em.flush();
    expect(await summary()).toEqual([
      ['create', `Node:${node.id}`, null, { name: 'self', parent: node.id, partner: null }],
    ]);
    expect(await live('node', node.id)).toMatchObject({ parent_id: node.id });
  });

  it('a chain of new rows that point to each other, in any order', async () => {
    const em = test.orm.em.fork();
    const child = em.create(Node, { name: 'child' } as never);
    const parent = em.create(Node, { name: 'parent' } as never);
    child.parent = parent;
    await em.flush();
    expect((await summary()).toSorted(byContent)).toEqual(
      [
        ['create', `Node:${child.id}`, null, { name: 'child', parent: parent.id, partner: null }],
        ['create', `Node:${parent.id}`, null, { name: 'parent', parent: null, partner: null }],
      ].toSorted(byContent),
    );
  });

  it('a cycle of two tables', async () => {
    const em = test.orm.em.fork();
    const left = em.create(Left, { right: null });
    const right = em.create(Right, { left });
    left.right = right;
    await em.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['create', `Left:${left.id}`, null, { right: right.id }],
      ['create', `Right:${right.id}`, null, { left: left.id }],
    ]);
    em.remove(left);
    em.remove(right);
    await test.forget();
    await em.flush();
    expect((await summary()).map(([action, object]) => [action, object]).toSorted(byContent)).toEqual([
      ['delete', `Left:${left.id}`],
      ['delete', `Right:${right.id}`],
    ]);
  });

  it('E15: owners of a 1:1 that are exchanged are one update each', async () => {
    const em = test.orm.em.fork();
    const [a, b, x, y] = ['a', 'b', 'x', 'y'].map(name => em.create(Node, { name } as never)) as [
      Node,
      Node,
      Node,
      Node,
    ];
    [a.partner, b.partner] = [x, y];
    await em.flush();
    await test.forget();
    await deferUnique('node', 'node_partner_id_unique', 'partner_id');
    [a.partner, b.partner] = [y, x];
    await em.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['update', `Node:${a.id}`, { partner: x.id }, { partner: y.id }],
      ['update', `Node:${b.id}`, { partner: y.id }, { partner: x.id }],
    ]);
    expect([(await live('node', a.id))['partner_id'], (await live('node', b.id))['partner_id']]).toEqual([y.id, x.id]);
  });

  it('E15: a 1:1 that is given to another owner, from the inverse side', async () => {
    const em = test.orm.em.fork();
    const [a, b, x] = ['a', 'b', 'x'].map(name => em.create(Node, { name } as never)) as [Node, Node, Node];
    a.partner = x;
    await em.flush();
    await test.forget();
    x.partnerOf = b;
    await em.flush();
    expect((await summary()).toSorted(byContent)).toEqual([
      ['update', `Node:${a.id}`, { partner: x.id }, { partner: null }],
      ['update', `Node:${b.id}`, { partner: null }, { partner: x.id }],
    ]);
    expect([(await live('node', a.id))['partner_id'], (await live('node', b.id))['partner_id']]).toEqual([null, x.id]);
  });

  it('A16, A17: defaults and computed columns are in the record of the create, the version column is not', async () => {
    const em = test.orm.em.fork();
    const ledger = em.create(Ledger, { title: 'one' } as never);
    await em.flush();
    expect(await summary()).toEqual([
      [
        'create',
        `Ledger:${ledger.id}`,
        null,
        {
          title: 'one',
          code: null,
          kind: 'plain',
          serial: 101,
          shout: 'ONE!',
          createdBy: 'hook',
          touched: 0,
          createdAt: '2026-01-01T00:00:00.000Z',
        },
      ],
    ]);
    const row = await live('ledger', ledger.id);
    expect(row).toMatchObject({
      kind: 'plain',
      serial: 101,
      shout: 'ONE!',
      created_by: 'hook',
      touched: 0,
      version: 1,
    });
  });

  it('A16: a computed column changes with what it is computed from, also of a loaded row; onUpdate is recorded', async () => {
    const [row] = await test.database.query<{ id: number }>(
      `insert into ledger (title, created_by, touched) values ('one', 'x', 5) returning id`,
    );
    const { id } = row!;
    const em = test.orm.em.fork();
    const ledger = await em.findOneOrFail(Ledger, id);
    for (const title of ['two', 'three']) {
      ledger.title = title;
      await em.flush();
    }
    ledger.code = 'c';
    await em.flush();
    expect((await summary()).slice(-3)).toEqual([
      [
        'update',
        `Ledger:${id}`,
        { title: 'one', shout: 'ONE!', touched: 5 },
        { title: 'two', shout: 'TWO!', touched: 6 },
      ],
      [
        'update',
        `Ledger:${id}`,
        { title: 'two', shout: 'TWO!', touched: 6 },
        { title: 'three', shout: 'THREE!', touched: 7 },
      ],
      ['update', `Ledger:${id}`, { code: null, touched: 7 }, { code: 'c', touched: 8 }],
    ]);
    expect((await live('ledger', id))['version']).toBe(4);
    em.remove(ledger);
    await em.flush();
    expect((await summary()).at(-1)![2]).toMatchObject({ title: 'three', shout: 'THREE!', serial: 101 });
    const before = await new SnapshotService(em).at(Ledger, id, { version: 2 });
    expect(before!.entity).toMatchObject({
      title: 'three',
      shout: 'THREE!',
      code: null,
      createdAt: new Date('2026-01-01'),
    });
  });

  it('A16: a computed column that nobody loaded is recorded where it changed, with its true old value', async () => {
    const [row] = await test.database.query<{ id: number }>(
      `insert into ledger (title, created_by, touched) values ('one', 'x', 5) returning id`,
    );
    const { id } = row!;
    const em = test.orm.em.fork();
    const ledger = await em.findOneOrFail(Ledger, id, { fields: ['id', 'code', 'touched', 'version'] as never });
    (ledger as Ledger).code = 'c';
    await em.flush();
    const other = test.orm.em.fork();
    const again = await other.findOneOrFail(Ledger, id, { fields: ['id', 'touched', 'version'] as never });
    (again as Ledger).title = 'two';
    await other.flush();
    expect((await summary()).slice(-2)).toEqual([
      ['update', `Ledger:${id}`, { code: null, touched: 5 }, { code: 'c', touched: 6 }],
      [
        'update',
        `Ledger:${id}`,
        { title: 'one', shout: 'ONE!', touched: 6 },
        { title: 'two', shout: 'TWO!', touched: 7 },
      ],
    ]);
  });

  it('a reference to a row with computed and defaulted columns', async () => {
    const seeder = test.orm.em.fork();
    const { id } = seeder.create(Ledger, { title: 'one' } as never);
    const ledger = seeder.create(Ledger, { title: 'two' } as never);
    await seeder.flush();
    expect(id).toBeUndefined();
    await test.forget();
    const em = test.orm.em.fork();
    em.remove(em.getReference(Ledger, ledger.id));
    await em.flush();
    expect((await summary()).map(([action, , old]) => [action, old])).toEqual([
      ['delete', expect.objectContaining({ title: 'two', shout: 'TWO!', kind: 'plain', serial: 101, code: null })],
    ]);
  });

  it('what a beforeCreate hook of the application sets', async () => {
    meddler.meddle = ({ entity }) => {
      (entity as Paper).title += '!';
      (entity as Paper).notes = 'hooked';
    };
    const em = test.orm.em.fork();
    const paper = em.create(Paper, { title: 'one' } as never);
    await em.flush();
    expect(await summary()).toEqual([
      ['create', `Paper:${paper.id}`, null, { title: 'one!', body: null, notes: 'hooked', node: null }],
    ]);
    expect(await live('paper', paper.id)).toMatchObject({ title: 'one!', notes: 'hooked' });
  });

  it('what a beforeUpdate hook sets, also on an attribute that nobody loaded', async () => {
    const seeder = test.orm.em.fork();
    const seeded = seeder.create(Paper, { title: 'one', notes: 'old', body: 'text' } as never);
    await seeder.flush();
    await test.forget();
    meddler.meddle = ({ entity }) => {
      (entity as Paper).notes = 'hooked';
      (entity as Paper).body = 'hooked';
    };
    const em = test.orm.em.fork();
    const paper = await em.findOneOrFail(Paper, seeded.id, { fields: ['title'] as never });
    paper.title = 'two';
    await em.flush();
    expect(await summary()).toEqual([
      [
        'update',
        `Paper:${paper.id}`,
        { title: 'one', notes: 'old', body: 'text' },
        { title: 'two', notes: 'hooked', body: 'hooked' },
      ],
    ]);
    expect(await live('paper', paper.id)).toMatchObject({ title: 'two', notes: 'hooked', body: 'hooked' });
  });

  it('a soft delete is the update that it is', async () => {
    const em = test.orm.em.fork();
    const paper = em.create(Paper, { title: 'one' } as never);
    await em.flush();
    await test.forget();
    meddler.isSoftDelete = true;
    em.remove(paper);
    await em.flush();
    expect(await summary()).toEqual([['update', `Paper:${paper.id}`, { notes: null }, { notes: 'deleted' }]]);
    expect(await live('paper', paper.id)).toMatchObject({ notes: 'deleted' });
  });

  it('lazy columns: recorded when made, changed and deleted, though nobody loaded them', async () => {
    const seeder = test.orm.em.fork();
    const seeded = seeder.create(Paper, { title: 'one', body: 'long' } as never);
    await seeder.flush();
    const em = test.orm.em.fork();
    const paper = await em.findOneOrFail(Paper, seeded.id);
    expect(paper.body).toBeUndefined();
    paper.title = 'two';
    await em.flush();
    paper.body = 'longer';
    await em.flush();
    const remover = test.orm.em.fork();
    remover.remove(await remover.findOneOrFail(Paper, seeded.id));
    await remover.flush();
    expect((await summary()).map(([action, , old, now]) => [action, old, now])).toEqual([
      ['create', null, { title: 'one', body: 'long', notes: null, node: null }],
      ['update', { title: 'one' }, { title: 'two' }],
      ['update', { body: 'long' }, { body: 'longer' }],
      ['delete', { title: 'two', body: 'longer', notes: null, node: null }, null],
    ]);
  });

  it('a Reference wrapper: set, replaced and cleared', async () => {
    const em = test.orm.em.fork();
    const [a, b] = ['a', 'b'].map(name => em.create(Node, { name } as never)) as [Node, Node];
    const paper = em.create(Paper, { title: 'one', node: ref(a) } as never);
    await em.flush();
    await test.forget();
    paper.node = ref(Node, b.id) as Ref<Node>;
    await em.flush();
    paper.node = wrap(b).toReference() as never;
    await em.flush();
    paper.node = null;
    await em.flush();
    expect((await summary()).map(([, , old, now]) => [old, now])).toEqual([
      [{ node: a.id }, { node: b.id }],
      [{ node: b.id }, { node: null }],
    ]);
  });

  it('an early delete and the create of its key in one flush are one update', async () => {
    const em = test.orm.em.fork();
    const node = em.create(Node, { id: 9001, name: 'old' } as never);
    await em.flush();
    await test.forget();
    em.remove(node);
    em.persist(Object.assign(new Node(), { id: 9001, name: 'new' }));
    await em.flush();
    expect(await summary()).toEqual([['update', 'Node:9001', { name: 'old' }, { name: 'new' }]]);
    expect(await live('node', 9001)).toMatchObject({ name: 'new' });
  });

  it('queued flushes each record their own', async () => {
    const em = test.orm.em.fork();
    const node = em.create(Node, { name: 'a' } as never);
    await em.flush();
    await test.forget();
    node.name = 'b';
    const first = em.flush();
    node.name = 'c';
    const second = em.flush();
    await Promise.all([first, second]);
    const rows = await summary();
    expect(rows.at(-1)![3]).toEqual({ name: 'c' });
    expect(await live('node', node.id)).toMatchObject({ name: 'c' });
    expect((rows[0]![2] as { name: string }).name).toBe('a');
    rows.slice(1).forEach((row, index) => expect(row[2]).toEqual(rows[index]![3]));
  });

  it('A7: what is disabled (RevisionContext.runDisabled) goes unrecorded, what follows starts from the true values', async () => {
    const em = test.orm.em.fork();
    const node = em.create(Node, { name: 'a' } as never);
    await RevisionContext.runDisabled(() => em.flush());
    node.name = 'b';
    await RevisionContext.runDisabled(() => em.flush());
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
    node.name = 'c';
    await em.flush();
    expect(await summary()).toEqual([['update', `Node:${node.id}`, { name: 'b' }, { name: 'c' }]]);
  });
});
