import type { TrackedAttribute, TrackedEntity } from '../tracking/tracked-entities.js';
import { ABSENT, equal, type PlaceChange, type Places, type PlaceValue } from './place.js';
import { canOverwrite, type ObjectDraft, type Obstacle, type ValueDraft } from './planned-draft.js';
import type { Present, Sought } from './present.js';

/** What undoing an object's selected changes would do to it, as far as its own history and its row can tell. */
export function planObject(
  { tracked, type, objectId }: Sought,
  places: Places,
  present: Present | undefined,
): ObjectDraft {
  const first = places.existence.findIndex(isSelected);
  const undoes = places.existence.slice(Math.max(first, 0));
  const existed = first === -1 ? present !== undefined : undoes[0]!.before === true;
  const base = { tracked, type, objectId, present, existed, willExist: existed };
  if (first !== -1 && !existed)
    return { ...base, values: [], obstacle: present && deletionObstacle(tracked, places, present) };
  const values = [...valueDrafts(tracked, places, present), ...linkDrafts(places, present)];
  if (first === -1 && present) return { ...base, values };
  if (first === -1) return { ...base, values: values.map(withoutObstacle), obstacle: goneObstacle(places, values) };
  const later = undoes.filter(change => !isSelected(change)).at(-1);
  if (!present) {
    const lost = [...values, ...neverKnown(tracked, values)];
    return { ...base, values: lost, obstacle: later && changedLater(later) };
  }
  const isOther = later !== undefined || undoes.at(-1)!.after === false;
  if (!isOther) return { ...base, values };
  const others = values.map(value => (value.obstacle && canOverwrite(value.obstacle) ? withoutObstacle(value) : value));
  return { ...base, values: others, obstacle: { reason: 'key-taken', revision: later?.entry.revision } };
}

/** Where the whole object is in question, its values are not. */
function withoutObstacle(value: ValueDraft): ValueDraft {
  return { ...value, obstacle: undefined };
}

/** Whatever a later revision did to the object would go with it. */
function deletionObstacle(tracked: TrackedEntity, places: Places, present: Present): Obstacle | undefined {
  const all = [...places.attributes.values(), ...linkChanges(places), places.existence].flat();
  const later = all.filter(change => !isSelected(change)).toSorted((a, b) => a.entry.id - b.entry.id);
  if (later.length > 0) return changedLater(later.at(-1)!);
  for (const [name, changes] of places.attributes) {
    const is = present.values[name];
    if (is !== undefined && !tracked.masked.has(name) && !equal(changes.at(-1)?.after, is))
      return { reason: 'changed-unrecorded' };
  }
  return undefined;
}

function goneObstacle({ existence }: Places, values: readonly ValueDraft[]): Obstacle | undefined {
  if (values.every(value => equal(value.was, value.is))) return undefined;
  return { reason: 'row-gone', revision: existence.findLast(change => change.after === false)?.entry.revision };
}

function* valueDrafts(tracked: TrackedEntity, places: Places, present: Present | undefined): Iterable<ValueDraft> {
  for (const [name, changes] of places.attributes) {
    const attribute = tracked.attributes.get(name);
    if (!attribute || attribute.prop.generated || !changes.some(isSelected)) continue;
    const draft = valueDraft(name, changes, present ? present.values[name] : ABSENT, attribute.isMasked);
    yield isReadable(attribute, draft.was) ? draft : { ...draft, kept: draft.is, obstacle: UNREADABLE };
  }
}

const UNREADABLE: Obstacle = { reason: 'unknown-value', detail: 'what is stored of it does not fit its type' };

/** Whether a stored value can be a value of the attribute: its type may have changed since. */
function isReadable({ codec, isMasked }: TrackedAttribute, stored: PlaceValue): boolean {
  if (stored === undefined || stored === null || typeof stored === 'symbol' || isMasked) return true;
  try {
    const value = codec.decode(stored);
    const isNumber = typeof value !== 'number' || !Number.isNaN(value) || stored === 'NaN';
    return isNumber && !(value instanceof Date && Number.isNaN(value.getTime()));
  } catch {
    return false;
  }
}

function* linkDrafts(places: Places, present: Present | undefined): Iterable<ValueDraft> {
  for (const [name, targets] of places.links) {
    for (const [target, changes] of targets) {
      if (!changes.some(isSelected)) continue;
      const is = present?.links.get(name)?.has(target) ?? false;
      yield { ...valueDraft(name, changes, is), target };
    }
  }
}

function valueDraft(name: string, changes: readonly PlaceChange[], is: PlaceValue, isMasked = false): ValueDraft {
  const first = changes.findIndex(isSelected);
  const undone = changes.slice(first);
  const was = undone[0]!.before;
  const base: Omit<ValueDraft, 'kept'> = { name, was, is, willBe: was };
  if (was === ABSENT || equal(was, is)) return { ...base, willBe: is, kept: is };
  if (was === undefined) return { ...base, kept: is, obstacle: { reason: 'unknown-value' } };
  // the mask of a value is no value; that there was none is no secret
  if (isMasked && was !== null) return { ...base, kept: is, obstacle: { reason: 'masked' } };
  if (is !== ABSENT && !isMasked && !equal(undone.at(-1)!.after, is)) {
    return { ...base, kept: is, obstacle: { reason: 'changed-unrecorded' } };
  }
  const later = undone.filter(change => !isSelected(change)).at(-1);
  if (!later) return { ...base, kept: was };
  return { ...base, kept: keptValue(undone, is), obstacle: changedLater(later) };
}

/** As far back as nothing but what is undone has set it. */
function keptValue(changes: readonly PlaceChange[], is: PlaceValue): PlaceValue {
  const last = changes.findLastIndex(change => !isSelected(change));
  return changes[last + 1]?.before ?? is;
}

/** Columns of an object that comes back which have to have a value, and nobody can say which. */
function* neverKnown(tracked: TrackedEntity, values: readonly ValueDraft[]): Iterable<ValueDraft> {
  const known = new Set(values.map(value => value.name));
  for (const prop of tracked.meta.comparableProps) {
    if (known.has(prop.name) || prop.primary || prop.nullable || tracked.isInlineEmbedded(prop)) continue;
    const hasDefault = prop.default !== undefined || prop.defaultRaw !== undefined || prop.onCreate !== undefined;
    const isGiven = hasDefault || prop.version || prop.generated || prop.name === tracked.meta.root.discriminatorColumn;
    if (isGiven || prop.persist === false) continue;
    const obstacle: Obstacle = { reason: 'unknown-value' };
    yield { name: prop.name, was: undefined, is: ABSENT, kept: ABSENT, willBe: undefined, obstacle };
  }
}

function linkChanges({ links }: Places): (readonly PlaceChange[])[] {
  return [...links.values()].flatMap(targets => [...targets.values()]);
}

function changedLater({ entry }: PlaceChange): Obstacle {
  return { reason: 'changed-later', revision: entry.revision };
}

function isSelected({ entry }: PlaceChange): boolean {
  return entry.isSelected;
}
