import type { Activity, ObjectAction, Page, Revision, TrackedType } from '@revy/mikro-orm';
import type { ChangeSummary } from '../feed/feed.query.js';
import { revisionList } from '../feed/revision-list.js';
import { activityPicture } from '../html/activity-picture.js';
import { type Html, markup } from '../html/markup.js';
import { DONE, type Place, showObject, showText } from '../html/show.js';
import { address } from '../mount/page-request.js';
import { typeOf } from '../wording/stored-type.js';
import { actorText, type WhoDidIt } from '../wording/words.js';
import type { DoneCount } from './actor.query.js';

/** What the page of an actor shows. */
export interface ActorView extends Place {
  readonly who: WhoDidIt;
  readonly types: readonly TrackedType[];
  readonly counts: readonly DoneCount[];
  /** Of all that it did; beside the newest of it only. */
  readonly activity: Activity | undefined;
  readonly revisions: Page<Revision>;
  readonly changes: ReadonlyMap<number, readonly ChangeSummary[]>;
}

const ACTIONS = Object.keys(DONE) as ObjectAction[];

/** What somebody did: how much of it to what, when, and all of it, newest first. */
export function actorPage(view: ActorView): Html {
  const { root, words, who, revisions, changes } = view;
  const actor = actorText(who);
  const { next } = revisions;
  const older = next !== null && address(`${root}/actor`, { actor, after: next });
  const picture =
    view.activity && activityPicture(view.activity, (since, until) => address(root, { actor, since, until }));
  return markup`<h1>${showText(words.actor(who))}</h1>
${itself(view)}${table(view)}
${picture}
<h2>Revisions</h2>
${revisions.length === 0 ? markup`<p>Nothing that was recorded was done by it.</p>` : revisionList(view, revisions, changes)}
${older && markup`<nav class="pages" aria-label="Pages"><a rel="next" href="${older}">Older</a></nav>`}
<p class="dim"><a href="${address(root, { actor })}">Search in what it did</a></p>`;
}

/** Who acts may have a history as well. */
function itself({ root, types, who }: ActorView): Html | false {
  if (who.actorType === null || who.actorId === null || !typeOf(types, who.actorType)) return false;
  return markup`<p class="dim">${showObject(root, who.actorType, who.actorId, markup`What was done to it`)}</p>`;
}

function table(view: ActorView): Html | false {
  if (view.counts.length === 0) return false;
  const head = ACTIONS.map(action => markup`<th scope="col">${DONE[action]}</th>`);
  return markup`<div class="table"><table class="counts"><thead><tr><th scope="col">Objects</th>${head}</tr></thead>
<tbody>${view.counts.map(count => row(view, count))}</tbody></table></div>`;
}

function row({ root, words, who }: ActorView, { objectType, counts }: DoneCount): Html {
  const cell = (action: ObjectAction) => {
    const link = address(root, { type: objectType, action, actor: actorText(who) });
    return markup`<td>${counts[action] === undefined ? '–' : markup`<a href="${link}">${counts[action]}</a>`}</td>`;
  };
  return markup`<tr><th scope="row">${showText(words.type(objectType))}</th>${ACTIONS.map(cell)}</tr>
`;
}
