import {
  ArrayType,
  type EntityManager,
  type EntityMetadata,
  type EntityProperty,
  JsonType,
  type Platform,
  ReferenceKind,
} from '@mikro-orm/core';
import type { Json, JsonRecord } from './json.js';
import { codecFor } from './stored-attribute.js';

/** A column that an application has added to one of the history's tables. */
export interface ExtraColumn {
  readonly name: string;
  /** SQL, for rows that say nothing of it. */
  readonly default: string | undefined;
}

/** What an application has added to one of the history's tables. */
export class ExtraColumns {
  readonly columns: readonly ExtraColumn[];
  /** Names of those whose values JSON would bend. */
  readonly texts: readonly string[];
  readonly #props: readonly EntityProperty[];

  /** @param base the properties that the table has anyway */
  constructor(
    private readonly meta: EntityMetadata,
    base: ReadonlySet<string>,
    private readonly platform: Platform,
  ) {
    this.#props = meta.props.filter(prop => !base.has(prop.name) && isColumn(prop));
    this.columns = this.#props.flatMap(prop => prop.fieldNames.map(name => ({ name, default: prop.defaultRaw })));
    this.texts = this.#props.flatMap(({ fieldNames, columnTypes }) =>
      fieldNames.filter((_, index) => BENT_BY_JSON.test(columnTypes[index] ?? '')),
    );
  }

  /** The values that an instance has for them, by column, as `jsonb_populate_record` takes them. */
  valuesOf(em: EntityManager, instance: object): JsonRecord {
    if (this.#props.length === 0) return {};
    const row = em.getComparator().getSnapshotGenerator(this.meta.class)(instance as never) as Record<string, unknown>;
    const values: JsonRecord = {};
    for (const prop of this.#props) {
      const value = row[prop.name];
      if (value === undefined) continue;
      const parts = prop.fieldNames.length > 1 ? [value].flat(Infinity) : [value];
      prop.fieldNames.forEach((name, index) => (values[name] = columnValue(prop, parts[index], this.platform)));
    }
    return values;
  }
}

const BENT_BY_JSON = /^(bytea|numeric|decimal|bigint|int8|bigserial|money|interval|bit|varbit)(?!.*\[\])/;

function isColumn(prop: EntityProperty): boolean {
  const isToMany = prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY;
  const isComputed = Boolean(prop.generated || prop.formula || prop.autoincrement || prop.version);
  const isInline = prop.kind === ReferenceKind.EMBEDDED && !prop.object;
  return !isToMany && !isComputed && !isInline && prop.persist !== false && prop.fieldNames?.length > 0;
}

/** What the ORM would send for the column, in the form from which PostgreSQL reads it back out of JSON. */
function columnValue(prop: EntityProperty, value: unknown, platform: Platform): Json {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  const isStructured = prop.customType instanceof JsonType || prop.customType instanceof ArrayType;
  if (isStructured || prop.kind === ReferenceKind.EMBEDDED) return codecFor(prop, platform).encode(value);
  return typeof value === 'bigint' ? String(value) : (value as Json);
}
