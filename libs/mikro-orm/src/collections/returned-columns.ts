import type { EntityMetadata, Platform } from '@mikro-orm/core';
import { tableOf } from '../cascade/tables.js';

/** A list of columns at the end of a statement, as MikroORM 7.2 writes it. */
const RETURNED = / returning ("(?:[^"]|"")*"(?:, "(?:[^"]|"")*")*)$/;

/** The statement with the whole rows returned, as the ORM reads them. Of columns of one name, the last one counts. */
export function returning(sql: string, meta: EntityMetadata, platform: Platform): string {
  const already = RETURNED.exec(sql);
  const columns = [...(already ? [already[1]] : []), '*', ...convertedColumns(meta, platform)].join(', ');
  return `${already ? sql.slice(0, already.index) : sql} returning ${columns}`;
}

/** Columns that the ORM reads through an expression of their type. */
function convertedColumns(meta: EntityMetadata, platform: Platform): string[] {
  return tableOf(meta).props.flatMap(({ fieldNames, customType, hasConvertToJSValueSQL, persist }) => {
    if (!hasConvertToJSValueSQL || persist === false) return [];
    const names = fieldNames.map(name => platform.quoteIdentifier(name));
    return names.map(name => `${customType!.convertToJSValueSQL!(name, platform)} as ${name}`);
  });
}
