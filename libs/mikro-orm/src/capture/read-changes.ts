import { type EntityManager, helper } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import type { Json, JsonRecord } from '../model/json.js';
import type { TrackedAttribute, TrackedEntity } from '../tracking/tracked-entities.js';
import type { Change, ChangeStep } from './change.js';
import { type CapturedEntity, type FlushCapture, withGenerated, type RowData } from './flush-capture.js';

const NO_STEPS: Change['steps'] = new Map();

/** Turns what a flush did into changes, once its SQL has run and every key is known. */
export function readChanges(capture: FlushCapture, em: EntityManager): Change[] {
  const changes: Change[] = [];
  const deletedFrom = capture.deletedFrom ?? capture.entities.size;
  let written = 0;
  for (const captured of capture.entities.values()) {
    if (written++ === deletedFrom) for (const change of capture.besides) changes.push(change);
    if (!captured.tracked.isTracked) continue;
    const change = readChange(captured, capture, em);
    if (isRekeyed(captured)) changes.push(...rekeyedChanges(change, captured));
    else changes.push(change);
  }
  if (written === deletedFrom) for (const change of capture.besides) changes.push(change);
  return changes;
}

/** What a flush did to an object, with all that is known of it; two changes where its key is another one now. */
export function wholeChanges(captured: CapturedEntity, capture: FlushCapture, em: EntityManager): Change[] {
  const known = knownValues(captured);
  const whole = (values: JsonRecord) => ({ ...known, ...values });
  const change = readChange(captured, capture, em);
  return (isRekeyed(captured) ? rekeyedChanges(change, captured) : [change]).map(one => ({
    ...one,
    ...(one.action !== 'create' && { before: known }),
    ...(one.action !== 'delete' && { after: whole(one.after) }),
  }));
}

function readChange(captured: CapturedEntity, capture: FlushCapture, em: EntityManager): Change {
  const { entity, tracked, action } = captured;
  const values = action === 'delete' ? { before: knownValues(captured), after: {} } : writtenValues(captured, em);
  const isCascaded = action === 'delete' && !capture.removedByUser.has(entity);
  return {
    type: tracked.type,
    objectId: captured.objectId ?? tracked.objectId(entity),
    action,
    ...values,
    links: {},
    attribution: isCascaded ? cascadedBy(capture.attribution) : capture.attribution,
    steps: captured.steps ? readSteps(captured, capture.attribution, em) : NO_STEPS,
    masked: tracked.masked,
  };
}

function isRekeyed({ entity, tracked, action, objectId }: CapturedEntity): boolean {
  return action === 'update' && objectId !== tracked.objectId(entity);
}

/** Under another key a row is another object: the old one ends there, and the new one begins with all of its values. */
function rekeyedChanges(change: Change, captured: CapturedEntity): Change[] {
  const before = knownValues(captured);
  const objectId = captured.tracked.objectId(captured.entity);
  return [
    { ...change, action: 'delete', before, after: {}, steps: NO_STEPS },
    { ...change, action: 'create', objectId, before: {}, after: { ...before, ...change.after } },
  ];
}

/** What a cascade takes along is the system's doing, for the reason that the context gives for deletions. */
export function cascadedBy(attribution: Attribution): Attribution {
  return {
    ...attribution,
    actor: null,
    objectDescription: attribution.deletionDescription,
    attributeDescription: null,
  };
}

function knownValues({ tracked, before, fetched }: CapturedEntity): JsonRecord {
  const known: JsonRecord = {};
  for (const [name, { codec }] of tracked.attributes) {
    if (name in before) known[name] = codec.encode(before[name]);
    else if (fetched && name in fetched) known[name] = codec.encodeRow(fetched[name]);
  }
  return known;
}

/** Encodes only what may have changed: a value that is still the very same needs no comparison. */
function writtenValues(captured: CapturedEntity, em: EntityManager): { before: JsonRecord; after: JsonRecord } {
  const { entity, tracked, fetched } = captured;
  const snapshot = (em.getUnitOfWork(false).getOriginalEntityData(entity) ?? {}) as RowData;
  const now = withGenerated(snapshot, entity, tracked, em);
  const before: JsonRecord = {};
  const after: JsonRecord = {};
  for (const attribute of tracked.attributes.values()) {
    const { name, codec } = attribute;
    if (captured.action === 'create') {
      after[name] = codec.encode(now[name]);
    } else if (mayHaveChanged(attribute, captured, now)) {
      if (name in captured.before) before[name] = codec.encode(captured.before[name]);
      else if (fetched && name in fetched) before[name] = codec.encodeRow(fetched[name]);
      after[name] = codec.encode(now[name]);
    }
  }
  return { before, after };
}

/** The ORM's snapshot leaves out what is undefined, so a missing key is null if it was written, else unchanged. */
function mayHaveChanged({ name }: TrackedAttribute, { before, written }: CapturedEntity, now: RowData): boolean {
  if (name in before) return (name in now || written.has(name)) && before[name] !== now[name];
  return written.has(name);
}

function readSteps(captured: CapturedEntity, flushedBy: Attribution, em: EntityManager): Map<string, ChangeStep[]> {
  const steps = new Map<string, ChangeStep[]>();
  for (const [name, made] of captured.steps ?? []) {
    for (const attribute of attributesOf(name, captured.tracked)) {
      const read = made.map((step, index): ChangeStep => {
        const attribution = step.attribution ?? flushedBy;
        return index === made.length - 1
          ? { attribution }
          : { attribution, value: encodeRuntime(step.value, attribute, em) };
      });
      steps.set(attribute.name, read);
    }
  }
  return steps;
}

/** Whoever changed an inline embeddable changed each of its leaves that is different. */
function attributesOf(name: string, tracked: TrackedEntity): TrackedAttribute[] {
  const attribute = tracked.attributes.get(name);
  if (attribute) return [attribute];
  return [...tracked.attributes.values()].filter(({ prop }) => rootOf(prop.embedded?.[0], tracked) === name);
}

function rootOf(name: string | undefined, tracked: TrackedEntity): string | undefined {
  const parent = name === undefined ? undefined : tracked.meta.properties[name]?.embedded?.[0];
  return parent === undefined ? name : rootOf(parent, tracked);
}

/** A value as the application assigned it, before the ORM converted it for the database. */
function encodeRuntime(value: unknown, { prop, codec }: TrackedAttribute, em: EntityManager): Json {
  if (value === null || value === undefined) return null;
  const wrapped =
    prop.targetMeta && typeof value === 'object' ? helper(value as object)?.getPrimaryKey(true) : undefined;
  if (wrapped !== undefined) return codec.encode(wrapped);
  return codec.encode(prop.customType ? prop.customType.convertToDatabaseValue(value, em.getPlatform()) : value);
}
