import { type Statement, statement } from '../database/statement.js';

/** A connection keeps the plan of each prepared statement in memory, for as long as it is open. */
const MOST_STATEMENTS = 48;
/** Statements that came once, to see whether they come again. */
const MOST_CANDIDATES = 1_000;

/**
 * Which statements of an ORM are worth preparing: those that come a second time. Planning one that reads the past takes
 * ten times as long as running it.
 */
export class PreparedQueries {
  readonly #candidates = new Set<string>();
  readonly #statements = new Map<string, Statement>();

  /** @param make makes the statement, when it is asked for a second time */
  find(shape: string, make: () => string | undefined): Statement | undefined {
    const known = this.#statements.get(shape);
    if (known) return known;
    if (this.#statements.size >= MOST_STATEMENTS) return undefined;
    if (!this.#candidates.delete(shape)) {
      if (this.#candidates.size < MOST_CANDIDATES) this.#candidates.add(shape);
      return undefined;
    }
    const text = make();
    if (text === undefined) return undefined;
    const prepared = statement(text);
    this.#statements.set(shape, prepared);
    return prepared;
  }
}
