import { defineEntity, p, type TransactionEventArgs, Type } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/postgresql';
import * as api from '@revy/mikro-orm';
import {
  CASCADE,
  HistoryService,
  RevertService,
  Revision,
  RevisionContext,
  revy,
  RevyError,
  SET,
  SET_NULL,
  SnapshotService,
  SystemActor,
} from '@revy/mikro-orm';
import { BLOG, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// Every failure once: raised by a real situation, its code, and its message whole. Proof-read here, and nowhere else.

class Untold {
  id!: number;
}

class Odd {
  id!: number;
  handler!: unknown;
  secret!: string | null;
}

/** A custom type that hands the database what no history can hold. */
class FunctionType extends Type<unknown, unknown> {
  override convertToDatabaseValue(value: unknown): unknown {
    return value;
  }

  override getColumnType(): string {
    return 'text';
  }
}

const UntoldSchema = defineEntity({
  class: Untold,
  revy: { track: false },
  properties: { id: p.integer().primary().autoincrement() },
});
const OddSchema = defineEntity({
  class: Odd,
  revy: { mask: ['secret'] },
  properties: {
    id: p.integer().primary().autoincrement(),
    handler: p.type(FunctionType).nullable(),
    secret: p.string().nullable(),
  },
});

/** One of many tables of its name. */
const Leaf = defineEntity({ name: 'Leaf', schema: '*', properties: { id: p.integer().primary() } });

const Star = defineEntity({
  name: 'Star',
  properties: { id: p.integer().primary(), name: p.string().unique() },
});
const Fan = defineEntity({
  name: 'Fan',
  properties: { id: p.integer().primary(), idol: () => p.manyToOne(Star).targetKey('name') },
});

const TO_COME = new Date('2999-01-01');

interface Failure {
  readonly code: string;
  /** Whole, with `<date>` in place of a date of the database. */
  readonly message: string;
  /** Facts that the error carries for whoever catches it. */
  readonly facts?: object;
  readonly raise: () => unknown;
}

let test: TestOrm;
const fork = () => test.orm.em.fork();
const snapshots = () => new SnapshotService(fork());
const history = () => new HistoryService(fork());

async function flushTag(name: string, em = fork()): Promise<void> {
  em.create(Tag, { name });
  await em.flush();
}

async function inOrm<T>(options: Parameters<typeof createOrm>[1], use: (other: TestOrm) => Promise<T>): Promise<T> {
  const other = await createOrm(BLOG, options);
  try {
    return await use(other);
  } finally {
    await other.close();
  }
}

/** Cuts the connection right after the COMMIT has been sent. MikroORM 7.2 never gets it back, so its ORM stays open. */
async function withLostConnection(use: (em: MikroORM['em']) => Promise<void>): Promise<void> {
  const other = await createOrm();
  try {
    await use(cutAtCommit(other).em.fork());
  } finally {
    await other.database.drop();
  }
}

function cutAtCommit({ orm }: TestOrm): MikroORM {
  const subscriber = {
    async beforeTransactionCommit({ transaction }: TransactionEventArgs) {
      const { pid } = (await orm.em
        .getConnection()
        .execute('select pg_backend_pid() as pid', [], 'get', transaction)) as {
        pid: number;
      };
      const pool = (await orm.em.getConnection().getNativeClient()) as unknown as { _clients: WireClient[] };
      const { connection } = pool._clients.find(client => client.processID === pid)!;
      const sync = connection.sync.bind(connection);
      connection.sync = () => {
        sync();
        connection.stream.destroy();
      };
    },
  };
  orm.em.getEventManager().registerSubscriber(subscriber);
  return orm;
}

interface WireClient {
  readonly processID: number;
  readonly connection: { sync(): void; readonly stream: { destroy(): void } };
}

/** Waits for a flush that fails, and looks whether it left anything behind. */
async function refused(other: TestOrm, flush: Promise<void>): Promise<void> {
  try {
    await flush;
  } finally {
    expect(await other.database.query('select * from tag')).toEqual([]);
  }
}

/** An ORM whose only relation is handled in a way of the test's. */
async function handled(relation: () => unknown): Promise<TestOrm> {
  const Article = defineEntity({
    name: 'Article',
    properties: { id: p.integer().primary(), author: relation as () => ReturnType<typeof p.manyToOne> },
  });
  return createOrm([...BLOG, Article as never]);
}

async function deleteAuthor(other: TestOrm): Promise<void> {
  const em = other.orm.em.fork();
  try {
    await other.database.query(`insert into "user" (id, name) values (7, 'Ann')`);
    await other.database.query('insert into article (id, author_id) values (1, 7)');
    await em.remove(await em.findOneOrFail(User, 7)).flush();
  } finally {
    await other.close();
  }
}

/** One with a key of its own, and one whose key MikroORM does not ask for, because the first needs none. */
async function createWords(): Promise<void> {
  const size = p.integer().generated('(length("text")) stored').columnType('int');
  const Word = defineEntity({
    name: 'Word',
    properties: { id: p.integer().primary().autoincrement(), text: p.string(), size },
  });
  const other = await createOrm([Word]);
  try {
    const em = other.orm.em.fork();
    em.create(Word, { id: 7, text: 'with a key' } as never);
    em.create(Word, { text: 'without' } as never);
    await em.flush();
  } finally {
    await other.close();
  }
}

const FAILURES: Record<string, Failure> = {
  AsOfBeforeHistoryError: {
    code: 'REVY_AS_OF_BEFORE_HISTORY',
    message:
      'Cannot tell what there was then: tracking began at <date>, and what is older than that may have been anything ' +
      'before. Ask for a later point.',
    raise: () => snapshots().asOf(new Date('1999-01-01'), async () => {}),
  },
  AsOfEndedError: {
    code: 'REVY_AS_OF_ENDED',
    message:
      'Cannot read with this entity manager: it belongs to a call of snapshots.asOf() that has ended. ' +
      'Await everything in the callback, and load there what you need after it.',
    raise: async () => {
      const ended = await snapshots().asOf(TO_COME, async em => em);
      await ended.find(Tag, {});
    },
  },
  AsOfSchemaError: {
    code: 'REVY_AS_OF_SCHEMA',
    message:
      'Cannot read Leaf (table "leaf") in snapshots.asOf(): it is in several schemas, ' +
      'and the history does not tell them apart. Use snapshots.at() for single objects.',
    facts: { entityName: 'Leaf', table: 'leaf' },
    raise: () =>
      inOrm({ config: { entities: [...BLOG, Leaf] } }, other =>
        new SnapshotService(other.orm.em.fork()).asOf(TO_COME, em => em.find(Leaf, {}, { schema: 'garden' })),
      ),
  },
  AsOfStatementError: {
    code: 'REVY_AS_OF_STATEMENT',
    message:
      'Cannot run CALL in snapshots.asOf(): what it reads would be the present. ' +
      'Read with a SELECT in the callback, or run it outside of it.',
    facts: { statement: 'CALL' },
    raise: () => new SnapshotService(fork()).asOf(TO_COME, em => em.execute('call tidy_up()')),
  },
  AsOfUntrackedError: {
    code: 'REVY_AS_OF_UNTRACKED',
    message:
      'Cannot read Untold (table "untold") in snapshots.asOf(): it is not tracked, so nobody knows its past. ' +
      `Track it, or read it as it is now with the option untracked: 'live'.`,
    facts: { entityName: 'Untold', table: 'untold' },
    raise: () => snapshots().asOf(TO_COME, em => em.find(Untold, {}), { untracked: 'throw' }),
  },
  AsOfVersionError: {
    code: 'REVY_AS_OF_VERSION',
    message:
      'Cannot read everything as of { version: 1 }: a version belongs to one object. ' +
      'Use the revision that made it, or snapshots.at() for that object.',
    facts: { point: { version: 1 } },
    raise: () => snapshots().asOf({ version: 1 } as never, async () => {}),
  },
  AsOfWriteError: {
    code: 'REVY_AS_OF_WRITE',
    message:
      'Cannot run UPDATE in snapshots.asOf(): what is read there is the past, and that cannot be written. ' +
      'Return what you need from the callback, and write with another entity manager after it.',
    facts: { write: 'UPDATE' },
    raise: () => snapshots().asOf(TO_COME, em => em.nativeUpdate(Tag, {}, { name: 'b' })),
  },
  DeleteRuleConflictError: {
    code: 'REVY_DELETE_RULE_CONFLICT',
    message:
      'Cannot handle deletions on Article.author: the database has the rule "cascade" for it, ' +
      `and the handler says "set null". Give the relation deleteRule: 'no action' ` +
      `(nullable relations have 'set null' by default), or remove the handler.`,
    raise: () => handled(() => p.manyToOne(User).nullable().deleteRule('cascade').revy({ onDelete: SET_NULL })),
  },
  RevertConflictError: {
    code: 'REVY_REVERT_CONFLICT',
    message:
      'Cannot revert: User 1.name: changed by the system in revision 3, <date> and 1 more. Nothing was changed. ' +
      "Look at the plan of this error, and say with onConflict what to do: 'keep' the present values, " +
      "'overwrite' them, or a function for each conflict.",
    raise: () =>
      inOrm({}, async ({ orm }) => {
        const em = orm.em.fork();
        const user = em.create(User, { name: 'Ann', email: null });
        await em.flush();
        for (const name of ['Beth', 'Cleo']) {
          Object.assign(user, { name, email: `${name}@x` });
          await em.flush();
        }
        await new RevertService(em).revision(2);
      }),
  },
  UnknownRelationError: {
    code: 'REVY_UNKNOWN_RELATION',
    message: 'Cannot revert along "writers": User has no such relation. It has none.',
    facts: { className: 'User', relation: 'writers', known: [] },
    raise: () =>
      inOrm({}, async ({ orm }) => {
        const em = orm.em.fork();
        em.create(User, { name: 'Ann', email: null });
        await em.flush();
        await new RevertService(em).toVersion(User, 1, 1, { relations: ['writers' as never] });
      }),
  },
  NothingToRevertError: {
    code: 'REVY_NOTHING_TO_REVERT',
    message:
      'Cannot undelete User 7: its history has nothing to undelete. Its deltas, which HistoryService.deltas lists, ' +
      'say what happened to it.',
    facts: { className: 'User', objectId: '7' },
    raise: () => new RevertService(test.orm.em.fork()).undelete(User, 7),
  },
  SeveralSchemasError: {
    code: 'REVY_SEVERAL_SCHEMAS',
    message:
      'Cannot revert revision 1 as a whole: objects in several schemas were changed ("north", "south"), and a revert ' +
      'works in one. Revert object by object, with toVersion() or undelete() and an entity manager of each schema.',
    facts: { revisions: [1], schemas: ['north', 'south'] },
    raise: () =>
      inOrm({ config: { entities: [...BLOG, Leaf] } }, async ({ orm, database }) => {
        for (const schema of ['north', 'south']) {
          await database.query(`create schema ${schema}; create table ${schema}.leaf (id int primary key)`);
        }
        const em = orm.em.fork();
        await em.transactional(async inner => {
          for (const schema of ['north', 'south']) await inner.insert(Leaf, { id: 1 }, { schema });
        });
        await new RevertService(em).revision(1);
      }),
  },
  UnusableDeleteHandlerError: {
    code: 'REVY_UNUSABLE_DELETE_HANDLER',
    message:
      'Cannot handle deletions on Article.author: it is no relation that its own table holds. ' +
      'Put the handler on the to-one relation whose table holds the foreign key.',
    raise: () => handled(() => p.string().revy({ onDelete: CASCADE })),
  },
  UnusableSetValueError: {
    code: 'REVY_UNUSABLE_SET_VALUE',
    message:
      `Cannot set Article.author to { no: 'key' }, as its handler says: ` +
      'that is no key, and no entity that has one. Return an entity that is in the database, its key, or null.',
    raise: async () =>
      deleteAuthor(
        await handled(() =>
          p
            .manyToOne(User)
            .deleteRule('no action')
            .revy({ onDelete: SET(() => ({ no: 'key' })) }),
        ),
      ),
  },
  UnknownKeyError: {
    code: 'REVY_UNKNOWN_KEY',
    message:
      'Cannot record the creation of Word: the ORM does not know the key of the row that it inserted, so nobody ' +
      'could find its history. MikroORM 7.2 loses keys where one flush inserts objects of a class with a key and ' +
      'others without: give all of them a key, or flush them apart.',
    facts: { entityName: 'Word' },
    raise: createWords,
  },
  ContextOutsideFrameError: {
    code: 'REVY_CONTEXT_OUTSIDE_FRAME',
    message:
      'Cannot change "actor" of the revision context: no frame is open here, so nothing would hold the change. ' +
      'Wrap the code in RevisionContext.run({}, () => ...), or pass the value to RevisionContext.run itself.',
    facts: { key: 'actor' },
    raise: () => RevisionContext.set('actor', null),
  },
  ContextRequiredError: {
    code: 'REVY_CONTEXT_REQUIRED',
    message:
      'Cannot write Tag: the option "require" asks for an actor (an entity or a SystemActor; null is nobody) and ' +
      'a revisionDescription, and the revision context has none. ' +
      'Wrap the code in RevisionContext.run({ actor, revisionDescription }, () => ...); ' +
      'work that need not be recorded goes into RevisionContext.runDisabled().',
    facts: { entityName: 'Tag', missing: ['actor', 'description'] },
    raise: () =>
      inOrm({ revy: { require: ['actor', 'description'] } }, other =>
        refused(other, flushTag('a', other.orm.em.fork())),
      ),
  },
  EmptyActorNameError: {
    code: 'REVY_EMPTY_ACTOR_NAME',
    message:
      'Cannot make a SystemActor: its name is empty, so nobody could tell it from another system. ' +
      "Give it a name, as in new SystemActor('importer'), or use the actor null for the system as a whole.",
    raise: () => new SystemActor('  '),
  },
  RevyOptionError: {
    code: 'REVY_OPTION',
    message: `Cannot set up Revy: the option "track" is 'some'. Use 'all' or 'marked'.`,
    facts: { option: 'track', value: 'some' },
    raise: () => revy({ track: 'some' as never }),
  },
  RevyNotInstalledError: {
    code: 'REVY_NOT_INSTALLED',
    message:
      'Cannot reach the history: this entity manager belongs to an ORM that does not run Revy. ' +
      'Add revy() to "extensions" in its MikroORM configuration.',
    raise: async () => {
      const other = await MikroORM.init({ clientUrl: test.database.url, entities: BLOG });
      try {
        await new SnapshotService(other.em.fork()).at(Post, 1, { version: 1 });
      } finally {
        await other.close(true);
      }
    },
  },
  DuplicateTypeError: {
    code: 'REVY_DUPLICATE_TYPE',
    message:
      'Cannot track two entities as "User": their histories would mix. ' +
      "Give one of them another stored type: @Tracked({ as: '...' }), or revy: { as: '...' } in defineEntity.",
    facts: { type: 'User' },
    raise: async () => {
      const Impostor = defineEntity({
        class: class Impostor {},
        revy: { as: 'User' },
        properties: { id: p.integer().primary() },
      });
      await MikroORM.init({ clientUrl: test.database.url, entities: [...BLOG, Impostor], extensions: [revy()] });
    },
  },
  UnreadableRelationError: {
    code: 'REVY_UNREADABLE_RELATION',
    message:
      'Cannot populate "idol" of Fan at a point: it refers to another column than the key. ' +
      'Read its target in a query of its own.',
    facts: { entityName: 'Fan', relation: 'idol' },
    raise: () =>
      inOrm({ config: { entities: [Star, Fan] } }, other =>
        new SnapshotService(other.orm.em.fork()).many(Fan, [1], TO_COME, { populate: ['idol'] }),
      ),
  },
  UnsupportedConditionError: {
    code: 'REVY_UNSUPPORTED_CONDITION',
    message:
      'Cannot select User as of a point by "name.$like": only the database has this operator. ' +
      'Use attributes that are recorded, with a value, a list of values, $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, ' +
      '$and, $or and $not, or pass the keys of the objects.',
    facts: { entityName: 'User', condition: 'name.$like' },
    raise: () => snapshots().many(User, { name: { $like: 'A%' } } as never),
  },
  RowHookError: {
    code: 'REVY_ROW_HOOK',
    message:
      'Cannot record this transaction, so its changes are rolled back with it: the option "onRevision" threw ' +
      '(no address). What it threw is the cause of this error. ' +
      'The entity manager believes that it has flushed: go on with a fresh fork.',
    facts: { hook: 'onRevision', cause: new Error('no address') },
    raise: () =>
      inOrm({ revy: { onRevision: () => Promise.reject(new Error('no address')) } }, other =>
        refused(other, flushTag('a', other.orm.em.fork())),
      ),
  },
  FormerNameError: {
    code: 'REVY_FORMER_NAME',
    message:
      'Cannot read "title" of Shop under its former name "name": that is an attribute of its own now, and nothing in ' +
      'the history tells the two apart. Give one of them another name.',
    facts: { entityName: 'Shop', attribute: 'title', formerly: 'name' },
    raise: async () => {
      const Shop = defineEntity({
        class: class Shop {},
        revy: { formerly: { title: 'name' } },
        properties: { id: p.integer().primary(), title: p.string(), name: p.string() },
      });
      await MikroORM.init({ clientUrl: test.database.url, entities: [Shop], extensions: [revy()] });
    },
  },
  UntriggerableError: {
    code: 'REVY_UNTRIGGERABLE',
    message:
      'Cannot record Badge by triggers: the database cannot call the mask function of "pin". ' +
      'Use mask: true or exclude "pin", or leave out triggers: true.',
    facts: { entityName: 'Badge' },
    raise: async () => {
      const Badge = defineEntity({
        class: class Badge {},
        revy: { triggers: true },
        properties: { id: p.integer().primary(), pin: p.string().revy({ mask: () => '***' }) },
      });
      await MikroORM.init({ clientUrl: test.database.url, entities: [Badge], extensions: [revy()] });
    },
  },
  UnusableTypeError: {
    code: 'REVY_UNUSABLE_TYPE',
    message:
      'Cannot track Shop as "shop@north": the history puts "@" between a type and the schema of its rows. ' +
      "Give it a stored type without it: @Tracked({ as: '...' }), or revy: { as: '...' } in defineEntity.",
    facts: { entityName: 'Shop', type: 'shop@north' },
    raise: async () => {
      const Shop = defineEntity({
        class: class Shop {},
        revy: { as: 'shop@north' },
        properties: { id: p.integer().primary() },
      });
      await MikroORM.init({ clientUrl: test.database.url, entities: [Shop], extensions: [revy()] });
    },
  },
  UnknownAttributeError: {
    code: 'REVY_UNKNOWN_ATTRIBUTE',
    message: 'Cannot find "nmae" on Tag: it has no such attribute. It has: id, name, posts.',
    facts: { entityName: 'Tag', attribute: 'nmae' },
    raise: () => history().deltas(Tag, 1, { changed: 'nmae' as never }),
  },
  DifferentClassesError: {
    code: 'REVY_DIFFERENT_CLASSES',
    message:
      'Cannot compare Post with Tag: they are not of one class, so that their attributes have nothing to do with each ' +
      'other. Ask for both by one class, which they may inherit from.',
    facts: { entityName: 'Post', otherName: 'Tag' },
    raise: () => history().diff({ type: Post, key: 1 }, { type: Tag as never, key: 1 }),
  },
  MaskedValueError: {
    code: 'REVY_MASKED_VALUE',
    message:
      'Cannot search the history of Odd by the value of "secret": it is masked, so its values are not recorded. ' +
      'Ask whether it was changed, by whom, or from or to null.',
    facts: { entityName: 'Odd', attribute: 'secret' },
    raise: () => history().deltas({ type: Odd, changed: { secret: { to: 'guess' } } }),
  },
  UnusableFilterError: {
    code: 'REVY_UNUSABLE_FILTER',
    message: 'Cannot search the history: the filter "limit" is 0. Use a whole number from 1.',
    facts: { filter: 'limit', value: 0 },
    raise: () => history().revisions({ limit: 0 }),
  },
  UnusableCursorError: {
    code: 'REVY_UNUSABLE_CURSOR',
    message:
      "Cannot go on behind 'page 2': it is no place in a list of revisions. " +
      'Pass the "next" of the page before, or leave "after" out to begin.',
    facts: { cursor: 'page 2' },
    raise: () => history().revisions({ after: 'page 2' }),
  },
  UntrackedEntityError: {
    code: 'REVY_UNTRACKED_ENTITY',
    message:
      'Cannot read the history of Untold: its changes are not tracked. ' +
      "Add @Tracked() to the class, or remove what leaves it out (@Untracked(), or track: 'marked').",
    facts: { entityName: 'Untold' },
    raise: () => snapshots().at(Untold, 1, { version: 1 }),
  },
  NoTransactionError: {
    code: 'REVY_NO_TRANSACTION',
    message:
      'Cannot write Tag: no transaction of MikroORM would hold the change and its history together. ' +
      'Wrap it in em.transactional(), or leave "implicitTransactions" on; ' +
      'work that need not be recorded goes into RevisionContext.runDisabled().',
    facts: { entityName: 'Tag' },
    raise: () =>
      inOrm({ config: { implicitTransactions: false } }, async other => {
        await refused(other, flushTag('a', other.orm.em.fork()));
      }),
  },
  OutsideContextError: {
    code: 'REVY_OUTSIDE_CONTEXT',
    message:
      'Cannot write Tag: no revision context says who makes the change. ' +
      'Wrap the code in RevisionContext.run({ actor }, () => ...); ' +
      `the option outsideContext: 'track' would record it as the system's.`,
    facts: { entityName: 'Tag' },
    raise: () => inOrm({ revy: { outsideContext: 'throw' } }, other => flushTag('a', other.orm.em.fork())),
  },
  HistoryWriteError: {
    code: 'REVY_HISTORY_WRITE',
    message:
      'Cannot record the history of this transaction, so its changes are rolled back with it: ' +
      'relation "revy_object_delta" does not exist. ' +
      'The entity manager believes that it has flushed: go on with a fresh fork. ' +
      'If a table is missing, run the schema generator or your migrations.',
    facts: { cause: expect.any(Error) },
    raise: () =>
      inOrm({}, async other => {
        await other.database.query('drop table revy_object_delta cascade');
        await refused(other, flushTag('a', other.orm.em.fork()));
      }),
  },
  MaskFunctionError: {
    code: 'REVY_MASK_FUNCTION',
    message:
      'Cannot record a value of Card.number: its mask failed, it returned no text. ' +
      'Nothing was committed. Let the function return the text to store, for every value that is not null.',
    facts: { attribute: 'Card.number' },
    raise: () => {
      const Card = defineEntity({
        name: 'Card',
        properties: { id: p.integer().primary(), number: p.string().revy({ mask: () => undefined as never }) },
      });
      return inOrm({ config: { entities: [Card] } }, async ({ orm }) => {
        const em = orm.em.fork();
        em.create(Card, { id: 1, number: '4111' });
        await em.flush();
      });
    },
  },
  InterruptedWriteError: {
    code: 'REVY_INTERRUPTED_WRITE',
    message:
      'Cannot commit this transaction: a write in it failed half way (refused by a hook), ' +
      'and the history cannot tell what it had done by then. Roll the transaction back. ' +
      'To go on after such a failure, make the write in an em.transactional() of its own inside the transaction, ' +
      'whose savepoint takes it back.',
    facts: { cause: expect.any(Error) },
    raise: () =>
      inOrm({}, async other => {
        const refuse = () => {
          throw new Error('refused by a hook');
        };
        other.orm.em.getEventManager().registerSubscriber({ afterCreate: refuse });
        const commit = other.orm.em.fork().transactional(async em => {
          await flushTag('a', em).catch(() => {});
          em.clear();
        });
        await refused(other, commit);
      }),
  },
  UnserialisableValueError: {
    code: 'REVY_UNSERIALISABLE_VALUE',
    message:
      'Cannot record the attribute "handler": its database value is a function, which cannot be stored. ' +
      'Let its custom type return text, a number, a boolean, bytes, a date or JSON, or exclude the attribute.',
    facts: { attribute: 'handler', kind: 'function' },
    raise: async () => {
      const em = fork();
      const odd = em.create(Odd, { handler: null, secret: null });
      await em.flush();
      // two actors changed the attribute, so history has to keep what the first one set as well
      RevisionContext.run({ actor: new SystemActor('first') }, () => void (odd.handler = () => {}));
      RevisionContext.run({ actor: new SystemActor('second') }, () => void (odd.handler = 'text'));
      await em.flush();
    },
  },
  UnknownCommitError: {
    code: 'REVY_UNKNOWN_COMMIT',
    message:
      'Cannot tell whether this transaction was committed: the connection was lost meanwhile ' +
      '(Connection terminated unexpectedly). ' +
      'Its changes and their history are there together, or not at all: look before you try again.',
    facts: { cause: expect.any(Error) },
    raise: () => withLostConnection(em => flushTag('a', em)),
  },
  UnloadedRevisionError: {
    code: 'REVY_UNLOADED_REVISION',
    message:
      'Cannot load the actors of this revision: it was made by the application and not read from the database. ' +
      'Find it first, with history.revisions() or em.findOne(Revision, id).',
    raise: () => new Revision().actors,
  },
  UnsafeBypassError: {
    code: 'REVY_UNSAFE_BYPASS',
    message:
      'Cannot run DELETE by QueryBuilder on Tag (table "tag"): it goes past the unit of work, so the history would not ' +
      'know what it changed. Use em.nativeDelete(Tag, ...), which is recorded. Where the history need not know, run ' +
      'it in RevisionContext.runDisabled().',
    facts: { write: 'DELETE by QueryBuilder', target: 'Tag (table "tag")' },
    raise: () =>
      inOrm({ revy: { bypass: 'throw' } }, async ({ orm }) => orm.em.fork().createQueryBuilder(Tag).delete().execute()),
  },
  UnserialisableMetadataError: {
    code: 'REVY_UNSERIALISABLE_METADATA',
    message:
      "Cannot record the context's metadata: it has no JSON form (Do not know how to serialize a BigInt). " +
      'Put text, numbers, booleans, null, arrays and plain objects into it; a bigint goes in as text.',
    facts: { cause: expect.any(TypeError) },
    raise: () => RevisionContext.run({ metadata: { ticket: 7n } }, () => flushTag('a')),
  },
  UnusableActorError: {
    code: 'REVY_UNUSABLE_ACTOR',
    message:
      'Cannot use Date as an actor: it is not an entity of this ORM. ' +
      "Use an entity, new SystemActor('name'), or null for the system.",
    facts: { actorName: 'Date' },
    raise: () => RevisionContext.run({ actor: new Date() }, () => flushTag('a')),
  },
  UnusableCapturedContextError: {
    code: 'REVY_UNUSABLE_CAPTURED_CONTEXT',
    message:
      "Cannot restore a revision context from { actor: 'Ann' }: this is not what captureContext() gives. " +
      'Store that value with the job as it is, and hand it on; ' +
      'a job that was stored without one runs in RevisionContext.run().',
    facts: { value: { actor: 'Ann' } },
    raise: () => api.runWithCaptured({ actor: 'Ann' } as never, () => {}),
  },
  UnusableRevisionError: {
    code: 'REVY_UNUSABLE_REVISION',
    message:
      `Cannot write into an object of class Date: the context's "revision" has to be a Revision, or a function that returns one. ` +
      'Use revision: () => new Revision(), or a revision that was loaded.',
    raise: () => RevisionContext.run({ revision: () => new Date() }, () => flushTag('a')),
  },
  UnknownRevisionError: {
    code: 'REVY_UNKNOWN_REVISION',
    message:
      'Cannot find revision 4711: there is none with this id. Look one up with history.revisions(), or use a Date.',
    facts: { revision: 4711 },
    raise: () => snapshots().at(User, 1, { revision: 4711 }),
  },
  UnknownVersionError: {
    code: 'REVY_UNKNOWN_VERSION',
    message: 'Cannot find version 9 of User 1: it has the versions 1 to 2.',
    facts: { entityName: 'User', objectId: '1', version: 9 },
    raise: () => snapshots().at(User, 1, { version: 9 }),
  },
  PointBeforeHistoryError: {
    code: 'REVY_POINT_BEFORE_HISTORY',
    message:
      'Cannot tell what User 50 was then: it is older than its history, and tracking began at <date>. ' +
      'Ask for a later point.',
    facts: { entityName: 'User', objectId: '50', since: expect.any(Date) },
    raise: () => snapshots().at(User, 50, new Date('2001-01-01')),
  },
  UnusablePointError: {
    code: 'REVY_UNUSABLE_POINT',
    message:
      "Cannot read history at '2026-01-01': it is not a point in it. Use a Date, a Revision, " +
      '{ revision: id }, { before: id }, { after: id }, or { version: n } from 1.',
    facts: { point: '2026-01-01' },
    raise: () => snapshots().at(User, 1, '2026-01-01' as never),
  },
  UnusableKeyError: {
    code: 'REVY_UNUSABLE_KEY',
    message: `Cannot use 'one' as the key of User: its primary key is (id). Pass its value.`,
    facts: { entityName: 'User', key: 'one' },
    raise: () => snapshots().at(User, 'one' as never, { version: 1 }),
  },
};

const CLASSES = Object.entries(api).filter(
  ([, one]) => (one as { prototype?: unknown }).prototype instanceof RevyError,
);

beforeAll(async () => {
  test = await createOrm([...BLOG, UntoldSchema, OddSchema]);
  await test.database.query(`insert into "user" (id, name) values (50, 'Old')`);
  const em = fork();
  const user = em.create(User, { name: 'Ann', email: null });
  await em.flush();
  user.name = 'Anna';
  await em.flush();
});
afterAll(() => test.close());

async function failureOf(raise: () => unknown): Promise<unknown> {
  try {
    await raise();
  } catch (error) {
    return error;
  }
  return undefined;
}

it('every class of error is listed here', () => {
  expect(Object.keys(FAILURES).sort()).toEqual(CLASSES.map(([name]) => name).sort());
});

it('every code is its own', () => {
  const codes = Object.values(FAILURES).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^REVY_[A-Z]+(_[A-Z]+)*$/);
});

