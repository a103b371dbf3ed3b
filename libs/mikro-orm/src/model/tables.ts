import type { Configuration } from '@mikro-orm/core';
import { quoteName, quoteText } from './quote.js';

/** Names of the history's tables in one ORM, unquoted. */
export interface TableNames {
  /** Absent where it goes without saying. */
  readonly schema: string | undefined;
  /** What the ORM has to know even so: else it would look for them in the schema of a tenant's entity manager. */
  readonly ownSchema: string | undefined;
  readonly revision: string;
  readonly objectDelta: string;
  readonly attributeDelta: string;
  /** Of tables that are not in `schema`, because an application maps them itself. */
  readonly schemas?: Partial<Record<TableName, string | undefined>>;
  /** Columns of the revision's table whose values JSON would bend, such as numbers of many digits. */
  readonly revisionTexts?: readonly string[];
}

type TableName = 'revision' | 'objectDelta' | 'attributeDelta';

/** @param config of the ORM, whose schema is taken where the options name none */
export function tableNames(
  options: { readonly schema?: string; readonly tablePrefix: string },
  config: Pick<Configuration, 'getSchema'>,
): TableNames {
  return {
    schema: options.schema ?? config.getSchema(true),
    ownSchema: options.schema ?? config.getSchema(),
    revision: `${options.tablePrefix}revision`,
    objectDelta: `${options.tablePrefix}object_delta`,
    attributeDelta: `${options.tablePrefix}attribute_delta`,
  };
}

export function schemaOf({ schema, schemas = {} }: TableNames, table: TableName): string | undefined {
  return table in schemas ? schemas[table] : schema;
}

/** A revision, whose alias is `r`, as JSON in SQL text. */
export function revisionJson({ revisionTexts = [] }: TableNames): string {
  const texts = revisionTexts.map(name => `${quoteText(name)}, r.${quoteName(name)}::text`);
  return texts.length === 0 ? 'to_jsonb(r)' : `to_jsonb(r) || jsonb_build_object(${texts.join(', ')})`;
}

/** A table's name for SQL text: quoted, with its schema where it has one. */
export function quoted(tables: TableNames, table: TableName): string {
  return [schemaOf(tables, table), tables[table]]
    .filter(name => name !== undefined)
    .map(quoteName)
    .join('.');
}
