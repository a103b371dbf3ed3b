import { isDeepStrictEqual } from 'node:util';
import type { ObjectState, State } from '../support/table-shapes.js';
import { isLink } from '../support/witness.js';

/** One object delta, as its table has it. */
export interface StoredDelta {
  readonly transaction: string;
  readonly revision: string;
  readonly type: string;
  readonly objectId: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly version: number;
  readonly old: Record<string, unknown> | null;
  readonly new: Record<string, unknown> | null;
}

export const STORED_DELTAS = `select r.transaction_id::text as transaction, r.id::text as revision,
    d.object_type as type, d.object_id as "objectId", d.action, d.version, d.old_values as old, d.new_values as new
  from revy_object_delta d join revy_revision r on r.id = d.revision_id order by d.id`;

/** What the deltas make of the objects that there were. It believes nothing of what they say of the time before. */
export function fold(before: State, deltas: readonly StoredDelta[]): State {
  const state = new Map<string, ObjectState>(before);
  for (const delta of deltas) {
    const object = `${delta.type}:${delta.objectId}`;
    const known = delta.action === 'create' ? undefined : state.get(object);
    if (delta.action === 'create' ? state.has(object) : !known) {
      throw new Error(`${delta.action} of ${object}, which ${known ? 'is there' : 'does not exist'}`);
    }
    requireOldValues(object, delta, known);
    if (delta.action === 'delete') state.delete(object);
    else state.set(object, applied(delta, known));
  }
  return state;
}

/** Those of an update are of the attributes that changed; a deletion tells all values, and the links that it took. */
function requireOldValues(object: string, { action, old }: StoredDelta, known: ObjectState | undefined): void {
  const links = Object.entries(known?.links ?? {}).map(([name, keys]) => [name, removedLinks(keys)] as const);
  const values = { ...known?.values, ...Object.fromEntries(action === 'delete' ? links : []) };
  for (const name of Object.keys(action === 'delete' ? { ...values, ...old } : { ...old })) {
    const said = isLink(old![name]) ? removedLinks(old![name].removed.map(key => JSON.stringify(key))) : old![name];
    if (!isDeepStrictEqual(said, values[name])) {
      const was = JSON.stringify(values[name]);
      throw new Error(`${object}: old value of ${name} is ${JSON.stringify(said)}, and it was ${was}`);
    }
  }
}

function removedLinks(keys: readonly string[]): object {
  return { removed: keys.toSorted() };
}

function applied({ type, new: after }: StoredDelta, known: ObjectState | undefined): ObjectState {
  const values: Record<string, unknown> = { ...known?.values };
  const links: Record<string, readonly string[]> = { ...known?.links };
  for (const [name, value] of Object.entries(after ?? {})) {
    if (!isLink(value)) {
      values[name] = value;
      continue;
    }
    const removed = new Set(value.removed.map(key => JSON.stringify(key)));
    const added = value.added.map(key => JSON.stringify(key));
    const left = [...(links[name] ?? []).filter(key => !removed.has(key)), ...added].toSorted();
    if (left.length > 0) links[name] = left;
    else delete links[name];
  }
  return { type, values, links };
}

/** Versions of each object are numbered from 1, without gaps. */
export function wrongVersions(deltas: readonly StoredDelta[]): string[] {
  const last = new Map<string, number>();
  return deltas.flatMap(({ type, objectId, version }) => {
    const object = `${type}:${objectId}`;
    const due = (last.get(object) ?? 0) + 1;
    last.set(object, version);
    return version === due ? [] : [`${object}: version ${version} where ${due} is due`];
  });
}
