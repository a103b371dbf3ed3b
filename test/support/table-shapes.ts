import { type EntityMetadata, type EntityProperty, type MikroORM, ReferenceKind } from '@mikro-orm/core';
import type { TestDatabase } from './database.js';

/** A row as PostgreSQL tells it in JSON, by column. */
export type Columns = Record<string, unknown>;

/** All rows of some tables, by the text of their keys. */
export type Rows = ReadonlyMap<string, ReadonlyMap<string, Columns>>;

/** What an object is: its attributes, and the keys at the other end of its links, as JSON. */
export interface ObjectState {
  readonly type: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** What masks hide, as it is. */
  readonly hidden?: Readonly<Record<string, unknown>>;
  /** By collection; an empty one is left out. */
  readonly links: Readonly<Record<string, readonly string[]>>;
}

/** Objects by type and id: `Post:1`. */
export type State = ReadonlyMap<string, ObjectState>;

/** What is recorded otherwise than the tables have it. Attributes are named `Type.attribute`. */
export interface Exceptions {
  readonly untracked?: readonly string[];
  readonly excluded?: readonly string[];
  readonly masked?: readonly string[];
}

interface Shape {
  readonly meta: EntityMetadata;
  /** The tables of its rows, its own first; several where each class of a hierarchy has a table of its own. */
  readonly tables: readonly string[];
  readonly attributes: readonly { readonly name: string; readonly columns: readonly string[]; isMasked: boolean }[];
  readonly collections: readonly EntityProperty[];
}

type Convert = (value: unknown) => unknown;

/** How a column's JSON is told, where it differs from what PostgreSQL makes of it. */
const CONVERSIONS: Readonly<Record<string, Convert>> = {
  bytea: value => Buffer.from((value as string).slice(2), 'hex').toString('base64'),
  timestamptz: value => new Date(value as string).toISOString(),
};

/** Reads the tables of an ORM as objects, from the metadata and the catalogue, with no part of our code in it. */
export class TableShapes {
  /** The ORM's own tables, link tables included. */
  readonly tables: readonly string[];
  readonly #keys: ReadonlyMap<string, readonly string[]>;
  readonly #roots: readonly EntityMetadata[];
  readonly #shapes = new Map<EntityMetadata, Shape>();
  readonly #conversions: ReadonlyMap<string, Convert>;
  readonly #all: readonly EntityMetadata[];

  static async read(orm: MikroORM, database: TestDatabase, exceptions: Exceptions = {}): Promise<TableShapes> {
    const columns = await database.query<{ column: string; type: string }>(
      `select table_name || '.' || column_name as column, udt_name as type from information_schema.columns`,
    );
    const conversions = columns.flatMap(({ column, type }) => (CONVERSIONS[type] ? [[column, CONVERSIONS[type]]] : []));
    return new TableShapes(orm, exceptions, new Map(conversions as [string, Convert][]));
  }

