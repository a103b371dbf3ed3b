import type { ObjectDelta, Page, TrackedType } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { type Place, showActor, showObject, showStart, showText, showTime } from '../html/show.js';
import { address } from '../mount/page-request.js';
import { undeleteAddress } from '../revert/revert-question.js';

/** What the page of deleted objects shows. */
export interface DeletedView extends Place {
  readonly type: string | undefined;
  readonly types: readonly TrackedType[];
  readonly deltas: Page<ObjectDelta>;
  readonly mayRevert: boolean;
}

const LONGEST_REASON = 500;
const LONGEST_NAME = 200;

/** What is gone, newest first: what it was, who deleted it, and why. */
export function deletedPage(view: DeletedView): Html {
  const { root, words, type, types, deltas } = view;
  const option = (name: string) =>
    markup`<option value="${name}"${name === type && ' selected'}>${words.type(name)}</option>`;
  const older = deltas.next !== null && address(`${root}/deleted`, { type, after: deltas.next });
  const none = deltas.length === 0 && markup`<p>Nothing that was recorded is gone.</p>`;
  return markup`<h1>What is gone</h1>
<form class="filters" method="get" action="${root}/deleted">
<label>Type<select name="type"><option value="">any</option>${types.map(one => option(one.type))}</select></label>
<button type="submit">Show</button>
</form>
${none || markup`<ol class="feed">${deltas.map(delta => item(view, delta))}</ol>`}
${older && markup`<nav class="pages" aria-label="Pages"><a rel="next" href="${older}">Older</a></nav>`}`;
}

function item(view: DeletedView, delta: ObjectDelta): Html {
  const { root, words, mayRevert } = view;
  const { objectType, objectId, revision } = delta;
  const reason = delta.description ?? revision.description;
  const name = markup`${showText(words.type(objectType))} ${showStart(objectId, LONGEST_NAME)}`;
  const back = mayRevert && markup` · <a href="${undeleteAddress(root, objectType, objectId)}">bring it back</a>`;
  return markup`<li><p>${showObject(root, objectType, objectId, name)}</p>
<p class="dim"><span class="delete">deleted</span> ${showTime(revision.recordedAt)} by ${showActor(view, delta)}
 · <a href="${root}/revisions/${revision.id}">revision ${revision.id}</a>${back}</p>
${reason !== null && markup`<p>${showStart(reason, LONGEST_REASON)}</p>`}</li>
`;
}
