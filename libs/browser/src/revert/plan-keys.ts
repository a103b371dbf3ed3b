import type { RevertConflict, RevertPlan } from '@revy/mikro-orm';
import type { FormProof } from './form-proof.js';

/** What a plan found, whatever is decided about it: another key says that somebody has written meanwhile. */
export function planKey(proof: FormProof, { reverts, objects }: RevertPlan): string {
  const found = objects.map(({ objectType, objectId, values }) => {
    const places = values.map(({ attribute, target, was, is }) => [attribute, target, was, is].map(told));
    return [objectType, objectId, sorted(places)];
  });
  return proof.sign('plan', sorted(reverts), sorted(found));
}

/** What stands in the way of what, to the value: a decision about one conflict is none about another. */
export function conflictKey(proof: FormProof, conflict: RevertConflict): string {
  const { reason, objectType, objectId, attribute, target, was, is, revision, message } = conflict;
  const what = [reason, objectType, objectId, attribute, target, was, is, revision?.id, message];
  return proof.sign('conflict', what.map(told)).slice(0, 11);
}

/** In JSON what is absent would be null. */
function told(value: unknown): unknown {
  return value === undefined ? [] : [value];
}

function sorted(values: readonly unknown[]): string[] {
  return values.map(value => JSON.stringify(value)).toSorted();
}
