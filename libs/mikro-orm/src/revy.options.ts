import { LONGEST_TAIL } from './model/keyframe.js';
import { RevyOptionError } from './revy.errors.js';

/** Options of {@link revy}. */
export interface RevyOptions {
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
   * Database schema of the history's tables.
   *
   * @defaultValue the schema of the connection
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
}

/** The options with every default filled in. */
export type ResolvedOptions = Readonly<Required<Omit<RevyOptions, 'schema'>> & Pick<RevyOptions, 'schema'>>;

const DEFAULTS = {
  track: 'all',
  outsideContext: 'track',
  tablePrefix: 'revy_',
  keyframeEvery: 8,
  maskWith: '[FILTERED]',
} as const satisfies RevyOptions;

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  track: ['all', 'marked'],
  outsideContext: ['track', 'ignore', 'throw'],
};

const TEXTS: readonly string[] = ['schema', 'tablePrefix', 'maskWith'];

export function resolveOptions(options: RevyOptions): ResolvedOptions {
  const known = [...Object.keys(DEFAULTS), 'schema'];
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
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = { ...DEFAULTS, ...given };
  const { keyframeEvery } = resolved;
  if (!Number.isInteger(keyframeEvery) || keyframeEvery < 2 || keyframeEvery > LONGEST_TAIL) {
    throw new RevyOptionError('keyframeEvery', keyframeEvery, `a whole number from 2 to ${LONGEST_TAIL}`);
  }
  return resolved;
}
