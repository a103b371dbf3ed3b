import { type Dictionary, type EntityManager, type EntityMetadata, Utils } from '@mikro-orm/core';
import { conditionKey, type KeyColumn, keyColumns, keyText, keyValues } from '../model/stored-key.js';

/** Keys and values of one SELECT: they are text of the statement, which the server has to hold as a whole. */
export const CHUNK = 10_000;

/** Reads columns of rows of any class, tracked or not, whatever filters the application has set. */
export class RowLookup {
  readonly #columns: readonly KeyColumn[];

  constructor(
    private readonly em: EntityManager,
    readonly meta: EntityMetadata,
  ) {
    this.#columns = keyColumns(meta, em.getPlatform());
  }

  /** One SELECT for each 10,000 values. */
  async find<Value>(
    values: readonly Value[],
    condition: (chunk: readonly Value[]) => Dictionary,
    fields: readonly string[] = [],
  ): Promise<Dictionary[]> {
    const rows: Dictionary[] = [];
    for (let start = 0; start < values.length; start += CHUNK) {
      const where = condition(values.slice(start, start + CHUNK));
      const options = {
        ctx: this.em.getTransactionContext(),
        connectionType: 'write' as const,
        schema: this.em.schema,
        fields: [...this.meta.primaryKeys, ...fields],
      };
      rows.push(...(await this.em.getDriver().find(this.meta.class, where, options as never)));
    }
    return rows;
  }

  byId(ids: readonly string[], fields: readonly string[] = []): Promise<Dictionary[]> {
    const key = (id: string) => conditionKey(keyValues(this.#columns, id));
    const hash = Utils.getPrimaryKeyHash(this.meta.primaryKeys);
    return this.find(ids, chunk => ({ [hash]: { $in: chunk.map(key) } }), fields);
  }

  objectId(row: Dictionary): string {
    const values = this.meta.primaryKeys.flatMap(name => [row[name]].flat(Infinity));
    return keyText(this.#columns.map((column, index) => column.codec.encodeRow(values[index])));
  }

  /** An object id as the value of a relation to this class. */
  reference(id: string): unknown {
    return conditionKey(keyValues(this.#columns, id));
  }
}

/** Whether rows of both classes are in the same table, or in tables that share a key. */
export function isSameTable(a: EntityMetadata, b: EntityMetadata): boolean {
  return a.root._id === b.root._id;
}
