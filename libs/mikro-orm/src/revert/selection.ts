import type { EntityManager } from '@mikro-orm/core';
import { type Statement, statement } from '../database/statement.js';
import type { PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import type { Target } from '../history/target.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import { objectKey } from './timeline.js';

/** Which deltas to undo, and which of their places. */
export interface Selection {
  readonly deltas: readonly number[];
  /** Whether it is meant that an object was made or deleted. */
  includesObject(type: string, objectId: string): boolean;
  /** Whether an attribute or a link of an object is meant; the target is its key as JSON. */
  includes(type: string, objectId: string, attribute: string, target?: string): boolean;
}

/** A delta of one object. */
export interface DeltaOf {
  readonly id: number;
  readonly type: string;
  readonly objectId: string;
}

/** Gathers deltas, whole or for some of their places. */
export class SelectionBuilder implements Selection {
  readonly #deltas = new Set<number>();
  readonly #whole = new Set<string>();
  readonly #withLinks = new Set<string>();
  readonly #places = new Set<string>();

  get deltas(): readonly number[] {
    return [...this.#deltas];
  }

  /** With its links, unless they are to be named one collection at a time. */
  addWhole({ id, type, objectId }: DeltaOf, { withLinks = true } = {}): void {
    this.#deltas.add(id);
    this.#whole.add(objectKey(type, objectId));
    if (withLinks) this.#withLinks.add(objectKey(type, objectId));
  }

  /** A collection, one link of it, or an attribute. */
  addPlace({ id, type, objectId }: DeltaOf, attribute: string, target?: string): void {
    this.#deltas.add(id);
    this.#places.add(placeKey(type, objectId, attribute, target));
  }

  includesObject(type: string, objectId: string): boolean {
    return this.#whole.has(objectKey(type, objectId));
  }

  includes(type: string, objectId: string, attribute: string, target?: string): boolean {
    const whole = target === undefined ? this.#whole : this.#withLinks;
    if (whole.has(objectKey(type, objectId)) || this.#places.has(placeKey(type, objectId, attribute))) return true;
    return target !== undefined && this.#places.has(placeKey(type, objectId, attribute, target));
  }
}

/** Everything that some deltas did. */
export function everything(deltas: readonly number[]): Selection {
  return { deltas, includesObject: () => true, includes: () => true };
}

function placeKey(...parts: (string | undefined)[]): string {
  return JSON.stringify(parts.filter(part => part !== undefined));
}

/** The deltas of some revisions. One SELECT. */
export async function deltasOf(em: EntityManager, revisions: readonly number[]): Promise<DeltaOf[]> {
  const select = statement(`
select id, object_type as type, object_id as "objectId" from ${quoted(runtimeOf(em).tables, 'objectDelta')}
where revision_id = any($1::bigint[]) order by id`);
  const rows = await query<{ id: string; type: string; objectId: string }>(em, select, [revisions]);
  return rows.map(row => ({ ...row, id: Number(row.id) }));
}

/** The deltas of an object after a point. One SELECT. */
export function idsSince(em: EntityManager, { type, objectId }: Target, point: PointCondition): Promise<number[]> {
  const { tables } = runtimeOf(em);
  const select = statement(`
select d.id from ${quoted(tables, 'objectDelta')} d join ${quoted(tables, 'revision')} r on r.id = d.revision_id
where d.object_type = $1 and d.object_id = $2 and not (${point.test}) order by d.id`);
  return ids(em, select, [type, objectId, point.value]);
}

/** Which of these revisions exist. One SELECT. */
export async function existingRevisions(em: EntityManager, revisions: readonly number[]): Promise<Set<number>> {
  const select = statement(`
select id from ${quoted(runtimeOf(em).tables, 'revision')} where id = any($1::bigint[])`);
  return new Set(await ids(em, select, [revisions]));
}

async function ids(em: EntityManager, select: Statement, parameters: readonly unknown[]): Promise<number[]> {
  return (await query<{ id: string }>(em, select, parameters)).map(({ id }) => Number(id));
}
