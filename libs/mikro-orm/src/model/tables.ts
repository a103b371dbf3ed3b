import type { Configuration } from '@mikro-orm/core';
import { quoteName } from './quote.js';

/** Names of the history's tables in one ORM, unquoted. */
export interface TableNames {
  /** Absent where it goes without saying. */
  readonly schema: string | undefined;
  /** What the ORM has to know even so: else it would look for them in the schema of a tenant's entity manager. */
  readonly ownSchema: string | undefined;
  readonly revision: string;
  readonly objectDelta: string;
  readonly attributeDelta: string;
}

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

/** A table's name for SQL text: quoted, with its schema where it has one. */
export function quoted(tables: TableNames, table: 'revision' | 'objectDelta' | 'attributeDelta'): string {
  return [tables.schema, tables[table]]
    .filter(name => name !== undefined)
    .map(quoteName)
    .join('.');
}
