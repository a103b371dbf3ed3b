import { RevyError } from '../revy.errors.js';

/** A stored type has a character in it that the history needs for itself. */
export class UnusableTypeError extends RevyError {
  readonly code = 'REVY_UNUSABLE_TYPE';

  constructor(
    readonly entityName: string,
    readonly type: string,
  ) {
    super(
      `Cannot track ${entityName} as "${type}": the history puts "@" between a type and the schema of its rows. ` +
        `Give it a stored type without it: @Tracked({ as: '...' }), or revy: { as: '...' } in defineEntity.`,
    );
  }
}
