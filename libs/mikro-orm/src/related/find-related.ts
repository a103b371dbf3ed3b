import type { EntityManager } from '@mikro-orm/core';
import { asFilter, sql, Sql } from '../history/filter/sql.js';
import type { HistoryFilter, PageOptions } from '../history/filter/history-filter.js';
import { findDeltas } from '../history/find-history.js';
import { UnusableFilterError } from '../history/history.errors.js';
import type { Page } from '../history/page.js';
import type { Target } from '../history/target.js';
import type { ObjectAction } from '../model/action.js';
import type { ObjectDelta } from '../model/object-delta.entity.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import type { RelatedObject } from './related-object.js';
import { relatedObjects } from './related-objects.js';

/** How far a timeline reaches, and what it is narrowed by. */
export interface RelatedOptions extends HistoryFilter, PageOptions {
  /**
   * How many relations away: 0 is the object alone, 1 with what referred to it or was linked with it.
   *
   * @defaultValue `1`
   */
  readonly depth?: number;
  /** Only deltas that did this to their object. */
  readonly action?: ObjectAction | readonly ObjectAction[];
}

/** One SELECT more than finding the objects takes. */
export async function findRelated(
  em: EntityManager,
  target: Target,
  { depth = 1, ...filter }: RelatedOptions,
): Promise<Page<ObjectDelta>> {
  if (!Number.isSafeInteger(depth) || depth < 0) throw new UnusableFilterError('depth', depth, 'a whole number from 0');
  const objects = await relatedObjects(em, target, depth);
  const where = asFilter<ObjectDelta>(table => withinPeriods(em, table, objects));
  return findDeltas(em, { ...filter, where });
}

/** The objects come first, so that the index of objects leads to their deltas. */
function withinPeriods(em: EntityManager, table: Sql, objects: readonly RelatedObject[]): Sql {
  const delta = new Sql(quoted(runtimeOf(em).tables, 'objectDelta'));
  const rows = objects.flatMap(({ classes, objectId: id, periods }) =>
    classes.flatMap(one => {
      const type = one.typeIn(em.schema);
      return periods.map(({ since, until }) => ({ type, id, since, until }));
    }),
  );
  return sql`${table}.id in (
    select d.id
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) o(type text, id text, since bigint, until bigint)
    join ${delta} d on d.object_type = o.type and d.object_id = o.id and d.revision_id between o.since and o.until)`;
}
