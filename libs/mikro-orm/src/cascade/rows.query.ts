import { type Dictionary, type EntityManager, type EntityMetadata, type EntityProperty, Utils } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { selectable, type TrackedAttribute, type TrackedEntities } from '../tracking/tracked-entities.js';
import type { CascadeTools } from './cascade-map.js';
import type { ForeignKeyEdge } from './foreign-key-edge.js';
import type { ForeignKeyGraph } from './foreign-key-graph.js';
import { columnReader, distinctKeys, type FoundRow, identityOf, keyValues, type Row, rowId } from './found-row.js';
import { conditionKey } from '../model/stored-key.js';
import { classOfRow, isInFixedSchema, isSingleTable, isTable, tablesOf } from './tables.js';

/**
 * What the database itself will lock: `delete` for rows that will go or get another key, `update` for others, which
 * lets new rows refer to them meanwhile. MikroORM 7.2 has no lock mode for the latter.
 */
export type RowLock = 'delete' | 'update';

const LOCKS = { delete: 'for update', update: 'for no key update' } as const;

/** Which rows a plan reads: with which values, and in which schema where a table has none of its own. */
export interface ReadScope {
  readonly isRecording: boolean;
  readonly schema: string | undefined;
  /** Of more rows than this, a query reads the keys only; without it, all rows are read whole. */
  readonly mostRows?: number;
}

interface Fields {
  /** What tells a row from others, its class, and what may be referred to. */
  readonly keys: readonly string[];
  /** What is recorded of it as well. */
  readonly values: readonly string[];
}

/**
 * Reads and locks what a change of keys or a deletion will touch, before it happens. One query for each foreign key,
 * and one for each concrete class where an object lies in several tables. The driver applies no filters.
 */
export class RowReader {
  readonly em: EntityManager;
  readonly ctx: object | undefined;
  readonly graph: ForeignKeyGraph;
  readonly entities: TrackedEntities;

  constructor(
    { em, ctx, graph, entities }: CascadeTools,
    private readonly scope: ReadScope,
  ) {
    this.em = em;
    this.ctx = ctx;
    this.graph = graph;
    this.entities = entities;
  }

  get isRecording(): boolean {
    return this.scope.isRecording;
  }

