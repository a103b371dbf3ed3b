import type { Change } from '../capture/change.js';
import type { EntityProperty } from '@mikro-orm/core';
import { equalJson } from '../model/json.js';
import type { CascadeChanges, NewValues } from './cascade-changes.js';
import { computedChanges } from './computed-changes.js';
import { type AnyChangeSet, keyOf } from './flush-group.js';
import { columnValues, identityOf, keyValues, rowId } from './found-row.js';
import { type ChangedLinks, changedLinks } from './link-changes.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { planKeyChange, type RekeyedRow } from './plan-key-change.js';
import { relinked } from './relinked.js';
import { RowReader } from './rows.query.js';
import { tableOf, tablesOf } from './tables.js';
import type { CascadeTools } from './take-along.js';

/** Whether an update changes what foreign keys refer to. */
export function changesKeys(set: AnyChangeSet, { graph, edges }: CascadeTools): boolean {
  const tables = tablesOf(set.meta).filter(table => edges.has(table._id));
  return tables.some(table => graph.referredProperties(table).some(prop => prop.name in set.payload));
}

/** What changes along with keys, and what is to be asked once it has. */
export interface FollowedKeys {
  /** Links of objects that end because their own key is another one now; they stand before that end. */
  readonly linksOfEnded: readonly Change[];
  readonly changes: readonly Change[];
  readonly computed: () => Promise<readonly Change[]>;
}

/** Reads the foreign keys that the database will change along with the keys of these rows, right before it does. */
export async function followKeys(
  sets: readonly AnyChangeSet[],
  schema: string | undefined,
  tools: CascadeTools,
  changes: CascadeChanges,
): Promise<FollowedKeys> {
  const { em, graph, entities, edges } = tools;
  const reader = new RowReader(em, graph, entities, { isRecording: true, schema });
  const { meta } = sets[0]!;
  const setOf = new Map(sets.map(set => [identityOf(meta, rowId(meta, keyOf(set), entities)), set]));
  const found = await reader.byKey(tableOf(meta), sets.map(keyOf), 'delete');
  const seeds = found.map((row): RekeyedRow => {
    const set = setOf.get(identityOf(row.meta, row.id))!;
    return { found: row, values: newValues(set, graph.referredProperties(tableOf(row.meta))), edge: undefined };
  });
  const rekeyed = await planKeyChange(seeds, edges, reader, new NewForeignKeys(em));
  const known = classesOf(seeds, reader);
  const linksOf = async (links: readonly ChangedLinks[]) => {
    const owners = [...(await changedLinks(links, ({ identity }) => known.get(identity), reader)).values()];
    return owners.map(owner => changes.links(owner.tracked, owner.id, owner.links));
  };
  const links = relinked(rekeyed);
  const updates = rekeyed.map(row => changes.update(row.found, row.values)).filter(change => change !== undefined);
  const rows = rekeyed.map(row => row.found);
  return {
    linksOfEnded: await linksOf(links.ended),
    changes: [...updates, ...(await linksOf(links.changed))],
    computed: () => computedChanges(rows, reader, changes),
  };
}

/** The ORM itself updates the foreign keys of the children that it has loaded: those changes are recorded already. */
export function withoutRepetitions(keyChanges: readonly Change[], flushed: readonly Change[]): Change[] {
  if (keyChanges.length === 0) return [];
  const byObject = new Map(flushed.map(change => [`${change.type} ${change.objectId}`, change]));
  return keyChanges.map(change => {
    const other = byObject.get(`${change.type} ${change.objectId}`);
    const isNew = (name: string) =>
      !other || !(name in other.after) || equalJson(other.before[name], other.after[name]);
    const after = Object.fromEntries(Object.entries(change.after).filter(([name]) => isNew(name)));
    return { ...change, after };
  });
}

/** The classes of objects under their old and new keys: under a new one nobody can ask for them yet. */
function classesOf(rows: readonly RekeyedRow[], { entities }: RowReader): ReadonlyMap<string, unknown> {
  const classes = new Map<string, unknown>();
  for (const { found, values } of rows) {
    const { meta, row } = found;
    const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
    const key = keyValues(meta, row).map((value, index) =>
      values.has(columns[index]!) ? values.get(columns[index]!) : value,
    );
    for (const id of [found.id, rowId(meta, key, entities)]) classes.set(identityOf(meta, id), meta.class);
  }
  return classes;
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
