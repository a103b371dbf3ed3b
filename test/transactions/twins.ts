import type { EventSubscriber } from '@mikro-orm/core';
import type { MikroORM, Options } from '@mikro-orm/postgresql';
import type { RevyOptions } from '@revy/mikro-orm';
import { BLOG } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { forget as forgetHistory, installWitness, recorded, witnessed } from './witness.js';

/** What a piece of work came to: its value, or the error in the words that its caller meets. */
export type Outcome = { readonly value: unknown } | { readonly error: string; readonly code: unknown };

export interface Twin {
  readonly orm: MikroORM;
  /** Hooks for one piece of work, called before those of Revy; taken away after it. */
  readonly hooks: Hooks;
  /** The same, called after those of Revy. */
  readonly lateHooks: Hooks;
}

/** The same ORM twice, on two databases with the same rows: one is tracked, and one does not know of Revy. */
export interface Twins {
  readonly tracked: TestOrm;
  /** The tracked one, for work on it alone; who puts hooks in takes them away. */
  readonly twin: Twin;
  /** Runs work on both, and holds them to the same outcome and the same rows; the history, to what triggers saw. */
  both(work: (twin: Twin) => Promise<unknown>): Promise<Outcome>;
  /** Empties the history and what the triggers saw. */
  forget(): Promise<void>;
  /** The same, and the tables of both. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

const EVENTS = `beforeFlush onFlush afterFlush beforeTransactionStart afterTransactionStart beforeTransactionCommit
  afterTransactionCommit beforeTransactionRollback afterTransactionRollback beforeCreate afterCreate beforeUpdate
  afterUpdate beforeDelete afterDelete`.split(/\s+/);

export type Hooks = Record<string, ((args: never) => unknown) | undefined>;

/** A subscriber whose hooks can be put in later; MikroORM looks only once which hooks there are. */
function openHooks(): { subscriber: EventSubscriber; hooks: Hooks } {
  const hooks: Hooks = {};
  const subscriber = Object.fromEntries(EVENTS.map(event => [event, (args: never) => hooks[event]?.(args)]));
  return { subscriber: subscriber as EventSubscriber, hooks };
}

export async function createTwins(
  options: { readonly config?: Partial<Options>; readonly revy?: RevyOptions } = {},
): Promise<Twins> {
  const make = async (revy: RevyOptions | false) => {
    const [before, after] = [openHooks(), openHooks()];
    const config = { ...options.config, subscribers: [before.subscriber] };
    const test = await createOrm(BLOG, { revy, config });
    test.orm.em.getEventManager().registerSubscriber(after.subscriber);
    return { test, twin: { orm: test.orm, hooks: before.hooks, lateHooks: after.hooks } };
  };
  const [tracked, plain] = [await make(options.revy ?? {}), await make(false)];
  await installWitness(tracked.test);
  const forget = () => forgetHistory(tracked.test);
  const outcomes = async (work: (twin: Twin) => Promise<unknown>) => {
    const settled: Outcome[] = [];
    for (const { twin } of [plain, tracked]) {
      settled.push(await outcome(() => work(twin)));
      for (const hooks of [twin.hooks, twin.lateHooks]) for (const event of Object.keys(hooks)) delete hooks[event];
    }
    return settled;
  };
  return {
    tracked: tracked.test,
    twin: tracked.twin,
    async both(work) {
      const [untracked, ours] = await outcomes(work);
      expect(ours).toEqual(untracked);
      expect(await rows(tracked.test)).toEqual(await rows(plain.test));
      expect(await recorded(tracked.test)).toEqual(await witnessed(tracked.test));
      return ours!;
    },
    forget,
    async empty() {
      for (const { test } of [tracked, plain]) {
        await test.database.query('truncate "user", post, comment, tag, post_tags restart identity');
      }
      await forget();
    },
    async close() {
      await tracked.test.close();
      await plain.test.close();
    },
  };
}

export async function outcome(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    const { name, message, code } = error as Error & { code?: unknown };
    return { error: `${name}: ${message}`, code };
  }
}

async function rows({ database }: TestOrm): Promise<Record<string, unknown>> {
  const contents: Record<string, unknown> = {};
  for (const table of ['user', 'post', 'comment', 'tag', 'post_tags']) {
    contents[table] = await database.query(`select * from "${table}" order by 1, 2`);
  }
  return contents;
}
