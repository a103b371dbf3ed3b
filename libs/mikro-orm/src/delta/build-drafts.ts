import type { Change, ChangeStep, LinkChange } from '../capture/change.js';
import { equalJson, type Json } from '../model/json.js';
import { changesLinks } from './link-order.js';
import type { AttributeDraft, Draft } from './draft.js';

/** What there is to record of the changes of one flush; a change that changed nothing yields no draft. */
export function buildDrafts(changes: readonly Change[]): Draft[] {
  return changes.map(buildDraft).filter(draft => draft !== undefined);
}

function buildDraft(change: Change): Draft | undefined {
  const attributes = changedAttributes(change);
  const links = nonEmptyLinks(change.links);
  if (change.action === 'update' && attributes.size === 0 && Object.keys(links).length === 0) return undefined;
  const { type, objectId, action, attribution, masked, isDoubtful } = change;
  return { type, objectId, action, attributes, links, attribution, masked, ...(isDoubtful && { isDoubtful }) };
}

function changedAttributes({ action, before, after, steps, attribution }: Change): Map<string, AttributeDraft> {
  const changed = new Map<string, AttributeDraft>();
  const flushed: readonly ChangeStep[] = [{ attribution }];
  for (const name of Object.keys(action === 'delete' ? before : after)) {
    const was = before[name];
    const is = after[name];
    if (action === 'update' && equalJson(was, is)) continue;
    changed.set(name, { before: was, after: is, steps: withoutDetours(steps.get(name) ?? flushed, was, is) });
  }
  return changed;
}

/** Who put a value back to what it was before anybody else changed it, or left it alone, did not change it. */
function withoutDetours(
  steps: readonly ChangeStep[],
  was: Json | undefined,
  is: Json | undefined,
): readonly ChangeStep[] {
  if (steps.length === 1) return steps;
  const values = steps.map(({ value }) => (value === undefined ? is : value));
  const kept = steps.filter((_, index) => !equalJson(values[index], index === 0 ? was : values[index - 1]));
  const last = kept.at(-1);
  return last && 'value' in last ? [...kept.slice(0, -1), { attribution: last.attribution }] : kept;
}

function nonEmptyLinks(links: Readonly<Record<string, LinkChange>>): Readonly<Record<string, LinkChange>> {
  const changed = Object.entries(links).filter(([, link]) => changesLinks(link));
  return changed.length > 0 ? Object.fromEntries(changed) : NO_LINKS;
}

const NO_LINKS: Readonly<Record<string, LinkChange>> = {};
