import type { Configuration } from '@mikro-orm/core';
import { currentFrame } from '../context/frame-store.js';
import type { QueryBypass } from '../revy.options.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { TriggerSettings } from '../triggers/trigger-settings.js';
import { UnsafeBypassError } from './bypass.errors.js';
import { callSite } from './call-site.js';
import type { NativeRequest } from './native-writes.js';
import type { KnownTable, TrackedTables } from './tracked-tables.js';
import { type WriteVerb, type WrittenTable, writtenTables } from './written-tables.js';

/** What a write is, in the words of a message. */
interface Bypass {
  readonly write: string;
  readonly target: string;
  readonly why: string;
  readonly next: string;
}

const ALTERNATIVES: Readonly<Record<WriteVerb, (className: string) => string>> = {
  insert: name => `em.insert(${name}, ...), em.insertMany(${name}, ...) or em.upsert(${name}, ...)`,
  update: name => `em.nativeUpdate(${name}, ...)`,
  delete: name => `em.nativeDelete(${name}, ...)`,
  truncate: name => `em.nativeDelete(${name}, {})`,
  merge: name => `em.upsertMany(${name}, ...)`,
  copy: name => `em.insertMany(${name}, ...)`,
};

/** What may have to be waited for. */
export type Told = Promise<void> | undefined;

/** More than this many places would be ones that a program makes up as it runs. */
const MOST_PLACES = 1_000;

/** Deals with writes of tracked tables that are seen and not recorded, as the option `bypass` says. */
export class QueryGuard {
  readonly #warned = new Set<string>();

  constructor(
    private readonly entities: TrackedEntities,
    private readonly tables: TrackedTables,
    private readonly config: Configuration,
    private readonly triggers: TriggerSettings,
  ) {}

  /** Looks at SQL text; `by` says what runs it, in which transaction. */
  onSql(sql: string, by: string, transaction: object | undefined): Told {
    if (!this.#isMinded() && !this.triggers.isUsed) return undefined;
    return writtenTables(sql)
      .map(written => this.onTable(written, by, transaction))
      .find(told => told !== undefined);
  }

  /**
   * @returns when a trigger has been told the context, if there is one to tell; what is sent to the transaction behind it
   *   comes after it, so that one need not wait
   */
  onTable(written: WrittenTable, by: string, transaction: object | undefined): Told {
    const isMinded = this.#isMinded();
    const known = isMinded || this.triggers.isUsed ? this.tables.find(written) : undefined;
    if (!known) return undefined;
    const bypass = describe(written, known, by);
    // a trigger for rows does not see a truncate
    if (known.hasTrigger && written.verb !== 'truncate') return this.#onTriggered(bypass, transaction);
    if (isMinded) this.#report(this.entities.options.bypass.query, bypass);
    return undefined;
  }

  #onTriggered(bypass: Bypass, transaction: object | undefined): Told {
    if (transaction) return this.triggers.tell(transaction);
    const { query } = this.entities.options.bypass;
    if (this.triggers.isMissed) this.#report(query, { ...bypass, ...OUTSIDE_TRANSACTION });
    return undefined;
  }

  /** A native write of the history itself, by its entity. */
  onHistory(write: string, target: string): void {
    if (this.#isMinded()) this.#report(this.entities.options.bypass.query, { write, target, ...OF_HISTORY });
  }

  /** A native write that is not to be captured. */
  onNative({ method }: NativeRequest, className: string): void {
    const { native } = this.entities.options.bypass;
    if (native === 'capture') return;
    const next = `Set the option bypass: { native: 'capture' }, which records it, or change entities and flush them. ${UNRECORDED}`;
    this.#report(native, { write: `em.${method}()`, target: className, why: UNSEEN, next });
  }

  #isMinded(): boolean {
    const { bypass, outsideContext } = this.entities.options;
    if (bypass.query === 'ignore') return false;
    const frame = currentFrame();
    return frame ? !frame.isDisabled : outsideContext !== 'ignore';
  }

  #report(policy: QueryBypass, { write, target, why, next }: Bypass): void {
    if (policy === 'throw') throw new UnsafeBypassError(write, target, why, next);
    if (policy === 'ignore') return;
    const site = callSite();
    const key = `${site ?? ''} ${write} ${target}`;
    if (this.#warned.has(key) || this.#warned.size >= MOST_PLACES) return;
    this.#warned.add(key);
    const message = `${next === OUTSIDE_TRANSACTION.next ? 'Without its context' : 'Unrecorded'}: ${write} on ${target}${site ? ` at ${site}` : ''}: ${why}. ${next}`;
    // a warning that only shows in debug mode would not be one
    this.config.getLogger().warn('revy', message, { enabled: true });
  }
}

const UNSEEN = 'it goes past the unit of work, so the history would not know what it changed';
const UNRECORDED = 'Where the history need not know, run it in RevisionContext.runDisabled().';

const OUTSIDE_TRANSACTION = {
  why: 'its trigger records it without the context, because a context reaches the database with a transaction',
  next: 'Run it in em.transactional().',
};

const OF_HISTORY = {
  why: 'it changes the history itself, which then no longer tells what happened',
  next: 'Leave the tables of the history to Revy. To do it on purpose, run it in RevisionContext.runDisabled().',
};

function describe({ verb, table }: WrittenTable, { className }: KnownTable, by: string): Bypass {
  const write = `${verb.toUpperCase()} by ${by}`;
  if (className === undefined) return { write, target: `the table "${table}"`, ...OF_HISTORY };
  const next = `Use ${ALTERNATIVES[verb](className)}, which is recorded. ${UNRECORDED}`;
  return { write, target: `${className} (table "${table}")`, why: UNSEEN, next };
}
