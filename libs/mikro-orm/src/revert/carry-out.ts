import {
  type Collection,
  type Dictionary,
  type EntityManager,
  type EntityProperty,
  ReferenceKind,
} from '@mikro-orm/core';
import type { Json, JsonRecord } from '../model/json.js';
import { keyColumns, keyText, nestKey } from '../model/stored-key.js';
import { hydrate } from '../snapshot/hydrate.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { equal } from './place.js';
import { moveSequences } from './sequences.js';
import { isLink, type ObjectDraft, type PlannedDrafts, type ValueDraft } from './planned-draft.js';

type Entities = ReadonlyMap<ObjectDraft, object>;

/** Makes the changes of a plan to the entities of `em` and flushes them, as an application would. */
export async function carryOut(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  const created = drafts.all.filter(draft => !draft.present && draft.willExist);
  const entities = new Map<ObjectDraft, object>(
    drafts.all.flatMap(one => (one.present ? [[one, one.present.entity]] : [])),
  );
  for (const draft of created) entities.set(draft, newEntity(em, draft));
  for (const draft of drafts.all.filter(one => one.willExist)) {
    change(em, draft, entities.get(draft)!, drafts, entities);
  }
  em.persist(created.map(draft => entities.get(draft)!));
  for (const draft of drafts.all.filter(one => one.present && !one.willExist)) em.remove(entities.get(draft)!);
  await em.flush();
  await moveSequences(em, drafts);
}

/** Without its relations to other objects: those may have to be made first. */
function newEntity(em: EntityManager, { tracked, objectId, values }: ObjectDraft): object {
  const data = decoded(
    tracked,
    values.filter(value => !isLink(value) && !relationOf(tracked, value)),
  );
  return hydrate(em, tracked, objectId, data);
}

function change(
  em: EntityManager,
  draft: ObjectDraft,
  entity: object,
  drafts: PlannedDrafts,
  entities: Entities,
): void {
  const { tracked, present } = draft;
  const changed = draft.values.filter(value => !equal(value.willBe, value.is) && value.willBe !== undefined);
  const target = (prop: EntityProperty, key: Json) => targetOf(em, prop, key, drafts, entities);
  const scalars: ValueDraft[] = [];
  for (const value of changed) {
    const prop = relationOf(tracked, value);
    if (isLink(value)) setLink(entity, value, target(tracked.collections.get(value.name)!, JSON.parse(value.target)));
    else if (prop) setRelation(em, entity, prop, value.willBe as Json, target);
    else scalars.push(value);
  }
  if (present && scalars.length > 0) setScalars(em, draft, present.values, scalars);
}

/** Values are decoded by the ORM, into another instance; assigning them is what the flush notices. */
function setScalars(
  em: EntityManager,
  { tracked, objectId, present }: ObjectDraft,
  values: JsonRecord,
  scalars: readonly ValueDraft[],
): void {
  const data = { ...decodedValues(tracked, values), ...decoded(tracked, scalars) };
  const earlier = hydrate<Dictionary>(em, tracked, objectId, data);
  for (const { name } of scalars) {
    const { embedded } = tracked.attributes.get(name)!.prop;
    const root = embedded ? embedded[0] : name;
    (present!.entity as Dictionary)[root] = earlier[root];
  }
}

function setRelation(
  em: EntityManager,
  entity: object,
  prop: EntityProperty,
  key: Json,
  target: (prop: EntityProperty, key: Json) => object,
): void {
  em.assign(entity, { [prop.name]: key === null ? null : target(prop, key) } as never);
}

function setLink(entity: object, { name, willBe }: ValueDraft, target: object): void {
  const collection = (entity as Dictionary<Collection<object>>)[name]!;
  if (willBe === true) collection.add(target);
  else collection.remove(target);
}

/** The object at the other end: one that the plan brings back, or a reference. */
function targetOf(
  em: EntityManager,
  { targetMeta }: EntityProperty,
  key: Json,
  drafts: PlannedDrafts,
  entities: Entities,
): object {
  const values = [key].flat() as Json[];
  const planned = drafts.of(targetMeta!).get(keyText(values));
  const own = planned && entities.get(planned);
  if (own) return own;
  const columns = keyColumns(targetMeta!, em.getPlatform());
  const decodedKey = nestKey(
    columns,
    columns.map((column, index) => column.codec.decode(values[index] ?? null)),
  );
  return em
    .getEntityFactory()
    .createReference(targetMeta!.class, decodedKey as never, { merge: true, schema: em.schema });
}

function relationOf(tracked: TrackedEntity, { name }: ValueDraft): EntityProperty | undefined {
  const prop = tracked.attributes.get(name)?.prop;
  const isToOne = prop?.kind === ReferenceKind.MANY_TO_ONE || prop?.kind === ReferenceKind.ONE_TO_ONE;
  return isToOne && !prop.polymorphic && !prop.targetKey ? prop : undefined;
}

function decoded(tracked: TrackedEntity, values: readonly ValueDraft[]): Dictionary {
  const stored = values.filter(({ willBe }) => willBe !== undefined && typeof willBe !== 'symbol');
  return decodedValues(tracked, Object.fromEntries(stored.map(({ name, willBe }) => [name, willBe as Json])));
}

/** In the form that the ORM's hydrator takes. */
function decodedValues({ attributes }: TrackedEntity, values: JsonRecord): Dictionary {
  const known = Object.entries(values).filter(([name]) => attributes.has(name));
  return Object.fromEntries(known.map(([name, value]) => [name, attributes.get(name)!.codec.decode(value)]));
}
