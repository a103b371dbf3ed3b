import type { Dictionary, EntityMetadata } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { type FoundRow, keyValues, type Row, rowId } from '../cascade/found-row.js';
import { classOfRow } from '../cascade/tables.js';
import type { CascadeTools } from '../cascade/cascade-map.js';

/** A row that a statement returned, as the driver would have read it. */
export function foundRow(columns: Dictionary, meta: EntityMetadata, { em, graph, entities }: CascadeTools): FoundRow {
  const driver = em.getDriver() as unknown as AbstractSqlDriver;
  const read = (as: EntityMetadata) => driver.mapResult(columns, as, []) as Row;
  const row = read(meta);
  const concrete = graph.metaOf(classOfRow(meta, row)) ?? meta;
  const id = rowId(concrete, keyValues(concrete, row), entities);
  return { meta: concrete, id, row: concrete === meta ? row : read(concrete), isWhole: true };
}
