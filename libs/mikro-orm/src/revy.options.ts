import { classOf, type SwappedEntities } from './model/history-classes.js';
import { LONGEST_TAIL } from './model/keyframe.js';
import { ObjectDelta } from './model/object-delta.entity.js';
import { Revision } from './model/revision.entity.js';
import type { ObjectDeltaHook, RevisionHook } from './model/row-hook.js';
import { RevyOptionError } from './revy.errors.js';

/** What happens to a write of tracked rows that Revy can only see go by, and not record. */
export type QueryBypass = 'warn' | 'throw' | 'ignore';

/** What happens to the entity manager's own native writes of tracked rows. */
export type NativeBypass = 'capture' | QueryBypass;

/** What happens to writes that go past the unit of work, by their kind. */
export interface BypassOptions {
  /**
   * `em.insert`, `insertMany`, `nativeUpdate`, `nativeDelete`, `upsert`, `upsertMany`, `clone`, and the repositories'
   * twins: they are recorded, or logged as unrecorded, or refused with an `UnsafeBypassError`, or left alone.
   *
   * @defaultValue `'capture'`
   */
  readonly native?: NativeBypass;
  /**
   * Writes of tracked tables, and of the history's own, by QueryBuilder, `em.execute`, `em.getConnection().execute`
   * and `em.getKysely()`: logged once for each place in the code, or refused with an `UnsafeBypassError` before
   * anything is written, or left alone.
   *
   * @defaultValue `'warn'`
   */
  readonly query?: QueryBypass;
}

/** What a context can be required to say: an actor other than `null`, or a `revisionDescription` that is not blank. */
export type ContextRequirement = 'actor' | 'description';

/** Options of `revy()`. */
export interface RevyOptions<R extends Revision = Revision, D extends ObjectDelta = ObjectDelta> {
  /**
   * Which entities are tracked: all but those marked `@Untracked()`, or only those marked `@Tracked()`.
   *
   * @defaultValue `'all'`
   */
  readonly track?: 'all' | 'marked';
  /**
   * What a flush outside every {@link RevisionContext} does: it is recorded with the system as its actor, it goes
   * unrecorded, or it is refused with an `OutsideContextError`.
   *
   * @defaultValue `'track'`
   */
  readonly outsideContext?: 'track' | 'ignore' | 'throw';
  /**
   * What every recorded change has to come with: its flush or native write is refused with a `ContextRequiredError`
   * before anything is written, and so is a COMMIT whose revision would lack it.
   *
   * @defaultValue `[]`
   */
  readonly require?: readonly ContextRequirement[];
  /**
   * Database schema of the history's tables.
   *
   * @defaultValue the option `schema` of the ORM, else the schema of the connection
   */
  readonly schema?: string;
  /**
   * What the names of the history's tables start with.
   *
   * @defaultValue `'revy_'`
   */
  readonly tablePrefix?: string;
  /**
   * Every how many deltas of an object its full state is stored beside the change, from 2 to 64. Lower means faster
   * rebuilds and more disk.
   *
   * @defaultValue `8`
   */
  readonly keyframeEvery?: number;
  /**
   * Text stored in place of a masked attribute's value.
   *
   * @defaultValue `'[FILTERED]'`
   */
  readonly maskWith?: string;
  /**
   * What is recorded of properties that MikroORM hides from serialisation, `hidden: true`, such as the hash of a
   * password: that they changed and not their values, or their values like any others. A property that says
   * `revy: { mask: false }` is recorded either way. Relations and collections are, too.
   *
   * @defaultValue `'mask'`
   */
  readonly hidden?: 'mask' | 'track';
  /**
   * What happens to writes that go past the unit of work: one answer for every kind of them, or one for each. Where
   * tracking is disabled, none of them is minded.
   *
   * @defaultValue `{ native: 'capture', query: 'warn' }`
   */
  readonly bypass?: NativeBypass | BypassOptions;
  /**
   * Entities of the application in place of `Revision` and `ObjectDelta`, which they extend: with more columns and
   * relations, in tables and schemas of their own names.
   *
   * @defaultValue Revy's own
   */
  readonly entities?: SwappedEntities<R, D>;
  /**
   * Fills each revision before it is written, in its transaction: its own columns, `description` and `metadata`. What
   * it throws rolls the transaction back. Called once for a revision, with `metadata` and `description` as the context
   * has them; for baselines as well.
   */
  readonly onRevision?: RevisionHook<R>;
  /** Fills the own columns of each object delta before it is written, as `onRevision` does; not those of baselines. */
  readonly onObjectDelta?: ObjectDeltaHook<D>;
}

