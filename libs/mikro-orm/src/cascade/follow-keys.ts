import type { EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { equalJson } from '../model/json.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { CascadeChanges, NewValues } from './cascade-changes.js';
import type { CascadeTools } from './cascade-map.js';
import type { AnyChangeSet } from '../capture/flush-capture.js';
import { keyOf } from './flush-group.js';
import { columnValues, identityOf, keyAfter, rowId } from './found-row.js';
import { type FollowedKeys, keyChanges } from './key-changes.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { type FollowingRow, KeyChangePlan, planKeyChange } from './plan-key-change.js';
import { RowReader } from './rows.query.js';
import { tableOf } from './tables.js';

/** Reads the foreign keys that the database will change along with the keys of these rows, right before it does. */
export async function followKeys(
  sets: readonly AnyChangeSet[],
  schema: string | undefined,
  tools: CascadeTools,
  changes: CascadeChanges,
): Promise<FollowedKeys> {
  const { graph, entities, edges } = tools;
  const reader = new RowReader(tools, { isRecording: true, schema });
  const { meta } = sets[0]!;
  const setOf = new Map(sets.map(set => [identityOf(meta, rowId(meta, keyOf(set), entities)), set]));
  const plan = new KeyChangePlan();
  const found = await reader.byKey(tableOf(meta), sets.map(keyOf), 'delete');
  const started = found.map(row => {
    const set = setOf.get(identityOf(row.meta, row.id))!;
    const values = newValues(set, graph.referredProperties(tableOf(row.meta)));
    return { row: plan.start(row, [...values.keys()]), set, values };
  });
  await planKeyChange(plan, edges, reader, new NewForeignKeys(tools));
  for (const { row, values } of started) plan.tell(row, values);
  const gained = started.map(({ row, set }) => gainedBy(row, set, changes, entities));
  const followed = await keyChanges(plan, changes, reader);
  return { ...followed, changes: [...followed.changes, ...gained.filter(change => change !== undefined)] };
}

/** A row whose key is changed by the flush may refer to another such row, and follow it where the flush does not say. */
function gainedBy(
  { found, values }: FollowingRow,
  { payload }: AnyChangeSet,
  changes: CascadeChanges,
  entities: TrackedEntities,
): Change | undefined {
  const said = new Set(found.meta.props.filter(prop => prop.name in payload).flatMap(prop => prop.fieldNames));
  const gained = new Map([...values].filter(([column]) => !said.has(column)));
  const id = rowId(found.meta, keyAfter(found.meta, found.row, values), entities);
  return gained.size > 0 ? changes.update({ ...found, id }, gained) : undefined;
}

/** The ORM itself updates the foreign keys of the children that it has loaded: those changes are recorded already. */
export function withoutRepetitions(keyChanges: readonly Change[], flushed: readonly Change[]): Change[] {
  if (keyChanges.length === 0) return [];
  const byObject = new Map(flushed.map(change => [`${change.type} ${change.objectId}`, change]));
  return keyChanges.map(change => {
    const other = byObject.get(`${change.type} ${change.objectId}`);
    if (change.action !== 'update' || other?.action !== 'update') return change;
    const isNew = (name: string) => !(name in other.after) || equalJson(other.before[name], other.after[name]);
    const after = Object.fromEntries(Object.entries(change.after).filter(([name]) => isNew(name)));
    return { ...change, after };
  });
}

function newValues({ payload }: AnyChangeSet, props: readonly EntityProperty[]): NewValues {
  const changed = props.filter(prop => prop.name in payload);
  return new Map(
    changed.flatMap(prop => {
      const values = columnValues(payload as Record<string, unknown>, prop);
      return prop.fieldNames.map((column, index) => [column, values[index]] as const);
    }),
  );
}
