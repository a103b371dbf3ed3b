import type { Dictionary, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { raw } from '@mikro-orm/core';
import { RevyError } from '../revy.errors.js';
import { AsOfWriteError } from './as-of.errors.js';
import { pastConnection } from './past-connection.js';
import { UNKNOWN_COLUMN } from './past-rows.js';

/** As much of MikroORM's query builder as is needed. */
interface Builder {
  readonly alias: string;
}

interface Options {
  readonly groupBy?: unknown;
}

/** The protected methods of MikroORM 7.2's SQL driver that columns and rows pass through. */
interface SqlDriver {
  buildFields(
    meta: EntityMetadata,
    populate: unknown,
    joined: unknown,
    builder: Builder,
    alias: string,
    options: Options,
    schema?: string,
  ): unknown[];
  mapPropToFieldNames(
    builder: Builder,
    prop: EntityProperty,
    alias: string,
    meta: EntityMetadata,
    ...rest: unknown[]
  ): unknown[];
  mapJoinedProp(data: Dictionary, prop: EntityProperty, alias: string, root: Dictionary, ...rest: unknown[]): void;
  mapResult(row: Dictionary, meta: EntityMetadata, ...rest: unknown[]): Dictionary | null;
  convertException(error: Error): Error;
  getConnection(type?: 'read' | 'write'): object;
}

/**
 * The ORM's driver for reading the past: with each row it asks what nobody knows of it, and leaves that out of the
 * entity. MikroORM keeps no state in the driver that this one would not share.
 *
 * @param hasUnknown whether the rows of a class say what is unknown of them
 */
export function pastDriver<D extends object>(driver: D, hasUnknown: (meta: EntityMetadata) => boolean): D {
  const present = driver as unknown as SqlDriver;
  const marker = (alias: string) => `${alias}__${UNKNOWN_COLUMN}`;
  const methods: SqlDriver = {
    buildFields(meta, populate, joined, builder, alias, options, ...rest) {
      const fields = present.buildFields.call(this, meta, populate, joined, builder, alias, options, ...rest);
      const isNamed = !fields.includes('*') && options.groupBy === undefined && hasUnknown(meta);
      return isNamed ? [...fields, raw('??', [`${alias}.${UNKNOWN_COLUMN}`])] : fields;
    },
    mapPropToFieldNames(builder, prop, alias, meta, ...rest) {
      const fields = present.mapPropToFieldNames.call(this, builder, prop, alias, meta, ...rest);
      const isFirst = prop.name === meta.primaryKeys[0] && hasUnknown(meta);
      return isFirst ? [...fields, raw('?? as ??', [`${alias}.${UNKNOWN_COLUMN}`, marker(alias)])] : fields;
    },
    mapJoinedProp(data, prop, alias, root, ...rest) {
      const unknown = root[marker(alias)] as string[] | null | undefined;
      if (!unknown?.includes(prop.name)) present.mapJoinedProp.call(this, data, prop, alias, root, ...rest);
    },
    mapResult(row, meta, ...rest) {
      const unknown = row?.[UNKNOWN_COLUMN] as string[] | null | undefined;
      const mapped = present.mapResult.call(this, row, meta, ...rest);
      if (!mapped) return mapped;
      for (const name of [UNKNOWN_COLUMN, ...(unknown ?? [])]) delete mapped[name];
      for (const name of Object.keys(mapped)) if (name.endsWith(`__${UNKNOWN_COLUMN}`)) delete mapped[name];
      return mapped;
    },
    getConnection: type => pastConnection(present.getConnection(type), undefined),
    convertException(error) {
      return error instanceof RevyError ? error : present.convertException.call(this, error);
    },
  };
  return Object.assign(Object.create(driver) as D, methods, writes());
}

const WRITES = {
  nativeInsert: 'INSERT',
  nativeInsertMany: 'INSERT',
  nativeUpdate: 'UPDATE',
  nativeUpdateMany: 'UPDATE',
  nativeDelete: 'DELETE',
  nativeClone: 'INSERT',
} as const;

/** The driver's own writes, which would have to be recorded before they reached the database. */
function writes(): Record<string, () => Promise<never>> {
  const refused = (write: string) => async () => Promise.reject(new AsOfWriteError(write));
  return Object.fromEntries(Object.entries(WRITES).map(([method, write]) => [method, refused(write)]));
}