/** The options with every default filled in. */
export type ResolvedOptions = Readonly<
  Required<Omit<RevyOptions, Optional | 'bypass'>> &
    Pick<RevyOptions, Optional> & {
      bypass: Required<BypassOptions>;
    }
>;

type Optional = 'schema' | 'entities' | 'onRevision' | 'onObjectDelta';
const OPTIONAL: readonly Optional[] = ['schema', 'entities', 'onRevision', 'onObjectDelta'];

const DEFAULTS = {
  track: 'all',
  outsideContext: 'track',
  require: [],
  tablePrefix: 'revy_',
  keyframeEvery: 8,
  maskWith: '[FILTERED]',
  hidden: 'mask',
  bypass: { native: 'capture', query: 'warn' },
} as const satisfies RevyOptions;

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  track: ['all', 'marked'],
  outsideContext: ['track', 'ignore', 'throw'],
  hidden: ['mask', 'track'],
};

const TEXTS: readonly string[] = ['schema', 'tablePrefix', 'maskWith'];

export function resolveOptions(options: RevyOptions): ResolvedOptions {
  const known = [...Object.keys(DEFAULTS), ...OPTIONAL];
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) throw new RevyOptionError(name, value, `one of the options ${known.join(', ')}`);
    const choices = CHOICES[name];
    if (choices && value !== undefined && !choices.includes(String(value))) {
      throw new RevyOptionError(name, value, choices.map(choice => `'${choice}'`).join(' or '));
    }
    if (TEXTS.includes(name) && value !== undefined && typeof value !== 'string') {
      throw new RevyOptionError(name, value, 'text');
    }
  }
  refuseUnknownRequirements(options.require);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = { ...DEFAULTS, ...given, bypass: resolveBypass(options.bypass) };
  requireEntities(options.entities);
  const { keyframeEvery } = resolved;
  if (!Number.isInteger(keyframeEvery) || keyframeEvery < 2 || keyframeEvery > LONGEST_TAIL) {
    throw new RevyOptionError('keyframeEvery', keyframeEvery, `a whole number from 2 to ${LONGEST_TAIL}`);
  }
  return resolved;
}

const REQUIREMENTS: readonly unknown[] = ['actor', 'description'] satisfies ContextRequirement[];

function refuseUnknownRequirements(require: RevyOptions['require'] = []): void {
  if (Array.isArray(require) && require.every(one => REQUIREMENTS.includes(one))) return;
  throw new RevyOptionError('require', require, "a list of 'actor' and 'description'");
}

function requireEntities(entities: RevyOptions['entities'] = {}): void {
  const bases = { Revision, ObjectDelta } as const;
  for (const [name, entity] of Object.entries(entities)) {
    const base = bases[name as keyof typeof bases];
    const isOne = base && entity !== undefined && (classOf(entity).prototype as unknown) instanceof base;
    if (!isOne) throw new RevyOptionError(`entities.${name}`, entity, 'a class that extends Revision or ObjectDelta');
  }
}

const BYPASS = { native: ['capture', 'warn', 'throw', 'ignore'], query: ['warn', 'throw', 'ignore'] } as const;

function resolveBypass(given: RevyOptions['bypass'] = {}): Required<BypassOptions> {
  if (typeof given === 'string') {
    requireChoice('bypass', given, BYPASS.native);
    return given === 'capture' ? DEFAULTS.bypass : { native: given, query: given };
  }
  for (const [kind, value] of Object.entries(given)) {
    if (!(kind in BYPASS)) throw new RevyOptionError(`bypass.${kind}`, value, "one of the kinds 'native' and 'query'");
    if (value !== undefined) requireChoice(`bypass.${kind}`, value as string, BYPASS[kind as keyof typeof BYPASS]);
  }
  return { native: given.native ?? DEFAULTS.bypass.native, query: given.query ?? DEFAULTS.bypass.query };
}

function requireChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new RevyOptionError(name, value, choices.map(choice => `'${choice}'`).join(' or '));
}