  private constructor(
    orm: MikroORM,
    private readonly exceptions: Exceptions,
    conversions: ReadonlyMap<string, Convert>,
  ) {
    this.#conversions = conversions;
    const isTable = (meta: EntityMetadata) => meta.tableName && !meta.view && !meta.virtual && !meta.embeddable;
    this.#all = [...orm.getMetadata()].filter(meta => isTable(meta) && !meta.tableName.startsWith('revy_'));
    this.#keys = new Map(this.#all.map(meta => [meta.tableName, columnsOf(meta.getPrimaryProps())]));
    this.tables = [...this.#keys.keys()];
    this.#roots = this.#all.filter(meta => meta.root === meta && !meta.pivotTable);
    for (const meta of this.#all) if (!meta.abstract && !meta.pivotTable) this.#shapes.set(meta, this.#shapeOf(meta));
  }

  /** The text of a row's key. */
  key(table: string, row: Columns): string {
    return keyText(this.#keys.get(table)!.map(column => row[column]));
  }

  /** Collections of links, by type. */
  get collections(): ReadonlyMap<string, readonly string[]> {
    return new Map(
      [...this.#shapes.values()].map(shape => [shape.meta.className, shape.collections.map(({ name }) => name)]),
    );
  }

  /** The objects that these rows make up. */
  state(rows: Rows): State {
    const state = new Map<string, ObjectState>();
    for (const root of this.#roots) {
      for (const [id, row] of rows.get(root.tableName) ?? []) {
        const shape = this.#shapes.get(this.#classOf(root, id, row, rows));
        const type = shape?.meta.className;
        if (!shape || !type || this.exceptions.untracked?.includes(type)) continue;
        const parts = shape.tables.map(table => this.#converted(table, rows.get(table)?.get(id)));
        const all = this.#values(shape, Object.assign({}, ...parts) as Columns);
        state.set(`${type}:${id}`, { type, ...masked(shape, all), links: linksOf(shape, id, rows) });
      }
    }
    return state;
  }

  #classOf(root: EntityMetadata, id: string, row: Columns, rows: Rows): EntityMetadata {
    const { discriminatorColumn, discriminatorMap, inheritanceType } = root;
    if (inheritanceType === 'sti') {
      const found = discriminatorMap![String(row[discriminatorColumn!])];
      return this.#all.find(meta => meta.class === found)!;
    }
    if (inheritanceType !== 'tpt') return root;
    const heirs = this.#all.filter(meta => meta.root === root && rows.get(meta.tableName)?.has(id));
    return heirs.toSorted((a, b) => tablesOf(b).length - tablesOf(a).length)[0]!;
  }

  #converted(table: string, row: Columns | undefined): Columns {
    const told = Object.entries(row ?? {}).map(([column, value]) => {
      const convert = this.#conversions.get(`${table}.${column}`);
      return [column, convert && value !== null ? convert(value) : value];
    });
    return Object.fromEntries(told) as Columns;
  }

  #values({ attributes }: Shape, row: Columns): Record<string, unknown> {
    const told = attributes.map(({ name, columns }) => {
      const values = columns.map(column => row[column] ?? null);
      return [name, values.length === 1 ? values[0] : values.includes(null) ? null : values];
    });
    return Object.fromEntries(told) as Record<string, unknown>;
  }

  #shapeOf(meta: EntityMetadata): Shape {
    const { excluded = [], masked = [] } = this.exceptions;
    const isListed = (list: readonly string[], name: string) => list.includes(`${meta.className}.${name}`);
    const own = meta.props.filter(prop => isAttribute(prop, meta) && !isListed(excluded, prop.name));
    return {
      meta,
      tables: tablesOf(meta),
      attributes: own.map(({ name, fieldNames }) => ({
        name,
        columns: fieldNames,
        isMasked: isListed(masked, name),
      })),
      collections: meta.relations.filter(
        prop => prop.kind === ReferenceKind.MANY_TO_MANY && prop.owner && prop.persist !== false,
      ),
    };
  }
}

/** A mask does not hide that there is nothing. */
function masked({ attributes }: Shape, all: Columns): Pick<ObjectState, 'values' | 'hidden'> {
  const hidden = attributes.filter(({ name, isMasked }) => isMasked && all[name] !== null);
  if (hidden.length === 0) return { values: all };
  const masks = hidden.map(({ name }) => [name, '[FILTERED]']);
  return {
    values: { ...all, ...(Object.fromEntries(masks) as Columns) },
    hidden: Object.fromEntries(hidden.map(({ name }) => [name, all[name]])),
  };
}

function isAttribute(prop: EntityProperty, meta: EntityMetadata): boolean {
  const isColumn = prop.persist !== false && prop.fieldNames !== undefined && !prop.formula;
  const isApart = prop.primary || prop.version || prop.name === meta.root.discriminatorColumn;
  return isColumn && !isApart && isHeld(prop);
}

/** Whether the row itself holds it: an inline embeddable stands there as its leaves, a collection elsewhere. */
function isHeld({ kind, owner, object, array }: EntityProperty): boolean {
  if (kind === ReferenceKind.EMBEDDED) return Boolean(object || array);
  if (kind === ReferenceKind.ONE_TO_ONE) return owner;
  return kind === ReferenceKind.SCALAR || kind === ReferenceKind.MANY_TO_ONE;
}

function columnsOf(props: readonly EntityProperty[]): string[] {
  return props.flatMap(prop => prop.fieldNames);
}

function tablesOf(meta: EntityMetadata): string[] {
  const parents = meta.tptParent ? tablesOf(meta.tptParent) : [];
  return [meta.tableName, ...parents];
}

function linksOf({ collections }: Shape, id: string, rows: Rows): Record<string, readonly string[]> {
  const links = collections.flatMap(({ name, pivotTable, joinColumns, inverseJoinColumns }) => {
    const own = [...(rows.get(pivotTable)?.values() ?? [])].filter(row => keyText(read(row, joinColumns)) === id);
    return own.length > 0 ? [[name, own.map(row => linkText(read(row, inverseJoinColumns))).toSorted()]] : [];
  });
  return Object.fromEntries(links) as Record<string, readonly string[]>;
}

function read(row: Columns, columns: readonly string[]): unknown[] {
  return columns.map(column => row[column]);
}

/** The text of a key: of several columns, a JSON array. */
export function keyText(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : JSON.stringify(values);
}

function linkText(values: readonly unknown[]): string {
  return JSON.stringify(values.length === 1 ? values[0] : values);
}
