import {
  type ChangeSet,
  ChangeSetType,
  Collection,
  defineEntity,
  type EventArgs,
  type EventSubscriber,
  type FlushEventArgs,
  p,
} from '@mikro-orm/core';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { empty, Lives, summary } from './lives.js';

// What the application's own hooks and subscribers do to a flush that is recorded.

class Box {
  id!: number;
  name!: string;
  notes!: string | null;
  count!: number;
  data!: { seen: string[] } | null;
  deletedAt!: Date | null;
  items = new Collection<Item>(this);
}

class Item {
  id!: number;
  name!: string;
  box!: Box | null;
  deletedAt!: Date | null;
}

class Log {
  id!: number;
  text!: string;
}

/** Changes itself in hooks of its own. */
class Shy {
  id!: number;
  name!: string;
  lower!: string | null;
  touched!: number;
}

const id = p.integer().primary().autoincrement();
const noon = new Date('2026-02-03T12:00:00.000Z');

const Schemas = [
  defineEntity({
    class: Box,
    properties: {
      id,
      name: p.string(),
      notes: p.string().nullable(),
      count: p.integer().default(0),
      data: p.json<{ seen: string[] }>().nullable(),
      deletedAt: p.datetime(3).nullable(),
      items: () => p.oneToMany(Item).mappedBy('box'),
    },
  }),
  defineEntity({
    class: Item,
    properties: {
      id,
      name: p.string(),
      box: () => p.manyToOne(Box).nullable(),
      deletedAt: p.datetime(3).nullable(),
    },
  }),
  defineEntity({ class: Log, properties: { id, text: p.string() } }),
  defineEntity({
    class: Shy,
    hooks: {
      beforeCreate: [
        ({ entity }: EventArgs<Shy>) => {
          entity.lower = entity.name.toLowerCase();
        },
      ],
      beforeUpdate: [
        ({ entity }: EventArgs<Shy>) => {
          entity.lower = entity.name.toLowerCase();
          entity.touched += 1;
        },
      ],
    },
    properties: { id, name: p.string(), lower: p.string().nullable(), touched: p.integer().default(0) },
  } as never),
];

/** One subscriber, whose parts a test sets. */
class Meddler implements EventSubscriber {
  beforeFlushing: ((args: FlushEventArgs) => unknown) | undefined;
  flushing: ((args: FlushEventArgs) => unknown) | undefined;
  flushed: ((args: FlushEventArgs) => unknown) | undefined;
  creating: ((args: EventArgs<object>) => unknown) | undefined;
  updating: ((args: EventArgs<object>) => unknown) | undefined;
  deleting: ((args: EventArgs<object>) => unknown) | undefined;
  created: ((args: EventArgs<object>) => unknown) | undefined;

  async beforeFlush(args: FlushEventArgs): Promise<void> {
    await this.beforeFlushing?.(args);
  }

  async onFlush(args: FlushEventArgs): Promise<void> {
    await this.flushing?.(args);
  }

  async afterFlush(args: FlushEventArgs): Promise<void> {
    await this.flushed?.(args);
  }

  async beforeCreate(args: EventArgs<object>): Promise<void> {
    await this.creating?.(args);
  }

  async afterCreate(args: EventArgs<object>): Promise<void> {
    await this.created?.(args);
  }

  async beforeUpdate(args: EventArgs<object>): Promise<void> {
    await this.updating?.(args);
  }

  async beforeDelete(args: EventArgs<object>): Promise<void> {
    await this.deleting?.(args);
  }
}

