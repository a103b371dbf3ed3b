import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import { statement } from '../database/statement.js';
import { queryPrimary } from '../history/query.js';
import type { ObjectAction } from '../model/action.js';
import type { Json } from '../model/json.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { FollowedEdge } from './follow-edges.js';
import type { LinkEdge, ReferenceEdge } from './relation-edge.js';
import { placeInKey } from './stored-reference.js';

/** A delta that tells of a relation: what its object referred to before and after, or which links it changed. */
export interface RelationEvent {
  /** Which of the edges asked for. */
  readonly edge: number;
  readonly object_id: string;
  readonly revision: string;
  readonly recorded_at: Date | string;
  readonly action: ObjectAction;
  /** The reference before; null also where it is not known, and of links. */
  readonly old: Json | null;
  /** The reference after, or the links that were changed. */
  readonly new: Json | null;
}

/**
 * All deltas, in order, that tell of relations to some objects. One SELECT: it reads the histories of the classes that
 * have such relations, because no index leads from a referred object to those that referred to it.
 */
export async function readRelationEvents(
  em: EntityManager,
  followed: readonly FollowedEdge[],
): Promise<RelationEvent[]> {
  if (followed.length === 0) return [];
  const { tables } = runtimeOf(em);
  const writer = new EventsQuery(quoted(tables, 'objectDelta'), em.schema);
  const selects = followed.map((one, index) => writer.select(one, index));
  const select = statement(`
select e.*, r.recorded_at from (${selects.join('\nunion all\n')}
) e join ${quoted(tables, 'revision')} r on r.id = e.revision order by e.id`);
  return queryPrimary<RelationEvent>(em, select, writer.parameters);
}

/** Has one SELECT for each edge, whose text is the same whatever the objects are. */
class EventsQuery {
  readonly parameters: unknown[] = [];

  constructor(
    private readonly delta: string,
    private readonly schema: string | undefined,
  ) {}

  select(followed: FollowedEdge, index: number): string {
    const { edge } = followed;
    if (edge.kind === 'link') return this.#links({ ...followed, edge }, index);
    return edge.prop.primary
      ? this.#keys({ ...followed, edge }, index)
      : this.#references({ ...followed, edge }, index);
  }

  #bind(value: unknown, type: string): string {
    return `$${this.parameters.push(value)}::${type}`;
  }

  /** The value of an attribute among the values of a delta, under whichever name it had then. */
  #attribute({ names }: TrackedEntity, { name }: EntityProperty): (values: string) => string {
    const bound = names.of(name).map(one => this.#bind(one, 'text'));
    return values => {
      const [value, ...former] = bound.map(one => `${values} -> ${one}`);
      return former.length === 0 ? `(${value})` : `coalesce(${[value, ...former].join(', ')})`;
    };
  }

  #isOne(of: readonly Json[]): string {
    return `in (select value from jsonb_array_elements(${this.#bind(JSON.stringify(of), 'jsonb')}))`;
  }

  #references({ edge, references }: FollowedEdge<ReferenceEdge>, index: number): string {
    const types = this.#types(edge.children);
    const valueIn = this.#attribute(edge.children[0]!, edge.prop);
    const isReferred = this.#isOne(references);
    return `
select ${index} as edge, d.object_id, d.revision_id as revision, d.id, d.action,
       ${valueIn('d.old_values')} as old, ${valueIn('d.new_values')} as new
from ${this.delta} d
where d.object_type = any(${types}) and (d.action <> 'update' or ${valueIn('d.new_values')} is not null) and d.object_id in (
  select c.object_id from ${this.delta} c
  where c.object_type = any(${types}) and (${valueIn('c.new_values')} ${isReferred} or ${valueIn('c.old_values')} ${isReferred}))`;
  }

  /** An object whose key refers to another one refers to it for as long as it lives: its beginning and its end tell. */
  #keys({ edge, references, objectIds }: FollowedEdge<ReferenceEdge>, index: number): string {
    const { first, count } = placeInKey(edge.children[0]!, edge.prop);
    const isWhole = count === edge.children[0]!.keyColumns.length;
    const column = (offset: number) => `d.object_id::jsonb -> ${first + offset}`;
    const columns = Array.from({ length: count }, (_, offset) => column(offset)).join(', ');
    const reference = count === 1 ? columns : `jsonb_build_array(${columns})`;
    const isReferred = isWhole
      ? `d.object_id = any(${this.#bind(objectIds, 'text[]')})`
      : `case when d.object_id like '[%' then ${reference} ${this.#isOne(references)} end`;
    return `
select ${index} as edge, d.object_id, d.revision_id as revision, d.id, d.action, null::jsonb as old, null::jsonb as new
from (
  select d.*, row_number() over (partition by d.object_id order by d.id) as nth
  from ${this.delta} d where d.object_type = any(${this.#types(edge.children)}) and ${isReferred}
) d where d.action <> 'update' or d.nth = 1`;
  }

  /** Links are among the new values; of a deletion, those that it took are among the old ones. */
  #links({ edge, references, objectIds }: FollowedEdge<LinkEdge>, index: number): string {
    const types = this.#types(edge.owners);
    const valueIn = this.#attribute(edge.owners[0]!, edge.prop);
    const links = (delta: string) => valueIn(`coalesce(${delta}.new_values, ${delta}.old_values)`);
    const isOwner =
      edge.from === 'owner'
        ? `d.object_id = any(${this.#bind(objectIds, 'text[]')})`
        : `d.object_id in (
  select c.object_id from ${this.delta} c, jsonb_path_query(${links('c')}, '$.*[*]') k(value)
  where c.object_type = any(${types}) and k.value ${this.#isOne(references)})`;
    return `
select ${index} as edge, d.object_id, d.revision_id as revision, d.id, d.action, null::jsonb as old, ${links('d')} as new
from ${this.delta} d
where d.object_type = any(${types}) and (d.action <> 'update' or ${valueIn('d.new_values')} is not null) and ${isOwner}`;
  }

  #types(classes: readonly TrackedEntity[]): string {
    return this.#bind(
      classes.map(one => one.typeIn(this.schema)),
      'text[]',
    );
  }
}
