/** Names of the history's tables in one ORM, unquoted. */
export interface TableNames {
  readonly schema: string | undefined;
  readonly revision: string;
  readonly objectDelta: string;
  readonly attributeDelta: string;
}

export function tableNames(options: { readonly schema?: string; readonly tablePrefix: string }): TableNames {
  return {
    schema: options.schema,
    revision: `${options.tablePrefix}revision`,
    objectDelta: `${options.tablePrefix}object_delta`,
    attributeDelta: `${options.tablePrefix}attribute_delta`,
  };
}

/** A table's name for SQL text: quoted, with its schema where it has one. */
export function quoted(tables: TableNames, table: 'revision' | 'objectDelta' | 'attributeDelta'): string {
  return [tables.schema, tables[table]]
    .filter(name => name !== undefined)
    .map(quoteIdentifier)
    .join('.');
}

/** A name in SQL text. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Text of our own in SQL text, such as an attribute's name; values of an application are bound. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
