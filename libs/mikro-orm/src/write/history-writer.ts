import type { Transaction } from '@mikro-orm/core';
import {
  type Client,
  type CompiledQuery,
  compiledQuery,
  type Connection,
  execute,
  isWireConnection,
  type QueryResult,
  type Statement,
  statement,
  withConnection,
} from '../database/statement.js';
import type { AddedColumns } from '../model/history-tables.js';
import { quoted, type TableNames } from '../model/tables.js';
import { CommitQuery } from './commit-query.js';
import type { HistoryDocument } from './history-document.js';
import type { EarlyWrite } from './transaction-log.js';
import { plainWriteStatement, writeStatement } from './write-statement.js';

/** What to send with the COMMIT, if anything, and whom to tell how the COMMIT went. */
export interface CommitDocument {
  readonly document: HistoryDocument | undefined;
  /** Whether it creates or deletes only. */
  readonly isPlain: boolean;
  /** Gets the revision that was written into, if there was a document. */
  readonly done: (revision: number | undefined) => void;
  readonly failed: (error: unknown, isSent: boolean) => Error;
}

/** What was written before the COMMIT. */
export interface WrittenRow {
  readonly revision: number;
  readonly firstDelta: number;
  readonly lastDelta: number;
}

/** Sends what is to be recorded to the database, in the transaction that made it. */
export class HistoryWriter {
  readonly #statement: Statement;
  readonly #plain: Statement;
  readonly #removeEarly: Statement;
  readonly #removeRevision: Statement;
  readonly #move: Statement;
  readonly #deletedBefore: Statement;
  readonly #lock = statement('select pg_advisory_xact_lock($1)');

  constructor(tables: TableNames, keyframeEvery: number, added?: AddedColumns) {
    this.#statement = writeStatement(tables, keyframeEvery, added);
    this.#plain = plainWriteStatement(tables, added);
    const table = quoted(tables, 'objectDelta');
    this.#removeEarly = statement(`delete from ${table} where revision_id = $1 and id between $2 and $3`);
    this.#move = statement(`update ${table} set revision_id = $2 where revision_id = $1`);
    this.#deletedBefore = statement(`
select x.object ->> 0 as type, x.object ->> 1 as id
from jsonb_array_elements($1::jsonb) x(object), lateral (
  select d.action from ${table} d
  where d.object_type = x.object ->> 0 and d.object_id = x.object ->> 1 and d.id not between $2 and $3
  order by d.id desc limit 1
) last
where last.action = 'delete'`);
    this.#removeRevision = statement(
      `delete from ${quoted(tables, 'revision')} where id = $1 and transaction_id = pg_current_xact_id()::text::bigint returning id`,
    );
  }

  /** One statement; two if earlier rows of this transaction have to make way for their merged successors. */
  async write(ctx: Transaction, document: HistoryDocument, earlier?: EarlyWrite): Promise<WrittenRow> {
    return withConnection(ctx as Client, async connection => {
      if (earlier) await this.#remove(connection, earlier);
      const { rows } = await execute(connection, this.#statement, document);
      const [row] = rows as { id: unknown; first: unknown; last: unknown }[];
      return { revision: Number(row!.id), firstDelta: Number(row!.first), lastDelta: Number(row!.last) };
    });
  }

  async removeEarly(ctx: Transaction, earlier: EarlyWrite): Promise<void> {
    await withConnection(ctx as Client, connection => this.#remove(connection, earlier));
  }

  /**
   * Removes a revision that has no deltas.
   *
   * @returns `false` for one that an earlier transaction made, which stays
   */
  async removeRevision(ctx: Transaction, revision: number): Promise<boolean> {
    const { rows } = await withConnection(ctx as Client, connection =>
      execute(connection, this.#removeRevision, [revision]),
    );
    return rows.length === 1;
  }

  /** Moves everything that this transaction has written early into another revision. Two statements. */
  async move(ctx: Transaction, from: number, to: number): Promise<void> {
    await withConnection(ctx as Client, connection => execute(connection, this.#move, [from, to]));
    await this.removeRevision(ctx, from);
  }

  /**
   * Which of these objects the history knows as deleted, but for what this transaction has written early itself.
   *
   * @returns type and object id of each, with a NUL between them
   */
  async deletedBefore(
    ctx: Transaction,
    objects: readonly (readonly [type: string, objectId: string])[],
    own: EarlyWrite | undefined,
  ): Promise<ReadonlySet<string>> {
    const { firstDelta, lastDelta } = own ?? { firstDelta: 0, lastDelta: -1 };
    const parameters = [JSON.stringify(objects), firstDelta, lastDelta];
    const { rows } = await withConnection(ctx as Client, connection =>
      execute(connection, this.#deletedBefore, parameters),
    );
    return new Set((rows as { type: string; id: string }[]).map(({ type, id }) => `${type}\0${id}`));
  }

  /** Waits, in the database, until no other transaction holds the lock, and holds it until this one ends. */
  async lock(ctx: Transaction, key: number): Promise<void> {
    await withConnection(ctx as Client, connection => execute(connection, this.#lock, [key]));
  }

  async #remove(connection: Connection, { revision, firstDelta, lastDelta }: EarlyWrite): Promise<void> {
    await execute(connection, this.#removeEarly, [revision, firstDelta, lastDelta]);
  }

  /**
   * Sends the history in one message with the COMMIT, and makes it only then, so that whatever else is flushed before
   * the COMMIT is in it.
   *
   * @returns `false` where the connection is not `pg`'s: then it has to be written before the COMMIT
   */
  async sendWithCommit(ctx: Transaction, make: () => Promise<CommitDocument>): Promise<boolean> {
    return withConnection(ctx as Client, async connection => {
      if (!isWireConnection(connection)) return false;
      onNextCommit(connection, async send => {
        const made = await make();
        const recording = made.isPlain ? this.#plain : this.#statement;
        const query = made.document && new CommitQuery(recording, made.document as readonly (string | number | null)[]);
        try {
          const result = await send(query);
          made.done(query?.revision);
          return result;
        } catch (error) {
          const reason = made.failed(error, query?.isSent ?? false);
          // a revision means that the history was written, and that the COMMIT itself failed: a deferred constraint
          throw query && query.revision === undefined ? reason : error;
        }
      });
      return true;
    });
  }
}

type Send = (query: CommitQuery | undefined) => Promise<QueryResult>;

/** Stands in for the connection's `executeQuery` until the transaction ends; Kysely 0.29 sends COMMIT through it. */
function onNextCommit(connection: Connection, commit: (send: Send) => Promise<QueryResult>): void {
  const own = Object.getOwnPropertyDescriptor(connection, 'executeQuery');
  const original = connection.executeQuery.bind(connection) as (query: CompiledQuery) => Promise<QueryResult>;
  const restore = () => {
    if (own) Object.defineProperty(connection, 'executeQuery', own);
    else Reflect.deleteProperty(connection, 'executeQuery');
  };
  const intercept = (query: CompiledQuery): Promise<QueryResult> => {
    if (query.sql === 'rollback') restore();
    if (query.sql !== 'commit') return original(query);
    restore();
    return commit(replacement => original(replacement ? compiledQuery(replacement, []) : query));
  };
  Object.defineProperty(connection, 'executeQuery', { value: intercept, configurable: true, writable: true });
}
