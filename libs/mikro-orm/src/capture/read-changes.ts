import { type EntityManager, isRaw, Reference, ReferenceKind, ScalarReference } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import type { Json, JsonRecord } from '../model/json.js';
import { type TrackedAttribute, type TrackedEntity, valueInRow } from '../tracking/tracked-entities.js';
import { UnknownKeyError } from './capture.errors.js';
import type { Change, ChangeStep } from './change.js';
import type { CapturedEntity, FlushCapture } from './flush-capture.js';
import { changesKey, type RowData, withGenerated } from './row-data.js';
import { runningFlush } from './running-flush.js';

const NO_STEPS: Change['steps'] = new Map();

/** Turns what a flush did into changes, once its SQL has run and every key is known. No row was there, no change. */
export function readChanges(capture: FlushCapture, em: EntityManager): Change[] {
  const changes: Change[] = [];
  const deletedFrom = capture.deletedFrom ?? capture.entities.size;
  let written = 0;
  for (const captured of capture.entities.values()) {
    if (written++ === deletedFrom) for (const change of capture.besides) changes.push(change);
    if (!captured.tracked.isTracked || wroteNothing(captured)) continue;
    const change = readChange(captured, capture, em);
    if (isRekeyed(captured)) changes.push(...rekeyedChanges(change, captured));
    else changes.push(change);
  }
  if (written === deletedFrom) for (const change of capture.besides) changes.push(change);
  return changes;
}

/** What a flush did to an object, with all that is known of it; two changes where its key is another one now. */
export function wholeChanges(captured: CapturedEntity, capture: FlushCapture, em: EntityManager): Change[] {
  if (wroteNothing(captured)) return [];
  const known = knownValues(captured);
  const change = readChange(captured, capture, em);
  return (isRekeyed(captured) ? rekeyedChanges(change, captured) : [change]).map(one => ({
    ...one,
    ...(one.action !== 'create' && { before: known }),
    ...(one.action !== 'delete' && { after: { ...known, ...one.after } }),
  }));
}

function readChange(captured: CapturedEntity, capture: FlushCapture, em: EntityManager): Change {
  const { entity, tracked, type, action } = captured;
  const { before, after } =
    action === 'delete' ? { before: knownValues(captured), after: {} } : writtenValues(captured, em);
  const isCascaded = action === 'delete' && !capture.removedByUser.has(entity);
  const change = {
    type,
    objectId: captured.objectId ?? newObjectId(captured),
    action,
    before,
    after,
    links: {},
    attribution: isCascaded ? cascadedBy(capture.attribution) : capture.attribution,
    steps: readSteps(captured, capture.attribution, em),
    masked: tracked.masked,
  };
  return mayHaveMissed(captured) ? { ...change, isDoubtful: true } : change;
}

/** The row was gone: deleted by another transaction, or never there but for one that was rolled back. */
function wroteNothing(captured: CapturedEntity): boolean {
  return captured.action === 'update' ? captured.isMissed : captured.isAbsent && mayHaveMissed(captured);
}

function mayHaveMissed({ action, tracked }: CapturedEntity): boolean {
  return action === 'delete' && runningFlush()?.missed.hasMissedDeletes(tracked.meta.root) === true;
}

function newObjectId({ entity, tracked }: CapturedEntity): string {
  const id = tracked.objectId(entity);
  if (id.includes('null') && !tracked.hasKey(entity)) throw new UnknownKeyError(tracked.meta.className);
  return id;
}

function isRekeyed({ entity, tracked, action, objectId, changeSets }: CapturedEntity): boolean {
  const mayBeOther = action === 'update' && changeSets.some(set => changesKey(set, tracked));
  return mayBeOther && objectId !== tracked.objectId(entity);
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
  for (const attribute of tracked.attributes.values()) {
    const value = valueBefore(attribute, { before, fetched });
    if (value !== undefined) known[attribute.name] = value;
  }
  return known;
}

function valueBefore(
  attribute: TrackedAttribute,
  { before, fetched }: Pick<CapturedEntity, 'before' | 'fetched'>,
): Json | undefined {
  const { name, codec } = attribute;
  if (name in before && !isRaw(before[name])) return codec.encode(before[name]);
  return fetched && valueInRow(attribute, fetched);
}

