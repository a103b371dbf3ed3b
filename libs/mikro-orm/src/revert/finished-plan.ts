import type { ObjectAction } from '../model/action.js';
import type { Json } from '../model/json.js';
import { conflictOf } from './conflict.js';
import { equal } from './place.js';
import { isLink, type ObjectDraft, type ValueDraft } from './planned-draft.js';
import type { PreparedPlan } from './planner.js';
import { type PlannedObject, type PlannedValue, RevertPlan } from './revert-plan.js';
import { type Telling, toldValues } from './told-values.js';

/** The plan for the outside. */
export function finishedPlan(prepared: PreparedPlan, recorded: { readonly id?: number } | undefined): RevertPlan {
  const objects = prepared.drafts.all.map(draft => plannedObject(draft, prepared));
  return new RevertPlan(objects, prepared.reverts, recorded);
}

/** What a plan does to an object; `null` for nothing. */
export function actionOf({ present, willExist, values }: ObjectDraft): ObjectAction | null {
  if (!present) return willExist ? 'create' : null;
  if (!willExist) return 'delete';
  return values.some(value => !equal(value.willBe, value.is)) ? 'update' : null;
}

function plannedObject(draft: ObjectDraft, telling: Telling): PlannedObject {
  const { type, objectId, obstacle } = draft;
  const values = draft.values.map(value => plannedValue(draft, value, telling));
  const isInTheWay = obstacle !== undefined || values.some(value => value.status === 'conflict');
  const action = actionOf(draft);
  return {
    objectType: type,
    objectId,
    action,
    status: isInTheWay ? 'conflict' : action === null ? 'already' : 'clean',
    ...(obstacle && { conflict: conflictOf(obstacle, telling, draft) }),
    values,
  };
}

function plannedValue(draft: ObjectDraft, value: ValueDraft, telling: Telling): PlannedValue {
  const { name, was, is, obstacle } = value;
  return {
    attribute: name,
    ...(isLink(value) && { target: JSON.parse(value.target) as Json }),
    ...toldValues(draft, value, telling),
    status: obstacle ? 'conflict' : equal(was, is) ? 'already' : 'clean',
    ...(obstacle && { conflict: conflictOf(obstacle, telling, draft, value) }),
  };
}
