import { RevyError } from '../revy.errors.js';

/** A stored type has a character in it that the history needs for itself. */
export class UnusableTypeError extends RevyError {
  readonly code = 'REVY_UNUSABLE_TYPE';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The stored type name. */
    readonly type: string,
  ) {
    super(
      `Cannot track ${entityName} as "${type}": the history puts "@" between a type and the schema of its rows. ` +
        `Give it a stored type without it: @Tracked({ as: '...' }), or revy: { as: '...' } in defineEntity.`,
    );
  }
}

const ASKED_FOR = {
  actor: 'an actor (an entity or a SystemActor; null is nobody)',
  description: 'a revisionDescription',
} as const;

/** A change was to be recorded in a context that does not say what the option `require` asks for. */
export class ContextRequiredError extends RevyError {
  readonly code = 'REVY_CONTEXT_REQUIRED';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** What the context lacks: `actor`, `description`. */
    readonly missing: readonly (keyof typeof ASKED_FOR)[],
  ) {
    const values = missing.map(key => (key === 'actor' ? 'actor' : 'revisionDescription')).join(', ');
    super(
      `Cannot write ${entityName}: the option "require" asks for ${missing.map(key => ASKED_FOR[key]).join(' and ')}, ` +
        `and the revision context has none. Wrap the code in RevisionContext.run({ ${values} }, () => ...); ` +
        'work that need not be recorded goes into RevisionContext.runDisabled().',
    );
  }
}

/** A name that an attribute had before its renaming stands for another attribute too. */
export class FormerNameError extends RevyError {
  readonly code = 'REVY_FORMER_NAME';

  constructor(
    /** The class concerned. */
    readonly entityName: string,
    /** The property concerned. */
    readonly attribute: string,
    /** The former name. */
    readonly formerly: string,
    other: string,
  ) {
    super(
      `Cannot read "${attribute}" of ${entityName} under its former name "${formerly}": ` +
        (other === formerly
          ? `that is an attribute of its own now, and nothing in the history tells the two apart. `
          : `"${other}" names it as well, and nothing in the history tells the two apart. `) +
        `Give one of them another name.`,
    );
  }
}
