import type { Change, ChangeStep, LinkChange } from '../capture/change.js';
import { equalJson, type Json, type JsonRecord } from '../model/json.js';
import { changesLinks } from './link-order.js';
import { type Draft, isJust, NO_STEPS } from './draft.js';

/** What there is to record of the changes of one flush; a change that changed nothing yields no draft. */
export function buildDrafts(changes: readonly Change[]): Draft[] {
  const drafts: Draft[] = [];
  for (const change of changes) {
    const draft = buildDraft(change);
    if (draft) drafts.push(draft);
  }
  return drafts;
}

function buildDraft(change: Change): Draft | undefined {
  const { type, objectId, action, attribution, masked, isDoubtful } = change;
  const { before, after } = action === 'update' ? onlyDifferent(change) : change;
  const links = nonEmptyLinks(change.links);
  if (action === 'update' && isEmpty(after) && isEmpty(links)) return undefined;
  const steps = change.steps.size === 0 ? NO_STEPS : stepsOf(change, before, after);
  const draft = { type, objectId, action, before, after, steps, links, attribution, masked };
  return isDoubtful ? { ...draft, isDoubtful } : draft;
}

/** Mostly everything that an update writes is different. */
function onlyDifferent({ before, after }: Change): Pick<Change, 'before' | 'after'> {
  const names = Object.keys(after);
  const different = names.filter(name => !equalJson(before[name], after[name]));
  if (different.length === names.length && Object.keys(before).every(name => name in after)) return { before, after };
  const kept: { before: JsonRecord; after: JsonRecord } = { before: {}, after: {} };
  for (const name of different) {
    if (name in before) kept.before[name] = before[name]!;
    kept.after[name] = after[name]!;
  }
  return kept;
}

function stepsOf({ action, steps, attribution }: Change, before: JsonRecord, after: JsonRecord): Draft['steps'] {
  const changed = action === 'delete' ? before : after;
  const kept = new Map<string, readonly ChangeStep[]>();
  for (const [name, made] of steps) {
    if (!(name in changed)) continue;
    const effective = withoutDetours(made, before[name], after[name]);
    if (!isJust(effective, attribution)) kept.set(name, effective);
  }
  return kept;
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
  if (isEmpty(links)) return NO_LINKS;
  return Object.fromEntries(Object.entries(links).filter(([, link]) => changesLinks(link)));
}

const NO_LINKS: Readonly<Record<string, LinkChange>> = {};

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(record).length === 0;
}
