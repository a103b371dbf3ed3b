import { type Dictionary, type EntityManager, type Transaction, Utils } from '@mikro-orm/core';
import { currentFrame } from '../context/frame-store.js';
import { type ResolvedValues, unresolved } from '../context/frame-values.js';
import { type Client, type Connection, execute, withConnection } from '../database/statement.js';
import type { JsonRecord } from '../model/json.js';
import { runtimeOf } from '../runtime.js';
import { storedActor } from '../tracking/stored-actor.js';
import { type TrackedEntities, type TrackedEntity, valueInRow } from '../tracking/tracked-entities.js';
import type { HistoryDocument } from '../write/history-document.js';
import { contextOf, filledRevision } from '../write/row-hooks.js';
import { type BaselineRow, baselineOfRowsStatement, baselineStatement, lockStatement } from './baseline.query.js';
import { type BaselineSource, baselineSource } from './baseline-source.js';

/** What one transaction did. */
export interface BaselineChunk {
  readonly rows: number;
  readonly recorded: number;
  readonly revision: number | null;
}

/** The columns of a key as text. */
type Key = readonly string[];

const LOCK_NOT_AVAILABLE = '55P03';

/** Records the rows of one class, in the order of their keys. */
export class BaselineRecorder {
  readonly #source: BaselineSource;
  readonly #type: string;

  constructor(
    private readonly em: EntityManager,
    private readonly tracked: TrackedEntity,
  ) {
    this.#source = baselineSource(em, tracked);
    this.#type = tracked.typeIn(em.schema);
  }

  /** A chunk that somebody else is writing in is tried again in halves, down to one row, which is waited for. */
  async *chunks(chunkRows: number): AsyncGenerator<BaselineChunk> {
    let after: Key | undefined;
    let size = chunkRows;
    for (;;) {
      const chunk = await this.#chunk(after, size).catch((error: unknown) => {
        if (size === 1 || (error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
        return 'busy' as const;
      });
      if (chunk === undefined) return;
      if (chunk === 'busy') {
        size = Math.ceil(size / 2);
      } else {
        yield chunk;
        if (chunk.rows < size) return;
        after = chunk.last;
        size = chunkRows;
      }
    }
  }

  async #chunk(after: Key | undefined, size: number): Promise<(BaselineChunk & { readonly last: Key }) | undefined> {
    const fork = this.em.fork({ clear: true, keepTransactionContext: true });
    return fork.transactional(async em => {
      const ctx = em.getTransactionContext() as Client;
      const keys = await withConnection(ctx, connection => this.#lock(connection, after, size));
      const [first, last] = [keys[0], keys.at(-1)];
      if (!first || !last) return undefined;
      const { revision, recorded } = await this.#record(em, keys);
      return { rows: keys.length, recorded, revision: revision === null ? null : Number(revision), last };
    });
  }

  async #lock(connection: Connection, after: Key | undefined, size: number): Promise<Key[]> {
    const statement = lockStatement(runtimeOf(this.em).tables, this.#source, { isFirst: !after, waits: size === 1 });
    const { rows } = await execute(connection, statement, [this.#type, size, ...(after ?? [])]);
    return (rows as Record<string, string>[]).map(row => this.#source.keyColumns.map((_, index) => row[`k${index}`]!));
  }

  async #record(em: EntityManager, keys: readonly Key[]): Promise<BaselineRow> {
    const { tables, additions } = runtimeOf(em);
    const extra = additions()?.columns;
    const stored = this.#source.stored?.('to_jsonb($7::text)');
    const [statement, which] = stored
      ? [baselineStatement(tables, this.#source, stored, extra), [...keys[0]!, ...keys.at(-1)!]]
      : [baselineOfRowsStatement(tables, extra), [JSON.stringify(await this.#readRows(em, keys))]];
    const ctx = em.getTransactionContext() as Client;
    const parameters = [...(await this.#attribution(em)), ...which];
    const { rows } = await withConnection(ctx, connection => execute(connection, statement, parameters));
    return rows[0] as BaselineRow;
  }

  async #attribution(em: EntityManager): Promise<(string | null)[]> {
    const { entities, additions } = runtimeOf(em);
    const values = currentFrame()?.values ?? unresolved;
    const { objectDeltaDescription = 'baseline' } = values;
    const said = revisionOf(values, entities);
    const added = additions();
    const context = added && contextOf({ em, transaction: em.getTransactionContext() as Transaction, values });
    const filled = added ? await filledRevision(said, added, undefined, context!) : said;
    const [, description, actorType, actorId, metadata, , , columns = '{}'] = filled;
    const { maskWith } = entities.options;
    return [this.#type, description, actorType, actorId, metadata, objectDeltaDescription, maskWith, columns];
  }

  async #readRows(em: EntityManager, keys: readonly Key[]): Promise<[string, JsonRecord][]> {
    const { meta, fields } = this.tracked;
    const where = {
      [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys.map(key => (key.length === 1 ? key[0] : key)) },
    };
    const options = { ctx: em.getTransactionContext(), fields, schema: em.schema };
    const rows = await em.getDriver().find<Dictionary>(meta.class, where as never, options as never);
    return rows.map(row => [this.tracked.objectIdOfRow(row), this.#state(row)]);
  }

  #state(row: Dictionary): JsonRecord {
    const { maskWith } = runtimeOf(this.em).entities.options;
    const state: JsonRecord = {};
    for (const attribute of this.tracked.attributes.values()) {
      const value = valueInRow(attribute, row) ?? null;
      state[attribute.name] = attribute.isMasked && value !== null ? maskWith : value;
    }
    return state;
  }
}

/** What the context says of a revision, without deltas. */
function revisionOf(values: ResolvedValues, entities: TrackedEntities): HistoryDocument {
  const { actorType, actorId } = storedActor(values.actor, entities);
  const { revisionDescription = 'baseline', metadata } = values;
  const json = metadata && Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : null;
  return [null, revisionDescription, actorType, actorId, json, null, ''];
}
