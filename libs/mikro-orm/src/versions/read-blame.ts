import type { EntityManager } from '@mikro-orm/core';
import { statement, type Statement } from '../database/statement.js';
import { loadActor } from '../history/load-actors.js';
import { query } from '../history/query.js';
import type { ObjectPoint } from '../history/point.js';
import type { Target } from '../history/target.js';
import type { StoredAttribution } from '../model/object-delta.entity.js';
import { quoted, revisionJson, type TableNames } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import { hydrateRevision } from '../snapshot/hydrate.js';
import type { StoredActor } from '../tracking/stored-actor.js';
import { AttributeBlame, type AttributeSetter, type Blame } from './blame.js';
import { type ObjectState, stateAt } from './object-state.js';

/** The last delta that set an attribute. */
interface SetterRow {
  readonly attribute: string;
  readonly id: string;
  readonly version: number;
  readonly actor_type: string | null;
  readonly actor_id: string | null;
  readonly description: string | null;
  /** The last of several who set it in that delta, or the one whom the delta does not name. */
  readonly step: StoredAttribution | null;
  /** The row of its revision as JSON. */
  readonly revision: Record<string, unknown>;
}

/** Later than any version. */
const LATEST = 2_147_483_647;

/** One SELECT for all attributes, and at most three for their values. Nothing if the object has never been seen. */
export async function readBlame<T extends object>(
  em: EntityManager,
  target: Target,
  point: ObjectPoint | undefined,
): Promise<Blame<T> | null> {
  const state = await stateAt<T>(em, target, point);
  if (!state) return null;
  const { tracked, type, objectId } = target;
  const select = settersStatement(runtimeOf(em).tables);
  const upTo = point === undefined ? LATEST : state.snapshot.version;
  const setters = settersOf(em, target, await query<SetterRow>(em, select, [type, objectId, upTo]));
  const load = (actor: StoredActor) => loadActor(em, actor);
  const recorded = new Set([...tracked.attributes.keys()].map(name => tracked.propertyOf(name)));
  const names = tracked.meta.props.map(prop => prop.name as string).filter(name => recorded.has(name));
  const blamed = names.map(name => [name, new AttributeBlame(valueOf(state, name), setters.get(name), load)]);
  return Object.fromEntries(blamed) as Blame<T>;
}

function valueOf(state: ObjectState<object>, property: string): unknown {
  return state.snapshot.entity[property as never];
}

/** By property: of the leaves of an embeddable, the one that was set last counts. */
function settersOf(em: EntityManager, { tracked }: Target, rows: readonly SetterRow[]): Map<string, AttributeSetter> {
  const reader = em.fork({ keepTransactionContext: true });
  const oldestFirst = rows.toSorted((a, b) => Number(a.id) - Number(b.id));
  return new Map(oldestFirst.map(row => [tracked.propertyOf(row.attribute), setterOf(reader, row)]));
}

function setterOf(em: EntityManager, { step, ...row }: SetterRow): AttributeSetter {
  const revision = hydrateRevision(em, row.revision);
  const by = step ?? { actorType: row.actor_type, actorId: row.actor_id, description: row.description };
  return {
    revision,
    version: row.version,
    actorType: by.actorType,
    actorId: by.actorId,
    description: by.description ?? revision.description,
  };
}

/** Reads the object's life once, from its last creation on. Parameters: type, object id, the last version that counts. */
function settersStatement(tables: TableNames): Statement {
  const delta = quoted(tables, 'objectDelta');
  const object = 'd.object_type = $1 and d.object_id = $2 and d.version <= $3::int';
  return statement(`
with latest as (
  select e.key as attribute, max(d.id) as id
  from ${delta} d cross join lateral jsonb_object_keys(d.new_values) e(key)
  where ${object} and d.id >= coalesce((select max(d.id) from ${delta} d where ${object} and d.action = 'create'), 0)
  group by e.key
)
select latest.attribute, d.id, d.version, d.actor_type, d.actor_id, d.description,
       d.attributions -> latest.attribute -> -1 as step, ${revisionJson(tables)} as revision
from latest
join ${delta} d on d.id = latest.id
join ${quoted(tables, 'revision')} r on r.id = d.revision_id`);
}
