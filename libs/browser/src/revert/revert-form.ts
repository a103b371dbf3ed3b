import type { ConflictChoice, RevertConflict } from '@revy/mikro-orm';

/** What people decide; what they have not decided stops a revert. */
export type Decision = Exclude<ConflictChoice, 'fail'>;

/** Names of the fields of the form, beside one for each conflict. */
export type FormField = 'token' | 'plan' | 'seen' | 'rest' | 'reason' | Decision;

/** The name of the field that holds what becomes of one conflict. */
export function conflictField(key: string): string {
  return `on-${key}`;
}

/** What the fields of a form say about conflicts, by their keys: only what was shown can have been decided. */
export class Decisions {
  readonly #made = new Map<string, Decision>();

  constructor(
    fields: (name: string) => string,
    private readonly keyOf: (conflict: RevertConflict) => string,
  ) {
    for (const decision of ['keep', 'overwrite'] as const) {
      for (const key of keysIn(fields(decision))) this.#made.set(key, decision);
    }
    for (const key of keysIn(fields('seen'))) {
      const decision = [fields(conflictField(key)), fields('rest')].find(isDecision);
      if (decision) this.#made.set(key, decision);
    }
  }

  of(conflict: RevertConflict): Decision | undefined {
    return this.#made.get(this.keyOf(conflict));
  }

  /** For the service: what cannot be overwritten is kept by whoever wants all overwritten. */
  readonly choose = (conflict: RevertConflict): ConflictChoice => {
    const decision = this.of(conflict);
    return decision === 'overwrite' && !conflict.canOverwrite ? 'keep' : (decision ?? 'fail');
  };

  /** The keys of what was decided one way, those of some conflicts left out. */
  keys(decision: Decision, except: ReadonlySet<string>): string[] {
    return [...this.#made].filter(([key, made]) => made === decision && !except.has(key)).map(([key]) => key);
  }
}

/** The fields of a body, as text. */
export function fieldsOf(body: unknown): (name: string) => string {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>;
  return name => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return typeof value === 'string' ? value.replaceAll('\0', '') : '';
  };
}

function keysIn(text: string): string[] {
  return text.split(' ').filter(key => key !== '');
}

function isDecision(text: string): text is Decision {
  return text === 'keep' || text === 'overwrite';
}
