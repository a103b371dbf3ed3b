import type { Statement } from '../database/statement.js';

/** The part of `pg`'s wire connection that a query object sends itself with. */
interface WireConnection {
  readonly stream: { cork?(): void; uncork?(): void };
  readonly parsedStatements: Record<string, string | undefined>;
  parse(message: { name?: string; text: string }): void;
  bind(message: { statement?: string; values?: unknown[] }): void;
  execute(message: object): void;
  sync(): void;
}

/**
 * The write statement and COMMIT in one message to the server, so that the history costs no round trip of its own.
 *
 * Both stand before one Sync: if the statement fails, the server skips the COMMIT and reports the failure, and the
 * transaction is still there to be rolled back. Implements `pg`'s protocol for query objects (pg 8.23,
 * lib/client.js:640), which cursors and streams are built on.
 */
export class CommitQuery implements PromiseLike<unknown> {
  /** `pg` keeps track of prepared statements by these two. */
  readonly name: string;
  readonly text: string;
  readonly #values: (string | null)[];
  readonly #settled = Promise.withResolvers<unknown>();
  #revision: number | undefined;
  #isSent = false;
  #command = '';

  constructor(statement: Statement, values: readonly (string | number | null)[]) {
    this.name = statement.name;
    this.text = statement.text;
    this.#values = values.map(value => (value === null ? null : String(value)));
  }

  /** The revision that was written into; known once the query has settled. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Whether the server may have it; before that, a failure leaves no doubt about the COMMIT. */
  get isSent(): boolean {
    return this.#isSent;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- Kysely awaits what pg's client.query() returns, which is this object
  then<A, B>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return this.#settled.promise.then(onFulfilled, onRejected);
  }

  submit(connection: WireConnection): Error | null {
    this.#isSent = true;
    connection.stream.cork?.();
    try {
      if (!connection.parsedStatements[this.name]) connection.parse({ name: this.name, text: this.text });
      connection.bind({ statement: this.name, values: this.#values });
      connection.execute({});
      connection.parse({ text: 'commit' });
      connection.bind({});
      connection.execute({});
      connection.sync();
    } finally {
      connection.stream.uncork?.();
    }
    return null;
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#revision = Number(message.fields[0]);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#command = message.text;
  }

  handleReadyForQuery(): void {
    if (this.#command === 'COMMIT') this.#settled.resolve({ command: 'COMMIT', rowCount: null, rows: [] });
    else this.#settled.reject(new Error(`the server answered COMMIT with ${this.#command || 'nothing'}`));
  }

  handleError(error: Error): void {
    this.#settled.reject(error);
  }

  handleRowDescription(): void {}

  handlePortalSuspended(): void {}

  handleEmptyQuery(): void {}
}
