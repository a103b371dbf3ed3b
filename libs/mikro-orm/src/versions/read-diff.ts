import type { EntityManager } from '@mikro-orm/core';
import type { ObjectPoint } from '../history/point.js';
import type { Target } from '../history/target.js';
import type { ObjectAction } from '../model/action.js';
import { equalJson, type Json } from '../model/json.js';
import { UnknownAttributeError } from '../revy.errors.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { Diff, ValueDiff } from './diff.js';
import { type ObjectState, stateAt } from './object-state.js';

/** An object at a point, to be compared with another or with itself. */
export interface ComparedObject {
  readonly target: Target;
  readonly point: ObjectPoint | undefined;
}

/** At most three SELECTs for each of the two states. Nothing if the object existed in neither. */
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
  const changed: Record<string, ValueDiff<unknown>> = {};
  const unknown: string[] = [];
  for (const name of tracked.meta.props.map(prop => prop.name as string).filter(isAsked)) {
    if (differs(tracked, name, before, after))
      changed[name] = { oldValue: valueOf(before, name), newValue: valueOf(after, name) };
    else if (isUnknown(tracked, name, before) || isUnknown(tracked, name, after)) unknown.push(name);
  }
  return { action: actionOf(before, after, changed), changed, unknown } as Diff<T>;
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
