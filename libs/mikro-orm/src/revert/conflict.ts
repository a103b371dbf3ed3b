import type { Json } from '../model/json.js';
import { canOverwrite, isLink, type ObjectDraft, type Obstacle, type ValueDraft } from './planned-draft.js';
import type { RevertConflict, RevisionInTheWay } from './revert-plan.js';
import { type Telling, toldValues } from './told-values.js';

/** An obstacle as it is shown, with who is in the way. */
export function conflictOf(
  obstacle: Obstacle,
  telling: Telling,
  draft: ObjectDraft,
  value?: ValueDraft,
): RevertConflict {
  const { type, objectId } = draft;
  const revision = obstacle.revision === undefined ? null : (telling.revisions.get(obstacle.revision) ?? null);
  const told = value && toldValues(draft, value, telling);
  return {
    reason: obstacle.reason,
    objectType: type,
    objectId,
    attribute: value?.name ?? null,
    ...(value && isLink(value) && { target: JSON.parse(value.target) as Json }),
    was: told?.was,
    is: told?.is,
    revision,
    message: messageOf(obstacle, revision),
    canOverwrite: canOverwrite(obstacle),
  };
}

function messageOf({ reason, detail }: Obstacle, revision: RevisionInTheWay | null): string {
  const by = revision ? ` by ${describe(revision)}` : '';
  switch (reason) {
    case 'changed-later':
      return `changed${by}`;
    case 'changed-unrecorded':
      return 'changed past the history: it is not what the history says';
    case 'key-taken':
      return `another object has the key${revision ? `, made${by}` : ''}`;
    case 'row-gone':
      return `deleted${by}`;
    case 'still-referred-to':
    case 'unique-taken':
    case 'parent-gone':
      return detail!;
    case 'unknown-value':
      return detail ?? 'nobody knows what it was';
    case 'masked':
      return 'only its mask is stored';
  }
}

function describe({ id, recordedAt, description, actorType, actorId }: RevisionInTheWay): string {
  const actor = actorType === null ? 'the system' : [actorType, actorId].filter(part => part !== null).join(' ');
  const why = description === null ? '' : ` (${description})`;
  return `${actor} in revision ${id}, ${recordedAt.toISOString()}${why}`;
}
