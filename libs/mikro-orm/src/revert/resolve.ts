import { canOverwrite, isLink, type ObjectDraft, type Obstacle, type ValueDraft } from './planned-draft.js';
import type { RevertConflict } from './revert-plan.js';

/** What becomes of one conflict: nothing is reverted, the present value stays, or the earlier one is put back. */
export type ConflictChoice = 'fail' | 'keep' | 'overwrite';

/** One choice for all conflicts, or one for each. */
export type OnConflict = ConflictChoice | ((conflict: RevertConflict) => ConflictChoice);

/** Asks what to do about an obstacle of an object, or of one of its values. */
export type Choose = (obstacle: Obstacle, object: ObjectDraft, value?: ValueDraft) => ConflictChoice;

/** Carries what is chosen into the drafts. */
export function applyChoices(drafts: readonly ObjectDraft[], choose: Choose): void {
  for (const draft of drafts) {
    if (draft.obstacle && choose(draft.obstacle, draft) === 'keep') keepObject(draft);
    else draft.values.forEach(value => applyChoice(draft, value, choose));
  }
}

/** Whether a conflict stops the revert: the choice was to fail, or to overwrite what nothing can overwrite. */
export function stops(obstacle: Obstacle, choice: ConflictChoice): boolean {
  return choice === 'fail' || (choice === 'overwrite' && !canOverwrite(obstacle));
}

function applyChoice(draft: ObjectDraft, value: ValueDraft, choose: Choose): void {
  const { obstacle } = value;
  if (!obstacle || choose(obstacle, draft, value) !== 'keep') return;
  if (obstacle.reason === 'changed-later') value.willBe = value.kept;
  else if (draft.present || isLink(value)) value.willBe = value.is;
  else if (draft.tracked.meta.properties[value.name as never]?.['nullable']) value.willBe = null;
  else keepObject(draft);
}

/** An object stays as it is, or as gone as it is. */
function keepObject(draft: ObjectDraft): void {
  draft.willExist = draft.present !== undefined;
  for (const value of draft.values) value.willBe = value.is;
}