// The application's subscriber stands before Revy's, which the extension adds; the other one is registered after it.
describe.each(['before', 'after'] as const)('a subscriber that is called %s Revy', order => {
  let test: TestOrm;
  let lives: Lives;
  const meddler = new Meddler();
  beforeAll(async () => {
    test = await createOrm(Schemas as never, { config: { subscribers: order === 'before' ? [meddler] : [] } });
    if (order === 'after') test.orm.em.getEventManager().registerSubscriber(meddler);
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    for (const key of Object.keys(meddler)) (meddler as unknown as Record<string, unknown>)[key] = undefined;
    await empty(test);
    lives = new Lives(test, [Box, Item, Shy]);
  });

  async function make(values: object = {}): Promise<Box> {
    const em = test.orm.em.fork();
    const box = em.create(Box, { name: 'b', notes: null, count: 0, data: null, deletedAt: null, ...values } as never);
    await lives.flush(em);
    return box as Box;
  }

  it('sets values before a create', async () => {
    meddler.creating = ({ entity }) => Object.assign(entity, { notes: 'set', data: { seen: ['create'] } });
    const box = await make();
    expect((await test.deltas())[0]!.new).toMatchObject({ notes: 'set', data: { seen: ['create'] } });
    expect(box.notes).toBe('set');
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('sets values before an update: ones that are loaded, ones that are not, and ones that it changes in place', async () => {
    const box = await make({ notes: 'old', data: { seen: [] } });
    meddler.updating = ({ entity }) => {
      (entity as Box).count += 1;
      (entity as Box).notes = 'set';
      (entity as Box).data = { seen: ['update'] };
    };
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Box, box.id, { fields: ['name', 'count'] as never });
    (loaded as Box).name = 'c';
    await lives.flush(em);
    meddler.updating = ({ entity }) => void (entity as Box).data!.seen.push('again');
    const next = test.orm.em.fork();
    (await next.findOneOrFail(Box, box.id)).name = 'd';
    await lives.flush(next);
    expect((await summary(test)).slice(1)).toEqual([
      [
        'update',
        `Box:${box.id}`,
        { name: 'b', notes: 'old', count: 0, data: { seen: [] } },
        { name: 'c', notes: 'set', count: 1, data: { seen: ['update'] } },
      ],
      [
        'update',
        `Box:${box.id}`,
        { name: 'c', data: { seen: ['update'] } },
        { name: 'd', data: { seen: ['update', 'again'] } },
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('takes a change back before it is written', async () => {
    const box = await make({ notes: 'old' });
    meddler.updating = ({ entity }) => Object.assign(entity, { notes: 'old' });
    const em = test.orm.em.fork();
    Object.assign(await em.findOneOrFail(Box, box.id), { notes: 'new', name: 'c' });
    await lives.flush(em);
    expect((await summary(test)).slice(1)).toEqual([['update', `Box:${box.id}`, { name: 'b' }, { name: 'c' }]]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('persists, changes and removes other objects in beforeFlush', async () => {
    const box = await make();
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Box, box.id);
    const other = await em.findOneOrFail(Box, (await make({ name: 'other' })).id);
    meddler.beforeFlushing = args => {
      args.em.create(Item, { name: 'made', box: loaded, deletedAt: null });
      args.em.remove(other);
      loaded.notes = 'set';
    };
    await em.flush();
    meddler.beforeFlushing = undefined;
    await lives.look();
    expect((await summary(test)).slice(2).toSorted(byContent)).toEqual([
      ['create', 'Item:1', null, { name: 'made', box: box.id, deletedAt: null }],
      ['delete', `Box:${other.id}`, { name: 'other', notes: null, count: 0, data: null, deletedAt: null }, null],
      ['update', `Box:${box.id}`, { notes: null }, { notes: 'set' }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('adds change sets in onFlush: of new objects, of loaded ones and of ones to remove', async () => {
    const box = await make();
    const doomed = await make({ name: 'doomed' });
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Box, box.id);
    const gone = await em.findOneOrFail(Box, doomed.id);
    meddler.flushing = ({ em: flushed, uow }) => {
      const item = flushed.create(Item, { name: 'made', box: loaded, deletedAt: null }, { persist: false });
      uow.computeChangeSet(item);
      loaded.count = 5;
      uow.recomputeSingleChangeSet(loaded);
      uow.computeChangeSet(gone, ChangeSetType.DELETE);
    };
    loaded.name = 'c';
    await em.flush();
    meddler.flushing = undefined;
    await lives.look();
    expect((await summary(test)).slice(2).toSorted(byContent)).toEqual([
      ['create', 'Item:1', null, { name: 'made', box: box.id, deletedAt: null }],
      ['delete', `Box:${doomed.id}`, { name: 'doomed', notes: null, count: 0, data: null, deletedAt: null }, null],
      ['update', `Box:${box.id}`, { name: 'b', count: 0 }, { name: 'c', count: 5 }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('changes in onFlush what is nowhere in the flush, of which nobody loaded the values', async () => {
    const box = await make({ notes: 'old' });
    const other = await make({ name: 'other', notes: 'old' });
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Box, box.id);
    const reference = em.getReference(Box, other.id);
    meddler.flushing = ({ uow }) => {
      reference.notes = 'set';
      uow.computeChangeSet(reference);
    };
    loaded.name = 'c';
    await em.flush();
    meddler.flushing = undefined;
    await lives.look();
    expect((await summary(test)).slice(2).toSorted(byContent)).toEqual([
      ['update', `Box:${box.id}`, { name: 'b' }, { name: 'c' }],
      ['update', `Box:${other.id}`, { notes: 'old' }, { notes: 'set' }],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });

  it('writes natively in the hooks of a flush', async () => {
    const box = await make();
    meddler.created = ({ em, entity }) => em.insert(Log, { text: `made ${(entity as Item).name}` });
    const em = test.orm.em.fork();
    em.create(Item, { name: 'i', box: null, deletedAt: null });
    (await em.findOneOrFail(Box, box.id)).name = 'c';
    await lives.flush(em);
    expect((await summary(test)).slice(1).toSorted(byContent)).toEqual([
      ['create', 'Item:1', null, { name: 'i', box: null, deletedAt: null }],
      ['create', 'Log:1', null, { text: 'made i' }],
      ['update', `Box:${box.id}`, { name: 'b' }, { name: 'c' }],
    ]);
    expect(await test.revisions()).toHaveLength(2);
  });

  it('is credited with nothing: whoever flushes is', async () => {
    const box = await make();
    await test.forget();
    meddler.updating = ({ entity }) => Object.assign(entity, { notes: 'set' });
    const em = test.orm.em.fork();
    const loaded = await em.findOneOrFail(Box, box.id);
    RevisionContext.run({ actor: new SystemActor('ann') }, () => (loaded.name = 'c'));
    await RevisionContext.run({ actor: new SystemActor('bob') }, () => em.flush());
    expect((await test.attributes()).map(row => [row.attribute, row.actor])).toEqual([
      ['name', 'system:ann'],
      ['notes', 'system:bob'],
    ]);
  });

  it('that throws takes the flush and its history with it', async () => {
    const box = await make();
    for (const hook of ['beforeFlushing', 'flushing', 'updating'] as const) {
      meddler[hook] = () => {
        throw new Error(`refused in ${hook}`);
      };
      const em = test.orm.em.fork();
      (await em.findOneOrFail(Box, box.id)).name = 'c';
      await expect(em.flush()).rejects.toThrow(`refused in ${hook}`);
      meddler[hook] = undefined;
    }
    expect(await test.deltas()).toHaveLength(1);
  });

  describe('that turns deletions into updates', () => {
    /** The change set becomes an update of one column, as a library for soft deletion does it. */
    const byChangeSet = ({ uow }: FlushEventArgs) => {
      for (const changeSet of uow.getChangeSets()) {
        if (changeSet.type !== ChangeSetType.DELETE) continue;
        (changeSet.entity as Item).deletedAt = noon;
        Object.assign(changeSet, { type: ChangeSetType.UPDATE, payload: { deletedAt: noon } });
      }
    };

    /** The entity is changed and its change set made anew, as the ORM's guide does it. */
    const byRecomputing = ({ em, uow }: FlushEventArgs) => {
      for (const changeSet of uow.getChangeSets() as ChangeSet<Item>[]) {
        if (changeSet.type !== ChangeSetType.DELETE) continue;
        changeSet.entity.deletedAt = noon;
        em.persist(changeSet.entity);
        changeSet.type = ChangeSetType.UPDATE;
        changeSet.payload = { deletedAt: noon };
        changeSet.originalEntity = uow.getOriginalEntityData(changeSet.entity);
      }
    };

    it.each([
      ['by its change set', byChangeSet],
      ['by a new change set', byRecomputing],
    ])('%s: the update is recorded, of loaded objects and of references', async (_, recipe) => {
      const em = test.orm.em.fork();
      const [one, two] = ['one', 'two'].map(name => em.create(Item, { name, box: null, deletedAt: null })) as Item[];
      await lives.flush(em);
      meddler.flushing = recipe;
      const other = test.orm.em.fork();
      other.remove(await other.findOneOrFail(Item, one!.id));
      await lives.flush(other);
      const last = test.orm.em.fork();
      last.remove(last.getReference(Item, two!.id));
      await lives.flush(last);
      meddler.flushing = undefined;
      const now = { deletedAt: noon.toISOString() };
      expect((await summary(test)).slice(2)).toEqual([
        ['update', `Item:${one!.id}`, { deletedAt: null }, now],
        ['update', `Item:${two!.id}`, { deletedAt: null }, now],
      ]);
      expect(await lives.shown()).toStrictEqual(lives.seen);
    });
  });
});

describe('hooks of an entity', () => {
  let test: TestOrm;
  let lives: Lives;
  beforeAll(async () => {
    test = await createOrm(Schemas as never);
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await empty(test);
    lives = new Lives(test, [Shy]);
  });

  it('what they set is recorded', async () => {
    const em = test.orm.em.fork();
    const shy = em.create(Shy, { name: 'ONE', lower: null, touched: 0 } as never) as Shy;
    await lives.flush(em);
    shy.name = 'TWO';
    await lives.flush(em);
    const other = test.orm.em.fork();
    const partly = (await other.findOneOrFail(Shy, shy.id, { fields: ['name', 'touched'] as never })) as Shy;
    partly.name = 'THREE';
    await lives.flush(other);
    expect(await summary(test)).toEqual([
      ['create', `Shy:${shy.id}`, null, { name: 'ONE', lower: 'one', touched: 0 }],
      ['update', `Shy:${shy.id}`, { name: 'ONE', lower: 'one', touched: 0 }, { name: 'TWO', lower: 'two', touched: 1 }],
      [
        'update',
        `Shy:${shy.id}`,
        { name: 'TWO', lower: 'two', touched: 1 },
        { name: 'THREE', lower: 'three', touched: 2 },
      ],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});
