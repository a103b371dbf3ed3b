import type { ChangeStep, LinkChange } from '../capture/change.js';
import { sameAttribution } from '../context/attribution-value.js';
import { equalJson, type Json } from '../model/json.js';
import { changesLinks, mergeOrder } from './link-order.js';
import type { AttributeDraft, Draft } from './draft.js';

/** Merges the drafts of one transaction, in their order, into at most one for each object. */
export function coalesce(drafts: readonly Draft[]): Draft[] {
  const byObject = new Map<string, Draft>();
  for (const draft of drafts) {
    const key = `${draft.type}\0${draft.objectId}`;
    const earlier = byObject.get(key);
    const merged = earlier ? merge(earlier, draft) : draft;
    if (merged) byObject.set(key, merged);
    else byObject.delete(key);
  }
  return [...byObject.values()].map(onlyChanged).filter(draft => draft !== undefined);
}

function merge(first: Draft, second: Draft): Draft | undefined {
  switch (`${first.action} ${second.action}` as const) {
    case 'create delete':
      return undefined;
    case 'create update':
      return { ...second, action: 'create', attribution: first.attribution, ...both(first, second) };
    case 'delete create':
      return { ...second, action: 'update', ...both(withoutSteps(first), second) };
    case 'update delete':
    case 'update update':
      return { ...second, ...both(first, second) };
    // an update that finds its row gone changes nothing: a cascade was there first; links that went are told apart
    case 'delete update':
      return { ...first, links: mergeLinks(first.links, second.links) };
    case 'update create':
      // a hook of the flush that creates the object has changed it natively: that flush is recorded after its hooks
      return { ...second, ...both(second, first) };
    case 'create create':
    case 'delete delete':
      return second;
  }
}

/** Whoever deleted an object did not set what it was given when it came back. */
function withoutSteps(draft: Draft): Draft {
  const attributes = new Map([...draft.attributes].map(([name, attribute]) => [name, { ...attribute, steps: [] }]));
  return { ...draft, attributes };
}

/** Asked last: who took an attribute away from its old value counts as long as it does not end there. */
function onlyChanged(draft: Draft): Draft | undefined {
  if (draft.action !== 'update') return draft;
  const changed = [...draft.attributes].filter(([, { before, after }]) => !equalJson(before, after));
  if (changed.length === 0 && Object.keys(draft.links).length === 0) return undefined;
  return { ...draft, attributes: new Map(changed) };
}

function both(first: Draft, second: Draft): Pick<Draft, 'attributes' | 'links'> {
  const attributes = new Map<string, AttributeDraft>();
  for (const name of new Set([...first.attributes.keys(), ...second.attributes.keys()])) {
    attributes.set(name, mergeAttribute(first.attributes.get(name), second.attributes.get(name)));
  }
  return { attributes, links: mergeLinks(first.links, second.links) };
}

function mergeAttribute(first: AttributeDraft | undefined, second: AttributeDraft | undefined): AttributeDraft {
  if (!first || !second) return (first ?? second)!;
  return {
    before: first.before,
    after: second.after,
    steps: second.after === undefined ? second.steps : mergeSteps(first, second),
  };
}

/** Everyone who changed the attribute is kept, in order; the same actor twice in a row counts once. */
function mergeSteps(first: AttributeDraft, second: AttributeDraft): ChangeStep[] {
  const last = first.steps.length - 1;
  const earlier = first.steps.map((step, index) => (index === last ? withValue(step, first.after) : step));
  const merged: ChangeStep[] = [];
  for (const step of [...earlier, ...second.steps]) {
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
  const without = (keys: readonly Json[], others: readonly Json[]) => {
    const gone = new Set(others.map(key => JSON.stringify(key)));
    return keys.filter(key => !gone.has(JSON.stringify(key)));
  };
  return {
    added: [...without(first.added, second.removed), ...without(second.added, first.removed)],
    removed: [...without(first.removed, second.added), ...without(second.removed, first.added)],
    order: mergeOrder(first, second),
  };
}