describe.each(Object.entries(FAILURES))('%s', (name, { code, message, facts = {}, raise }) => {
  it('is raised, with its code, its facts and its words', async () => {
    const failure = await failureOf(raise);
    expect(failure).toBeInstanceOf(RevyError);
    expect((failure as Error).constructor).toBe((api as Record<string, unknown>)[name]);
    expect(failure).toMatchObject({ name, code, ...facts });
    const words = (failure as Error).message;
    expect(words.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/, '<date>')).toBe(message);
  });

  it('reads as a sentence: what could not be done, to what, why, and what to do', async () => {
    const words = ((await failureOf(raise)) as Error).message;
    expect(words).toMatch(/^Cannot [a-z]/);
    expect(words).toMatch(/\.$/);
    expect(words).toMatch(/: /);
    expect(words).not.toMatch(/!|\binvalid\b|undefined|\[object|\b(\w+) \1\b| {2}/i);
  });
});

describe('other words for other situations', () => {
  const messageOf = async (raise: () => unknown) => ((await failureOf(raise)) as Error | undefined)?.message;

  it('UnusableActorError: an entity without a key', async () => {
    const stranger = fork().create(User, { name: 'never saved', email: null });
    expect(await messageOf(() => RevisionContext.run({ actor: stranger }, () => flushTag('a')))).toBe(
      'Cannot use User as an actor: it has no primary key. Persist it, at the latest in the flush that it acts in.',
    );
    expect(await test.database.query('select * from tag')).toEqual([]);
  });

  it('UnknownVersionError: an object without history', async () => {
    expect(await messageOf(() => snapshots().at(User, 777, { version: 1 }))).toBe(
      'Cannot find version 1 of User 777: it has no recorded version.',
    );
  });

  it('UnusableRevisionError: a plain value, or nothing', async () => {
    const wording = (given: string) =>
      `Cannot write into ${given}: the context's "revision" has to be a Revision, or a function that returns one. ` +
      'Use revision: () => new Revision(), or a revision that was loaded.';
    expect(await messageOf(() => RevisionContext.run({ revision: () => 7 as never }, () => flushTag('a')))).toBe(
      wording('7'),
    );
    expect(await messageOf(() => RevisionContext.run({ revision: {} }, () => flushTag('a')))).toBe(
      wording('an object of class Object'),
    );
  });

  it('RevyOptionError: an option that is not known, and a number that is too small', async () => {
    expect(await messageOf(() => revy({ tracked: 'all' } as never))).toBe(
      `Cannot set up Revy: the option "tracked" is 'all'. ` +
        'Use one of the options track, outsideContext, require, tablePrefix, keyframeEvery, maskWith, hidden, bypass, ' +
        'schema, entities, onRevision, onObjectDelta.',
    );
    expect(await messageOf(() => revy({ keyframeEvery: 1 }))).toBe(
      'Cannot set up Revy: the option "keyframeEvery" is 1. Use a whole number from 2 to 64.',
    );
  });

  it('RevyOptionError: a value of another type than the option has', async () => {
    expect(await messageOf(() => revy({ maskWith: 7 as never }))).toBe(
      'Cannot set up Revy: the option "maskWith" is 7. Use text.',
    );
    expect(await messageOf(() => revy({ tablePrefix: null as never }))).toBe(
      'Cannot set up Revy: the option "tablePrefix" is null. Use text.',
    );
  });

  it('UnusableFilterError: each filter, with what to use in its place', async () => {
    const deltas = (filter: object) => messageOf(() => history().deltas(filter as never));
    const wording = (filter: string, value: string, use: string) =>
      `Cannot search the history: the filter "${filter}" is ${value}. Use ${use}.`;
    expect(await deltas({ keys: [1] })).toBe(wording('keys', '[ 1 ]', 'it with one class as "type"'));
    expect(await deltas({ changed: 'title' })).toBe(
      wording('changed', "'title'", 'it with "type" or "objects", whose attributes it names'),
    );
    expect(await deltas({ type: Post, changed: 'comments' })).toBe(
      wording('changed', "'comments'", '"post" of Comment, which records it'),
    );
    expect(await deltas({ type: Post, changed: { meta: { to: { $gt: 1 } } } })).toBe(
      wording('changed.meta', "{ '$gt': 1 }", 'a value, or $eq, $ne, $in, $nin'),
    );
    expect(await deltas({ type: Post, changed: { views: { to: { $like: '1' } } } })).toBe(
      wording('changed.views', "{ '$like': '1' }", 'a value, or $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte'),
    );
    expect(await deltas({ type: Post, changed: { title: { description: { $gt: 'x' } } } })).toBe(
      wording('description', "{ '$gt': 'x' }", '$eq, $ne, $in, $like or $ilike'),
    );
  });

  it('reverts by a filter: one that finds nothing, one that says nothing, and one with a hole in it', async () => {
    const revert = (filter: object) => messageOf(() => new RevertService(fork()).revision(filter));
    expect(await revert({ actor: new SystemActor('nobody') })).toBe(
      'Cannot revert: the filter finds no revision. HistoryService.revisions lists what it finds.',
    );
    expect(await revert({ order: 'desc' })).toBe(
      'Cannot search the history: the filter "revisions" is { order: \'desc\' }. ' +
        'Use at least one condition: it would revert the whole history.',
    );
    expect(await revert({ actor: undefined, limit: 1 })).toBe(
      'Cannot search the history: the filter "actor" is undefined. ' +
        'Use a value, or leave it out: a revert does not guess.',
    );
  });

  it('UnusableKeyError: a key of several columns, and a key that is missing', async () => {
    expect(await messageOf(() => snapshots().at(User, undefined as never, { version: 1 }))).toBe(
      'Cannot use undefined as the key of User: its primary key is (id). Pass its value.',
    );
    expect(new api.UnusableKeyError('Seat', ['A'], ['hall', 'row']).message).toBe(
      "Cannot use [ 'A' ] as the key of Seat: its primary key is (hall, row). Pass an array or an object with a value for each of them.",
    );
  });

  it('UnusablePointError: whatever is no point', async () => {
    const points: [unknown, string][] = [
      [null, 'null'],
      [new Date(Number.NaN), 'Invalid Date'],
      [{ version: 0 }, '{ version: 0 }'],
      [{ version: 1.5 }, '{ version: 1.5 }'],
      [{ version: '1' }, "{ version: '1' }"],
      [{ revision: -1 }, '{ revision: -1 }'],
      [{ before: null }, '{ before: null }'],
      [{}, '{}'],
      [17, '17'],
    ];
    for (const [point, shown] of points) {
      expect(await messageOf(() => snapshots().at(User, 1, point as never))).toBe(
        `Cannot read history at ${shown}: it is not a point in it. Use a Date, a Revision, ` +
          '{ revision: id }, { before: id }, { after: id }, or { version: n } from 1.',
      );
    }
  });

  it('AsOfStatementError: several statements', async () => {
    expect(
      await messageOf(() => new SnapshotService(fork()).asOf(TO_COME, em => em.execute('select 1; select 2'))),
    ).toBe('Cannot run several statements at once in snapshots.asOf(): select 1; select 2. Run them one by one.');
  });

  it('UnusablePointError: a revision that was never written', async () => {
    expect(await failureOf(() => snapshots().at(User, 1, new Revision()))).toBeInstanceOf(api.UnusablePointError);
    expect(await failureOf(() => snapshots().at(User, 1, { before: new Revision() }))).toBeInstanceOf(
      api.UnusablePointError,
    );
  });

  it('a context key is named in the refusal of each call that would change it', async () => {
    const wording = (key: string) =>
      `Cannot change "${key}" of the revision context: no frame is open here, so nothing would hold the change. ` +
      'Wrap the code in RevisionContext.run({}, () => ...), or pass the value to RevisionContext.run itself.';
    expect(await messageOf(() => RevisionContext.unset('metadata'))).toBe(wording('metadata'));
    expect(await messageOf(() => RevisionContext.reset('revision'))).toBe(wording('revision'));
    expect(await messageOf(() => RevisionContext.disable())).toBe(wording('isDisabled'));
    expect(await messageOf(() => RevisionContext.enable())).toBe(wording('isDisabled'));
  });
});
