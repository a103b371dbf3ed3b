import type { Dictionary, EntityManager } from '@mikro-orm/core';
import { type Actor, SystemActor } from '../context/actor.js';
import type { Revision } from '../model/revision.entity.js';
import { type Statement, statement } from '../database/statement.js';
import { quoted } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import { SYSTEM_TYPE } from '../model/system-type.js';
import type { StoredActor } from '../tracking/stored-actor.js';
import { splitType } from '../tracking/stored-type.js';
import { query } from './query.js';

interface ActorKey {
  readonly type: string | null;
  readonly id: string | null;
}

interface ActorRow extends ActorKey {
  readonly revision: number;
}

interface WaitingActor extends ActorKey {
  readonly resolve: (actor: Actor | undefined) => void;
  readonly reject: (reason: unknown) => void;
}

type Waiting = Map<number, ((actors: Promise<Actor[]>) => void)[]>;

/** Revisions that were asked for their actors since the last tick, by entity manager. */
const waiting = new WeakMap<EntityManager, Waiting>();

/** Single actors that were asked for since the last tick, by entity manager. */
const waitingActors = new WeakMap<EntityManager, WaitingActor[]>();

/** The actors of a revision; what is asked for in one tick is loaded together. */
export function loadActors(em: EntityManager, revision: Revision): Promise<Actor[]> {
  return new Promise(resolve => {
    let batch = waiting.get(em);
    if (!batch) {
      waiting.set(em, (batch = new Map()));
      setImmediate(() => settle(em));
    }
    batch.set(revision.id, [...(batch.get(revision.id) ?? []), resolve]);
  });
}

/** The entity or system that a stored actor stands for; what is asked for in one tick is loaded together. */
export function loadActor(em: EntityManager, { actorType, actorId }: StoredActor): Promise<Actor | undefined> {
  return new Promise((resolve, reject) => {
    let batch = waitingActors.get(em);
    if (!batch) {
      waitingActors.set(em, (batch = []));
      setImmediate(() => settleActors(em));
    }
    batch.push({ type: actorType, id: actorId, resolve, reject });
  });
}

function settleActors(em: EntityManager): void {
  const batch = waitingActors.get(em)!;
  waitingActors.delete(em);
  const reader = em.fork({ keepTransactionContext: true });
  loadEntities(reader, batch).then(
    entities => batch.forEach(({ type, id, resolve }) => resolve(actorOf(type, id, entities))),
    (error: unknown) => batch.forEach(({ reject }) => reject(error)),
  );
}

/** @returns `undefined` for an entity that is not there any more */
function actorOf(type: string | null, id: string | null, entities: ReadonlyMap<string, object>): Actor | undefined {
  if (type === null) return null;
  return type === SYSTEM_TYPE ? new SystemActor(id!) : entities.get(`${type} ${id}`);
}

function settle(em: EntityManager): void {
  const batch = waiting.get(em)!;
  waiting.delete(em);
  const loaded = loadBatch(em, [...batch.keys()]);
  for (const [id, resolves] of batch) {
    for (const resolve of resolves) resolve(loaded.then(actors => actors.get(id) ?? []));
  }
}

async function loadBatch(em: EntityManager, revisions: readonly number[]): Promise<Map<number, Actor[]>> {
  const rows = await query<ActorRow>(em, actorsStatement(em), [JSON.stringify(revisions)]);
  const entities = await loadEntities(em, rows);
  const actors = new Map<number, Actor[]>();
  for (const { revision, type, id } of rows) {
    const actor = actorOf(type, id, entities);
    if (actor !== undefined) actors.set(Number(revision), [...(actors.get(Number(revision)) ?? []), actor]);
  }
  return actors;
}

async function loadEntities(em: EntityManager, rows: readonly ActorKey[]): Promise<Map<string, object>> {
  const loaded = new Map<string, object>();
  const { entities } = runtimeOf(em);
  for (const type of new Set(rows.map(row => row.type))) {
    const entity = type === null ? undefined : entities.ofType(type);
    if (!entity) continue;
    const keys = [...new Set(rows.filter(row => row.type === type).map(row => row.id!))].map(id => entity.key(id));
    const { schema = entities.defaultSchema } = splitType(type!);
    const found = await em.find(entity.meta.class, keys as unknown as Dictionary, { filters: false, schema });
    for (const actor of found) loaded.set(`${type} ${entity.objectId(actor)}`, actor as object);
  }
  return loaded;
}

function actorsStatement(em: EntityManager): Statement {
  const { tables } = runtimeOf(em);
  const wanted = 'select value::bigint as id from json_array_elements_text($1::json)';
  return statement(`
with wanted as (${wanted}), deltas as (
  select d.* from ${quoted(tables, 'objectDelta')} d where d.revision_id in (select id from wanted)
)
select revision, type, id from (
  select r.id as revision, r.actor_type as type, r.actor_id as id
  from ${quoted(tables, 'revision')} r where r.id in (select id from wanted)
  union
  select d.revision_id, d.actor_type, d.actor_id from deltas d
  union
  select d.revision_id, s.step ->> 'actorType', s.step ->> 'actorId'
  from deltas d, jsonb_each(d.attributions) a, jsonb_array_elements(a.value) s(step)
) actors
order by revision, type nulls last, id`);
}
