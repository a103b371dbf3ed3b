import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import type { Json, JsonRecord } from '../model/json.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';

/** Where to look for what belonged to an object: in what happened after a point, or in one revision. */
export type Window = { readonly after: PointCondition } | { readonly revision: number };

/** A delta of an object that belongs to another one. */
export interface RelatedDelta {
  readonly id: number;
  readonly type: string;
  readonly objectId: string;
  readonly oldValues: JsonRecord | null;
  readonly newValues: JsonRecord | null;
}

/** Finds deltas of a window by the objects that they are of, or by what they refer to. One SELECT each. */
export class RelatedDeltas {
  readonly #em: EntityManager;
  readonly #where: string;
  readonly #value: string | number | null;

  constructor(em: EntityManager, window: Window) {
    this.#em = em;
    this.#where = 'after' in window ? `not (${window.after.test})` : 'd.revision_id = $3::bigint';
    this.#value = 'after' in window ? window.after.value : window.revision;
  }

  ofObjects(meta: EntityMetadata, ids: readonly string[]): Promise<RelatedDelta[]> {
    return this.#find(meta, 'd.object_id = any($2::text[])', ids);
  }

  /** Deltas whose attribute had, or got, one of these values. */
  withValue(meta: EntityMetadata, attribute: string, values: readonly Json[]): Promise<RelatedDelta[]> {
    const is = (side: string) => `d.${side} -> $4 = any($2::text[]::jsonb[])`;
    const texts = values.map(value => JSON.stringify(value));
    return this.#find(meta, `(${is('old_values')} or ${is('new_values')})`, texts, [attribute]);
  }

  /** Deltas that made or took a link of a collection to a target. */
  withLink(meta: EntityMetadata, collection: string, target: Json): Promise<RelatedDelta[]> {
    const links = `coalesce(d.new_values, d.old_values) -> $4`;
    const has = (kind: string) => `${links} -> '${kind}' @> ($2::text[]::jsonb[])[1]`;
    const wanted = [JSON.stringify([target])];
    return this.#find(meta, `(${has('added')} or ${has('removed')})`, wanted, [collection]);
  }

  async #find(
    meta: EntityMetadata,
    condition: string,
    values: readonly string[],
    more: readonly string[] = [],
  ): Promise<RelatedDelta[]> {
    const { tables } = runtimeOf(this.#em);
    const select = statement(`
select d.id, d.object_type as type, d.object_id as "objectId", d.old_values as "oldValues", d.new_values as "newValues"
from ${quoted(tables, 'objectDelta')} d join ${quoted(tables, 'revision')} r on r.id = d.revision_id
where d.object_type = any($1::text[]) and ${condition} and ${this.#where} order by d.id`);
    const rows = await query<RelatedDelta>(this.#em, select, [this.#types(meta), values, this.#value, ...more]);
    return rows.map(row => ({ ...row, id: Number(row.id) }));
  }

  /** The stored types of a class and of those that inherit from it, in the schema of the revert. */
  #types(meta: EntityMetadata): string[] {
    const { entities } = runtimeOf(this.#em);
    const isOf = (other: EntityMetadata) => other.class === meta.class || other.class.prototype instanceof meta.class;
    return [...this.#em.getMetadata()]
      .filter(isOf)
      .flatMap(other => entities.tracked(other.class)?.typeIn(this.#em.schema) ?? []);
  }
}
