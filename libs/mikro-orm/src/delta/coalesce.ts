import type { ChangeStep, LinkChange } from '../capture/change.js';
import { sameAttribution } from '../context/attribution-value.js';
import { equalJson, type Json, type JsonRecord } from '../model/json.js';
import { attributesOf, changes, type Draft, isJust, stepsOf } from './draft.js';
import { changesLinks, mergeOrder } from './link-order.js';

/** Merges the drafts of one transaction, in their order, into at most one for each object. */
export function coalesce(drafts: readonly Draft[]): Draft[] {
  const byObject = new Map<string, Draft>();
  const combined = new Set<Draft>();
  for (const draft of drafts) {
    const key = `${draft.type}\0${draft.objectId}`;
    const earlier = byObject.get(key);
    const merged = earlier ? merge(earlier, draft) : draft;
    if (merged) byObject.set(key, merged);
    else byObject.delete(key);
    if (earlier && merged) combined.add(merged);
  }
  const whole = [...byObject.values()];
  if (combined.size === 0) return whole;
  return whole.map(draft => (combined.has(draft) ? onlyChanged(draft) : draft)).filter(draft => draft !== undefined);
}

function merge(first: Draft, second: Draft): Draft | undefined {
  switch (`${first.action} ${second.action}` as const) {
    case 'create delete':
      return undefined;
    case 'create update':
      return both(first, second, { ...second, action: 'create', attribution: first.attribution });
    case 'delete create':
      return both(withoutSteps(first), second, { ...second, action: 'update' });
    case 'update delete':
    case 'update update':
      return both(first, second, second);
    // an update that finds its row gone changes nothing: a cascade was there first; links that went are told apart
    case 'delete update':
      return { ...first, links: mergeLinks(first.links, second.links) };
    case 'update create':
      // a hook of the flush that creates the object has changed it natively: that flush is recorded after its hooks
      return both(second, first, second);
    case 'create create':
    case 'delete delete':
      return second;
  }
}

/** Whoever deleted an object did not set what it was given when it came back. */
function withoutSteps(draft: Draft): Draft {
  return { ...draft, steps: new Map(attributesOf(draft).map(name => [name, []])) };
}

/** Asked last: who took an attribute away from its old value counts as long as it does not end there. */
function onlyChanged(draft: Draft): Draft | undefined {
  if (draft.action !== 'update') return draft;
  const changed = attributesOf(draft).filter(name => !equalJson(draft.before[name], draft.after[name]));
  if (changed.length === 0 && Object.keys(draft.links).length === 0) return undefined;
  const isChanged = new Set(changed);
  const only = (values: JsonRecord) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => isChanged.has(name)));
  return { ...draft, before: only(draft.before), after: only(draft.after) };
}

/** What one change and then another did to an object; the rest is as `merged` has it. */
function both(first: Draft, second: Draft, merged: Draft): Draft {
  const before = { ...without(second.before, first), ...first.before };
  const after = { ...without(first.after, second), ...second.after };
  const steps = new Map<string, readonly ChangeStep[]>();
  for (const name of new Set([...attributesOf(first), ...attributesOf(second)])) {
    const made = mergedSteps(name, first, second);
    if (!isJust(made, merged.attribution)) steps.set(name, made);
  }
  return { ...merged, before, after, steps, links: mergeLinks(first.links, second.links) };
}

/** Values of the attributes that the other draft does not change. */
function without(values: JsonRecord, other: Draft): JsonRecord {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !changes(other, name)));
}

function mergedSteps(name: string, first: Draft, second: Draft): readonly ChangeStep[] {
  if (!changes(first, name) || second.after[name] === undefined)
    return stepsOf(changes(second, name) ? second : first, name);
  return joinSteps(stepsOf(first, name), first.after[name], stepsOf(second, name));
}

/** Everyone who changed the attribute is kept, in order; the same actor twice in a row counts once. */
function joinSteps(
  first: readonly ChangeStep[],
  between: Json | undefined,
  second: readonly ChangeStep[],
): ChangeStep[] {
  const last = first.length - 1;
  const earlier = first.map((step, index) => (index === last ? withValue(step, between) : step));
  const merged: ChangeStep[] = [];
  for (const step of [...earlier, ...second]) {
    const previous = merged.at(-1);
    if (previous && sameAttribution(previous.attribution, step.attribution)) merged[merged.length - 1] = step;
    else merged.push(step);
  }
  return merged;
}

function withValue(step: ChangeStep, value: Json | undefined): ChangeStep {
  return value === undefined ? step : { ...step, value };
}

function mergeLinks(first: Draft['links'], second: Draft['links']): Record<string, LinkChange> {
  const merged: Record<string, LinkChange> = {};
  for (const name of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const link = mergeLink(first[name] ?? NO_LINKS, second[name] ?? NO_LINKS);
    if (changesLinks(link)) merged[name] = link;
  }
  return merged;
}

const NO_LINKS: LinkChange = { added: [], removed: [] };

function mergeLink(first: LinkChange, second: LinkChange): LinkChange {
  const except = (keys: readonly Json[], others: readonly Json[]) => {
    const gone = new Set(others.map(key => JSON.stringify(key)));
    return keys.filter(key => !gone.has(JSON.stringify(key)));
  };
  return {
    added: [...except(first.added, second.removed), ...except(second.added, first.removed)],
    removed: [...except(first.removed, second.added), ...except(second.removed, first.added)],
    order: mergeOrder(first, second),
  };
}
