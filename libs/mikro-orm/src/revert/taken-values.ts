import type { Dictionary, EntityManager } from '@mikro-orm/core';
import { type Json, type JsonRecord } from '../model/json.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { equal, type PlaceValue } from './place.js';
import { isLink, obstruct, type ObjectDraft, type PlannedDrafts, type ValueDraft } from './planned-draft.js';
import { RowLookup } from './row-lookup.js';

/** Attributes that no two rows may share the values of. */
type UniqueKey = readonly string[];

/** Marks values that are unique and that another row has. One SELECT for each unique constraint that is touched. */
export async function findTakenValues(em: EntityManager, drafts: PlannedDrafts): Promise<void> {
  const living = drafts.all.filter(draft => draft.willExist);
  for (const [tracked, ofClass] of Map.groupBy(living, draft => draft.tracked)) {
    for (const key of uniqueKeys(tracked)) await findTaken(em, tracked, key, ofClass, drafts);
  }
}

async function findTaken(
  em: EntityManager,
  tracked: TrackedEntity,
  key: UniqueKey,
  ofClass: readonly ObjectDraft[],
  drafts: PlannedDrafts,
): Promise<void> {
  const wanted = new Map<string, ObjectDraft>();
  for (const draft of ofClass) {
    const values = key.map(name => outcome(draft, name));
    const changes = key.some(name => changed(draft, name));
    if (changes && values.every(isPresent)) wanted.set(JSON.stringify(values), draft);
  }
  if (wanted.size === 0) return;
  const planned = drafts.of(tracked.meta);
  const lookup = new RowLookup(em, tracked.meta);
  const rows = await lookup.find([...wanted.keys()], chunk => condition(tracked, key, chunk), key);
  for (const row of rows) {
    const values = key.map(name => tracked.attributes.get(name)!.codec.encodeRow(row[name]));
    const draft = wanted.get(JSON.stringify(values));
    const holder = lookup.objectId(row);
    if (!draft || holder === draft.objectId || !keeps(planned.get(holder), key, values)) continue;
    const taken = draft.values.find(value => value.name === key.find(name => changed(draft, name)));
    if (taken) obstruct(taken, { reason: 'unique-taken', detail: `${tracked.meta.className} ${holder} has it` });
  }
}

/** Whether another object still has the values after the revert. */
function keeps(holder: ObjectDraft | undefined, key: UniqueKey, values: readonly Json[]): boolean {
  if (!holder) return true;
  return holder.willExist && key.every((name, index) => equal(outcome(holder, name), values[index]));
}

function condition(tracked: TrackedEntity, key: UniqueKey, wanted: readonly string[]): Dictionary {
  const rows = wanted.map(text => {
    const values = JSON.parse(text) as Json[];
    return key.map((name, index) => [name, tracked.attributes.get(name)!.codec.decode(values[index]!)] as const);
  });
  if (key.length === 1) return { [key[0]!]: { $in: rows.map(([only]) => only![1]) } };
  return { $or: rows.map(row => Object.fromEntries(row) as Dictionary) };
}

/** Constraints that hold for some rows only, and expressions, are left to the database. */
function uniqueKeys({ meta, attributes }: TrackedEntity): UniqueKey[] {
  const single = [...attributes.values()].filter(({ prop }) => prop.unique).map(({ name }) => [name]);
  const several = (meta.uniques as { properties?: string | string[]; where?: unknown; expression?: unknown }[])
    .filter(unique => unique.properties && !unique.where && !unique.expression)
    .map(unique => [unique.properties!].flat());
  return [...single, ...several].filter(key => key.every(name => attributes.has(name)));
}

function outcome({ values, present }: ObjectDraft, name: string): PlaceValue {
  const value = valueOf(values, name);
  return value ? value.willBe : (present?.values as JsonRecord | undefined)?.[name];
}

function changed({ values }: ObjectDraft, name: string): boolean {
  const value = valueOf(values, name);
  return value !== undefined && !equal(value.willBe, value.is);
}

function valueOf(values: readonly ValueDraft[], name: string): ValueDraft | undefined {
  return values.find(value => value.name === name && !isLink(value));
}

function isPresent(value: PlaceValue): boolean {
  return value !== undefined && value !== null && typeof value !== 'symbol';
}