  /** Rows by their keys, each an array of its column values, as the classes that they are of. */
  async byKey(meta: EntityMetadata, keys: readonly (readonly unknown[])[], lock?: RowLock): Promise<FoundRow[]> {
    const where = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys.map(conditionKey) } };
    const classes = meta.inheritanceType === 'tpt' ? this.graph.classesIn(meta) : [meta];
    return this.#findAs(classes, where, read => ({ keys: this.#keyFields(read), values: [] }), lock);
  }

  /** Rows of one concrete class, with all that is recorded of them. */
  async whole(meta: EntityMetadata, keys: readonly (readonly unknown[])[]): Promise<FoundRow[]> {
    const where = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys.map(conditionKey) } };
    const rows = await this.#select(meta, where, [...this.#keyFields(meta), ...this.#attributes(meta)]);
    return rows.map(row => this.#found(meta, row, true));
  }

  /** Rows of a pivot table that link any of these pairs. */
  async linking(
    pivot: EntityMetadata,
    [one, other]: readonly [EntityProperty, EntityProperty],
    pairs: readonly (readonly [readonly unknown[], readonly unknown[]])[],
  ): Promise<FoundRow[]> {
    const conditions = pairs.map(([a, b]) => ({
      [one.name]: { $in: [conditionKey(a)] },
      [other.name]: { $in: [conditionKey(b)] },
    }));
    return this.#find(
      pivot,
      { $or: conditions },
      { keys: [...this.#keyFields(pivot), one.name, other.name], values: [] },
    );
  }

  /** The same rows once more, with the columns that the database computes. */
  async again(rows: readonly FoundRow[]): Promise<FoundRow[]> {
    const found: FoundRow[] = [];
    for (const [meta, ofClass] of Map.groupBy(rows, row => row.meta)) {
      const computed = this.entities.tracked(meta.class)?.generated ?? [];
      const keys = ofClass.map(({ row }) => conditionKey(keyValues(meta, row)));
      const where = { [Utils.getPrimaryKeyHash(meta.primaryKeys)]: { $in: keys } };
      const fields = { keys: [...this.#keyFields(meta), ...computed.map(attribute => attribute.name)], values: [] };
      if (computed.length > 0) found.push(...(await this.#find(meta, where, fields)));
    }
    return found;
  }

  /** Rows that refer to any of `rows` through a foreign key. */
  async referring(edge: ForeignKeyEdge, rows: readonly FoundRow[], lock: RowLock): Promise<FoundRow[]> {
    return this.holding(edge, this.keysOf(edge, rows), lock);
  }

  /** Rows whose foreign key holds any of these keys, each an array of its column values. */
  async holding(edge: ForeignKeyEdge, keys: readonly (readonly unknown[])[], lock: RowLock): Promise<FoundRow[]> {
    if (keys.length === 0) return [];
    const where = { [edge.prop.name]: { $in: keys.map(conditionKey) } };
    return this.#findAs(this.classesWith(edge), where, read => this.#fields(read, edge, lock), lock);
  }

  /**
   * The classes that a foreign key's table is read as. A table-per-type hierarchy is read class by class: only so are all
   * columns of a row in one result. So is a shared table where a name stands for several columns.
   */
  classesWith({ table, columns, prop }: ForeignKeyEdge): readonly EntityMetadata[] {
    if (table.inheritanceType === 'tpt') return this.graph.classesIn(table);
    if (!table.props.some(one => one.stiFieldNames)) return [table];
    const own = (meta: EntityMetadata) => meta.properties[prop.name as never] as EntityProperty | undefined;
    return this.graph.classesIn(table).filter(meta => own(meta)?.fieldNames.join() === columns.own.join());
  }

  /** What a foreign key holds where it refers to one of these rows. */
  keysOf(edge: ForeignKeyEdge, rows: readonly FoundRow[]): (readonly unknown[])[] {
    const read = columnReader(this.graph.referredProperties(edge.target), edge.columns.target);
    return distinctKeys(rows.map(({ row }) => read(row)));
  }

  /** The schema to look for a table in; `undefined` leaves it to the ORM. */
  schemaOf(meta: EntityMetadata): string | undefined {
    return isInFixedSchema(meta) ? meta.schema : this.scope.schema;
  }

  async #findAs(
    classes: readonly EntityMetadata[],
    where: Dictionary,
    fields: (read: EntityMetadata) => Fields,
    lock?: RowLock,
  ): Promise<FoundRow[]> {
    if (classes.length === 1) return this.#find(classes[0]!, where, fields(classes[0]!), lock);
    const found = new Map<string, FoundRow>();
    for (const meta of classes) {
      for (const row of await this.#find(meta, where, fields(meta), lock)) {
        const identity = identityOf(row.meta, row.id);
        if (!found.has(identity)) found.set(identity, row);
      }
    }
    return [...found.values()];
  }

  async #find(meta: EntityMetadata, where: Dictionary, { keys, values }: Fields, lock?: RowLock): Promise<FoundRow[]> {
    const most = values.length > 0 ? this.scope.mostRows : undefined;
    const fields = [...new Set([...keys, ...values])];
    const rows = await this.#select(meta, where, fields, lock, most && most + 1);
    if (most === undefined || rows.length <= most) return rows.map(row => this.#found(meta, row, true));
    return (await this.#select(meta, where, keys, lock)).map(row => this.#found(meta, row, false));
  }

  #found(meta: EntityMetadata, row: Row, isWhole: boolean): FoundRow {
    const concrete = this.graph.metaOf(classOfRow(meta, row)) ?? meta;
    return { meta: concrete, id: rowId(meta, keyValues(meta, row), this.entities), row, isWhole };
  }

  async #select(
    meta: EntityMetadata,
    where: Dictionary,
    fields: readonly string[],
    lock?: RowLock,
    limit?: number,
  ): Promise<Row[]> {
    const driver = this.em.getDriver() as unknown as AbstractSqlDriver;
    const query = driver.createQueryBuilder<Dictionary>(meta.class, this.ctx, 'write', false);
    query.withSchema(driver.getSchemaName(meta, { schema: this.schemaOf(meta) }));
    query.select(selectable(fields, meta)).where(where);
    const { sql, params } = query.toQuery();
    const text = [sql, ...(limit ? [`limit ${limit}`] : []), ...(lock ? [LOCKS[lock]] : [])].join(' ');
    const rows = await driver.getConnection('write').execute<Dictionary[]>(text, [...params], 'all', this.ctx);
    return rows.map(row => driver.mapResult(row, meta, [], query) as Row);
  }

  #fields(meta: EntityMetadata, edge: ForeignKeyEdge, lock: RowLock): Fields {
    const keys = new Set([...this.#keyFields(meta), edge.prop.name]);
    for (const { ownerProp, targetProp } of edge.links) keys.add(ownerProp.name).add(targetProp.name);
    if (!this.scope.isRecording) return { keys: [...keys], values: [] };
    if (lock === 'delete') return { keys: [...keys], values: this.#attributes(meta) };
    // foreign keys are keys as well: there is nothing to be left for later
    for (const { name, prop } of this.#tracked(meta)) if (touches(edge, prop) || prop.generated) keys.add(name);
    return { keys: [...keys], values: [] };
  }

  #attributes(meta: EntityMetadata): string[] {
    return this.#tracked(meta).map(attribute => attribute.name);
  }

  #tracked(meta: EntityMetadata): TrackedAttribute[] {
    const classes = isSingleTable(meta) && isTable(meta) ? this.graph.classesIn(meta) : [meta];
    return classes.flatMap(one => [...(this.entities.tracked(one.class)?.attributes.values() ?? [])]);
  }

  #keyFields(meta: EntityMetadata): string[] {
    const props = new Set<EntityProperty>(meta.getPrimaryProps());
    for (const table of tablesOf(meta)) this.graph.referredProperties(table).forEach(prop => props.add(prop));
    const { discriminatorColumn } = meta.root;
    const names = [...props].map(prop => prop.name);
    return isSingleTable(meta) && discriminatorColumn ? [...names, discriminatorColumn] : names;
  }
}

/** Whether a property stands, wholly or in part, in the columns of a foreign key. */
export function touches({ columns }: ForeignKeyEdge, prop: EntityProperty): boolean {
  return (prop.fieldNames ?? []).some(column => columns.own.includes(column));
}
