import type { EntityManager } from '@mikro-orm/core';
import type { ObjectPoint } from '../history/point.js';
import type { Target } from '../history/target.js';
import type { ObjectAction } from '../model/action.js';
import { equalJson, type Json } from '../model/json.js';
import { UnknownAttributeError } from '../revy.errors.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { collectionDiffs, type CollectionOwner } from './collection-diffs.js';
import type { CollectionDiff, Diff, ValueDiff } from './diff.js';
import { type ObjectState, stateAt } from './object-state.js';

/** An object at a point, to be compared with another or with itself. */
export interface ComparedObject {
  readonly target: Target;
  readonly point: ObjectPoint | undefined;
}

/** At most three SELECTs for each of the two states, and those of their collections. Nothing if both did not exist. */
export async function readDiff<T extends object>(
  em: EntityManager,
  from: ComparedObject,
  to: ComparedObject,
  options: NamedAttributes,
): Promise<Diff<T> | null> {
  const { tracked } = to.target;
  const isAsked = askedFor(tracked, options);
  const before = await existingState(em, from);
  const after = await existingState(em, to);
  if (!before && !after) return null;
  const found = valueDiffs(tracked, isAsked, before, after);
  const collections = collectionNames(tracked, isAsked, options);
  const owners = [ownerOf(from, before), ownerOf(to, after)] as const;
  const differences = await collectionDiffs(em, collections, owners[0], owners[1]);
  for (const name of collections) {
    const difference = differences.get(name);
    if (difference !== null) found.set(name, difference ?? 'unknown');
  }
  return diffOf(tracked, found, before, after) as Diff<T>;
}

type Difference = ValueDiff<unknown> | CollectionDiff<object>;

/** Differences and what is not known by name, put in the order of the class. */
function diffOf(
  { meta }: TrackedEntity,
  found: ReadonlyMap<string, Difference | 'unknown'>,
  before: ComparedState,
  after: ComparedState,
): Diff<object> {
  const inOrder = meta.props.flatMap(prop => {
    const difference = found.get(prop.name);
    return difference === undefined ? [] : [[prop.name as string, difference] as const];
  });
  const changed = Object.fromEntries(inOrder.filter(([, one]) => one !== 'unknown'));
  const unknown = inOrder.filter(([, one]) => one === 'unknown').map(([name]) => name);
  return { action: actionOf(before, after, changed), changed, unknown } as Diff<object>;
}

function valueDiffs(
  tracked: TrackedEntity,
  isAsked: (name: string) => boolean,
  before: ComparedState,
  after: ComparedState,
): Map<string, Difference | 'unknown'> {
  const found = new Map<string, Difference | 'unknown'>();
  for (const name of tracked.meta.props.map(prop => prop.name as string).filter(isAsked)) {
    if (differs(tracked, name, before, after)) {
      found.set(name, { oldValue: valueOf(before, name), newValue: valueOf(after, name) });
    } else if (isUnknown(tracked, name, before) || isUnknown(tracked, name, after)) found.set(name, 'unknown');
  }
  return found;
}

/** Collections that the class owns, and of those that others own the ones that are asked for by name. */
function collectionNames(
  { meta, collections, attributes: attributesByName }: TrackedEntity,
  isAsked: (name: string) => boolean,
  { attributes = [] }: NamedAttributes,
): string[] {
  const others = meta.relations.filter(({ name }) => attributes.includes(name) && !attributesByName.has(name));
  return [...new Set([...collections.keys(), ...others.map(({ name }) => name as string)])].filter(isAsked);
}

/** A version of an object is a revision for everything around it. */
function ownerOf({ target, point }: ComparedObject, state: ComparedState): CollectionOwner {
  const exists = state !== undefined;
  if (point === undefined || !('version' in point)) return { target, point, exists };
  return { target, exists, point: state?.snapshot.revision ?? undefined };
}

/** {@link DiffOptions} of whatever class. */
interface NamedAttributes {
  readonly attributes?: readonly string[];
  readonly except?: readonly string[];
}

/** A state to compare; `undefined` where the object did not exist. */
type ComparedState = ObjectState<object> | undefined;

async function existingState(em: EntityManager, { target, point }: ComparedObject): Promise<ComparedState> {
  const state = await stateAt<object>(em, target, point);
  return state && !state.snapshot.isDeleted ? state : undefined;
}

/** @throws {UnknownAttributeError} if the class has no attribute that the options name */
function askedFor({ meta }: TrackedEntity, { attributes, except = [] }: NamedAttributes): (name: string) => boolean {
  for (const name of [...(attributes ?? []), ...except]) {
    if (!(name in meta.properties)) throw new UnknownAttributeError(meta.className, name, Object.keys(meta.properties));
  }
  return name => (attributes?.includes(name) ?? true) && !except.includes(name);
}

/** An attribute that one of two classes does not have is not compared. */
function differs(tracked: TrackedEntity, property: string, before: ComparedState, after: ComparedState): boolean {
  return tracked.attributesOf(property).some(({ name }) => {
    const [old, now] = [storedIn(before, name), storedIn(after, name)];
    return old !== undefined && now !== undefined && !equalJson(old, now);
  });
}

function storedIn(state: ComparedState, name: string): Json | undefined {
  return state ? state.values[name] : null;
}

function isUnknown(tracked: TrackedEntity, property: string, state: ComparedState): boolean {
  return state?.snapshot.unknown.some(name => tracked.propertyOf(name) === property) ?? false;
}

function valueOf(state: ComparedState, property: string): unknown {
  return state ? state.snapshot.entity[property as never] : null;
}

function actionOf(before: ComparedState, after: ComparedState, changed: object): ObjectAction | null {
  if (!before) return 'create';
  if (!after) return 'delete';
  return Object.keys(changed).length > 0 ? 'update' : null;
}
