import { equalJson, type Json, type JsonRecord } from '../model/json.js';
import type { TimelineEntry } from './timeline.js';

/** The value of an attribute of an object that does not exist. */
export const ABSENT = Symbol('absent');

/** A stored value, or that there was none; `undefined` is unknown. */
export type PlaceValue = Json | typeof ABSENT | undefined;

/** One change of one place. */
export interface PlaceChange {
  readonly entry: TimelineEntry;
  readonly before: PlaceValue;
  readonly after: PlaceValue;
}

/** Links of many-to-many collections as stored: the keys of the targets. */
interface StoredLinks {
  readonly added: readonly Json[];
  readonly removed: readonly Json[];
}

/** What a delta can change of one object, each with its changes in order. */
export interface Places {
  /** Whether the object exists: `true` or `false`. */
  readonly existence: readonly PlaceChange[];
  readonly attributes: ReadonlyMap<string, readonly PlaceChange[]>;
  /** By collection, then by the target's key as JSON: `true` where there is a link. */
  readonly links: ReadonlyMap<string, ReadonlyMap<string, readonly PlaceChange[]>>;
}

/**
 * Sorts the changes of an object by place. What a revert undid, and a revert that was itself undone, are left out: the
 * place is as if neither had happened.
 */
export function placesOf(timeline: readonly TimelineEntry[], collections: ReadonlySet<string>): Places {
  const existence: PlaceChange[] = [];
  const attributes = new Map<string, PlaceChange[]>();
  const links = new Map<string, Map<string, PlaceChange[]>>();
  for (const entry of timeline) {
    if (entry.action !== 'update') {
      existence.push({ entry, before: entry.action === 'delete', after: entry.action === 'create' });
    }
    for (const [name, change] of attributeChanges(entry, collections)) push(attributes, name, change);
    for (const [name, target, change] of linkChanges(entry, collections)) {
      const ofCollection = links.get(name) ?? new Map<string, PlaceChange[]>();
      links.set(name, ofCollection);
      push(ofCollection, target, change);
    }
  }
  return { existence: effective(existence), attributes: mapped(attributes), links: mapValues(links, mapped) };
}

function* attributeChanges(entry: TimelineEntry, collections: ReadonlySet<string>): Iterable<[string, PlaceChange]> {
  const { oldValues, newValues, action } = entry;
  for (const name of new Set([...Object.keys(oldValues ?? {}), ...Object.keys(newValues ?? {})])) {
    if (collections.has(name)) continue;
    const before = action === 'create' ? ABSENT : oldValues?.[name];
    yield [name, { entry, before, after: action === 'delete' ? ABSENT : newValues?.[name] }];
  }
}

function* linkChanges(entry: TimelineEntry, collections: ReadonlySet<string>): Iterable<[string, string, PlaceChange]> {
  for (const [name, { added, removed }] of Object.entries(linksOf(entry, collections))) {
    for (const target of added) yield [name, JSON.stringify(target), { entry, before: false, after: true }];
    for (const target of removed) yield [name, JSON.stringify(target), { entry, before: true, after: false }];
  }
}

function linksOf(
  { oldValues, newValues }: TimelineEntry,
  collections: ReadonlySet<string>,
): Record<string, StoredLinks> {
  const values: JsonRecord = newValues ?? oldValues ?? {};
  return Object.fromEntries(Object.entries(values).filter(([name]) => collections.has(name))) as never;
}

/**
 * The changes of a place without those that took each other back. A revert brings the place to where it was before
 * what it reverted; when the revert is reverted in turn, what it had taken back holds again.
 */
export function effective(changes: readonly PlaceChange[]): readonly PlaceChange[] {
  const stack: PlaceChange[] = [];
  const takenBack = new Map<number, readonly PlaceChange[]>();
  const redone = new Map<number, readonly PlaceChange[]>();
  for (const change of changes) {
    const { revision, reverts } = change.entry;
    const again = reverts.flatMap(reverted => takenBack.get(reverted) ?? []);
    const names = [...reverts, ...reverts.flatMap(reverted => revisionsOf(redone.get(reverted) ?? []))];
    const undone = onTop(stack, new Set(names));
    if (undone.length > 0 && equal(undone[0]!.before, change.after)) {
      stack.length -= undone.length;
      takenBack.set(revision, undone);
    } else if (again.length > 0 && equal(again.at(-1)!.after, change.after)) {
      stack.push(...again);
      redone.set(revision, again);
    } else {
      stack.push(change);
    }
  }
  return stack;
}

function revisionsOf(changes: readonly PlaceChange[]): number[] {
  return changes.map(({ entry }) => entry.revision);
}

/** The last changes, as far back as they are of these revisions. */
function onTop(stack: readonly PlaceChange[], revisions: ReadonlySet<number>): readonly PlaceChange[] {
  let start = stack.length;
  while (start > 0 && revisions.has(stack[start - 1]!.entry.revision)) start -= 1;
  return stack.slice(start);
}

export function equal(a: PlaceValue, b: PlaceValue): boolean {
  return a === b || (typeof a !== 'symbol' && typeof b !== 'symbol' && equalJson(a, b));
}

function push<Key>(places: Map<Key, PlaceChange[]>, key: Key, change: PlaceChange): void {
  const changes = places.get(key);
  if (changes) changes.push(change);
  else places.set(key, [change]);
}

function mapped(places: ReadonlyMap<string, PlaceChange[]>): Map<string, readonly PlaceChange[]> {
  return mapValues(places, effective);
}

function mapValues<From, To>(map: ReadonlyMap<string, From>, convert: (value: From) => To): Map<string, To> {
  return new Map([...map].map(([key, value]) => [key, convert(value)]));
}