/** Encodes only what may have changed: a value that is still the very same needs no comparison. */
function writtenValues(captured: CapturedEntity, em: EntityManager): { before: JsonRecord; after: JsonRecord } {
  const { entity, tracked } = captured;
  const snapshot = (em.getUnitOfWork(false).getOriginalEntityData(entity) ?? {}) as RowData;
  const now = withGenerated(snapshot, entity, tracked, em);
  const before: JsonRecord = {};
  const after: JsonRecord = {};
  for (const attribute of tracked.attributes.values()) {
    const { name } = attribute;
    const value = isAsSent(attribute, captured) ? captured.written[name] : now[name];
    if (captured.action !== 'create') {
      if (!mayHaveChanged(name, captured, value)) continue;
      const was = valueBefore(attribute, captured);
      if (was !== undefined) before[name] = was;
    }
    const is = valueAfter(attribute, value, captured);
    if (is !== undefined) after[name] = is;
  }
  return { before, after };
}

/** An SQL expression is no value; what it came to stands in the row. */
function valueAfter(attribute: TrackedAttribute, value: unknown, { computed }: CapturedEntity): Json | undefined {
  if (isRaw(value)) return computed && valueInRow(attribute, computed);
  return attribute.codec.encode(value);
}

/** The ORM leaves columns alone whose values it takes for equal, by a custom type's `compareValues` for one. */
function mayHaveChanged(name: string, { before, written }: CapturedEntity, value: unknown): boolean {
  return name in written && !(name in before && before[name] === value);
}

/**
 * Whether the row holds what the ORM has sent. Its copy of the row may say more than that: it takes in what was assigned
 * while the SQL ran, and other ciphertext each time. MikroORM 7.2 rewrites embedded objects and polymorphic relations in
 * the data that it sends (AbstractSqlDriver.js:1054).
 */
function isAsSent({ name, prop }: TrackedAttribute, { action, expressions }: CapturedEntity): boolean {
  const isRewritten = prop.kind === ReferenceKind.EMBEDDED || prop.polymorphic;
  return action === 'update' && !isRewritten && !prop.generated && !expressions.has(name);
}

function readSteps(captured: CapturedEntity, flushedBy: Attribution, em: EntityManager): Change['steps'] {
  const { tracked } = captured;
  if (!captured.steps || areAllBy(flushedBy, captured.steps)) return NO_STEPS;
  const steps = new Map<string, ChangeStep[]>();
  for (const [name, made] of captured.steps) {
    // an expression that was replaced before the flush has never come to anything
    const effective = made.filter(({ value }) => !isRaw(value));
    const rows = effective.slice(0, -1).map(({ value }) => rowOf(name, value, tracked, em));
    for (const attribute of attributesOf(name, tracked)) {
      const read = effective.map((step, index): ChangeStep => {
        const attribution = step.attribution ?? flushedBy;
        const row = rows[index];
        return row ? { attribution, value: attribute.codec.encode(row[attribute.name]) } : { attribution };
      });
      steps.set(attribute.name, read);
    }
  }
  return steps;
}

/** Mostly nobody but whoever flushes has changed anything. */
function areAllBy(attribution: Attribution, steps: NonNullable<CapturedEntity['steps']>): boolean {
  for (const made of steps.values()) {
    const [step] = made;
    if (made.length !== 1 || 'value' in step! || (step!.attribution ?? attribution) !== attribution) return false;
  }
  return true;
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

/** The ORM's own conversion of one property's value, as the application assigned it, to database values. */
function rowOf(name: string, value: unknown, { meta }: TrackedEntity, em: EntityManager): RowData {
  const prop = meta.properties[name];
  const isUnwrapped = prop?.ref && value !== null && value !== undefined && !isWrapper(value);
  const held = isUnwrapped ? new ScalarReference(value, true) : value;
  const generate = em.getComparator().getSnapshotGenerator(meta.class);
  // MikroORM 7.2 reads the properties that are there, and asks the helper whether to call getters
  return generate({ __helper: { __initialized: true }, [name]: held } as never) as RowData;
}

function isWrapper(value: unknown): boolean {
  return Reference.isReference(value) || ScalarReference.isScalarReference(value);
}
