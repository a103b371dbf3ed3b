import { type EntityMetadata, type EntityProperty, Utils } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { keyColumns, readKey } from '../model/stored-key.js';
import type { CascadeTools } from './cascade-map.js';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import type { Row } from './found-row.js';
import { UnusableSetValueError } from './on-delete.errors.js';

/** The column values that foreign keys get once their row is gone; found out once for each group of deletions. */
export class NewForeignKeys {
  readonly #values = new Map<ForeignKeyEdge, readonly unknown[]>();

  constructor(private readonly tools: Pick<CascadeTools, 'em' | 'ctx'>) {}

  of(edge: ForeignKeyEdge): readonly unknown[] {
    return this.#values.get(edge)!;
  }

  async resolve(edges: Iterable<ForeignKeyEdge>): Promise<void> {
    for (const edge of edges) if (!this.#values.has(edge)) this.#values.set(edge, await this.#find(edge));
  }

  /** A default may be any expression, so the database says what it is. Each column of a foreign key has the same. */
  async defaultOf({ prop, columns }: ForeignKeyEdge): Promise<readonly unknown[]> {
    if (!prop.defaultRaw) return columns.own.map(() => null);
    const { em, ctx } = this.tools;
    const driver = em.getDriver() as unknown as AbstractSqlDriver;
    const [row] = await driver.execute<{ value: unknown }[]>(`select ${prop.defaultRaw} as value`, [], 'all', ctx);
    return columns.own.map(() => row?.value ?? null);
  }

  async #find(edge: ForeignKeyEdge): Promise<readonly unknown[]> {
    const { table, prop, columns, onDelete, handler } = edge;
    if (onDelete === 'set default') return this.defaultOf(edge);
    const given: unknown = handler?.value ? await handler.value() : null;
    if (given === null) return columns.own.map(() => null);
    const key = this.#keyOf(given, prop);
    if (!key) throw new UnusableSetValueError(table.className, prop.name, given);
    return key;
  }

  /** The columns of an entity or of its key, as the database has them. */
  #keyOf(given: unknown, { targetMeta, targetKey }: EntityProperty): unknown[] | undefined {
    const isEntity = Utils.isEntity(given, true);
    if (given === undefined) return undefined;
    if (targetKey) return this.#alternateKey(isEntity ? (given as Row)[targetKey] : given, targetMeta!, targetKey);
    const columns = keyColumns(targetMeta!, this.tools.em.getPlatform());
    if (columns.length > 1 && !isEntity && !Array.isArray(given) && !Utils.isPlainObject(given)) return undefined;
    const stored = readKey(columns, given);
    return stored.includes(null) ? undefined : columns.map((column, index) => column.codec.decode(stored[index]!));
  }

  #alternateKey(value: unknown, target: EntityMetadata, name: string): unknown[] | undefined {
    if (value === undefined || value === null) return undefined;
    const { customType } = target.properties[name as never] as EntityProperty;
    return [customType ? customType.convertToDatabaseValue(value, this.tools.em.getPlatform()) : value];
  }
}
