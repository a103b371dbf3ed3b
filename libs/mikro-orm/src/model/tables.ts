/** Names of the history's tables in one ORM, unquoted. */
export interface TableNames {
  readonly schema: string | undefined;
  readonly revision: string;
  readonly objectDelta: string;
  readonly attributeDelta: string;
  /** Of tables that are not in `schema`, because an application maps them itself. */
  readonly schemas?: Partial<Record<TableName, string | undefined>>;
}

type TableName = 'revision' | 'objectDelta' | 'attributeDelta';

export function tableNames(options: { readonly schema?: string; readonly tablePrefix: string }): TableNames {
  return {
    schema: options.schema,
    revision: `${options.tablePrefix}revision`,
    objectDelta: `${options.tablePrefix}object_delta`,
    attributeDelta: `${options.tablePrefix}attribute_delta`,
  };
}

export function schemaOf({ schema, schemas = {} }: TableNames, table: TableName): string | undefined {
  return table in schemas ? schemas[table] : schema;
}

/** A table's name for SQL text: quoted, with its schema where it has one. */
export function quoted(tables: TableNames, table: TableName): string {
  return [schemaOf(tables, table), tables[table]]
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
