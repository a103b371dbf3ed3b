import type { ObjectAction, Revision } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { DONE, type Place, showActor, showObject, showStart, showText, showTime } from '../html/show.js';
import type { ChangedObject, ChangeSummary } from './feed.query.js';

const LONGEST_REASON = 500;
const LONGEST_NAME = 200;
const MOST_ATTRIBUTES = 12;

/** Revisions: who, why, and what. */
export function revisionList(
  place: Place,
  revisions: readonly Revision[],
  changes: ReadonlyMap<number, readonly ChangeSummary[]>,
): Html {
  const items = revisions.map(revision => item(place, revision, changes.get(revision.id) ?? []));
  return markup`<ol class="feed">${items}</ol>`;
}

function item(place: Place, revision: Revision, changes: readonly ChangeSummary[]): Html {
  const { root } = place;
  const { id, recordedAt, description, reverts } = revision;
  const reason = description !== null && markup`<p>${showStart(description, LONGEST_REASON)}</p>`;
  const undone =
    reverts !== null &&
    markup`<p class="dim">reverts <a href="${root}/revisions/${reverts}">revision ${reverts}</a></p>`;
  return markup`<li id="revision-${id}">
<p class="dim"><a href="${root}/revisions/${id}">Revision ${id}</a> · ${showTime(recordedAt)} · ${showActor(place, revision)}</p>
${reason}${undone}<ul>${changes.map(change => markup`<li>${summary(place, change)}</li>`)}</ul>
</li>
`;
}

function summary(place: Place, { objectType, action, count, objects }: ChangeSummary): Html {
  const named = objects.map(
    (object, index) => markup`${index > 0 && ', '}${changed(place, objectType, object, action)}`,
  );
  const more = count - objects.length;
  const rest = more > 0 && ` and ${more} more`;
  return markup`<span class="${action}">${DONE[action]}</span> ${showText(place.words.type(objectType))} ${named}${rest}`;
}

function changed(place: Place, type: string, { objectId, attributes }: ChangedObject, action: ObjectAction): Html {
  const name = showObject(place.root, type, objectId, showStart(place.words.object(type, objectId), LONGEST_NAME));
  if (action !== 'update' || attributes.length === 0) return name;
  const shown = attributes.slice(0, MOST_ATTRIBUTES).map(attribute => place.words.attribute(type, attribute));
  const rest = attributes.length > MOST_ATTRIBUTES && ', …';
  return markup`${name} <span class="dim">(${showText(shown.join(', '))}${rest})</span>`;
}
