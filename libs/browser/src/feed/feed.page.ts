import type { ObjectAction, Page, Revision, TrackedType } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { DONE, showActor, showObject, showStart, showText, showTime } from '../html/show.js';
import { address } from '../mount/page-request.js';
import type { FeedField, FeedFields } from './feed-filter.js';
import type { ChangedObject, ChangeSummary } from './feed.query.js';

/** What the feed shows. */
export interface Feed {
  readonly root: string;
  readonly fields: FeedFields;
  readonly types: readonly TrackedType[];
  readonly revisions: Page<Revision>;
  readonly changes: ReadonlyMap<number, readonly ChangeSummary[]>;
  /** Whether there are newer revisions than those shown. */
  readonly isBehind: boolean;
}

const LONGEST_REASON = 500;
const LONGEST_NAME = 200;
const MOST_ATTRIBUTES = 12;

/** Revisions, newest first: who, why, and what. */
export function feedPage(feed: Feed): Html {
  const { root, fields, revisions, changes } = feed;
  const isFiltered = Object.keys(fields).length > 0;
  const items = revisions.map(revision => item(root, revision, changes.get(revision.id) ?? []));
  const none = isFiltered ? 'Nothing that was recorded fits.' : 'Nothing has been recorded yet.';
  return markup`<h1>What happened</h1>
${filterForm(feed, isFiltered)}
${items.length === 0 ? markup`<p>${none}</p>` : markup`<ol class="feed">${items}</ol>`}
${pages(feed)}
<p class="dim">As a file: <a download href="${address(`${root}/export.csv`, fields)}">CSV</a>,
<a download href="${address(`${root}/export.json`, fields)}">JSON</a></p>`;
}

function item(root: string, revision: Revision, changes: readonly ChangeSummary[]): Html {
  const { id, recordedAt, description, reverts } = revision;
  const reason = description !== null && markup`<p>${showStart(description, LONGEST_REASON)}</p>`;
  const undone =
    reverts !== null &&
    markup`<p class="dim">reverts <a href="${root}/revisions/${reverts}">revision ${reverts}</a></p>`;
  return markup`<li id="revision-${id}">
<p class="dim"><a href="${root}/revisions/${id}">Revision ${id}</a> · ${showTime(recordedAt)} · ${showActor(root, revision)}</p>
${reason}${undone}<ul>${changes.map(change => markup`<li>${summary(root, change)}</li>`)}</ul>
</li>
`;
}

function summary(root: string, { objectType, action, count, objects }: ChangeSummary): Html {
  const named = objects.map(
    (object, index) => markup`${index > 0 && ', '}${changed(root, objectType, object, action)}`,
  );
  const more = count - objects.length;
  const rest = more > 0 && ` and ${more} more`;
  return markup`<span class="${action}">${DONE[action]}</span> ${showText(objectType)} ${named}${rest}`;
}

function changed(root: string, type: string, { objectId, attributes }: ChangedObject, action: ObjectAction): Html {
  const name = showObject(root, type, objectId, showStart(objectId, LONGEST_NAME));
  if (action !== 'update' || attributes.length === 0) return name;
  const first = attributes.slice(0, MOST_ATTRIBUTES).join(', ');
  const rest = attributes.length > MOST_ATTRIBUTES && ', …';
  return markup`${name} <span class="dim">(${showText(first)}${rest})</span>`;
}

function filterForm({ root, fields, types }: Feed, isFiltered: boolean): Html {
  const known = types.map(({ type }) => type);
  const chosen = fields.type === undefined || known.includes(fields.type) ? known : [...known, fields.type];
  const attributes = types.find(({ type }) => type === fields.type)?.attributes ?? [];
  return markup`<details${isFiltered && ' open'}>
<summary>Filter</summary>
<form class="filters" method="get" action="${root}">
${choice('type', 'Type', chosen, fields)}
${choice('action', 'Action', Object.keys(DONE), fields)}
${input('actor', 'Actor, such as User:1 or system', fields)}
${input('attribute', 'Attribute of the type', fields, markup` list="attributes"`)}
${input('value', 'Changed to', fields)}
${input('since', 'Since (UTC)', fields, markup` type="datetime-local" step="1"`)}
${input('until', 'Until (UTC)', fields, markup` type="datetime-local" step="1"`)}
<datalist id="attributes">${attributes.map(name => markup`<option value="${name}"></option>`)}</datalist>
<button type="submit">Show</button>
${isFiltered && markup`<a href="${root}">Show everything</a>`}
</form>
</details>`;
}

function input(name: FeedField, label: string, fields: FeedFields, more?: Html): Html {
  return markup`<label>${label}<input name="${name}" value="${fields[name] ?? ''}"${more}></label>`;
}

function choice(name: FeedField, label: string, options: readonly string[], fields: FeedFields): Html {
  const option = (value: string) =>
    markup`<option value="${value}"${fields[name] === value && ' selected'}>${value}</option>`;
  return markup`<label>${label}<select name="${name}"><option value="">any</option>${options.map(option)}</select></label>`;
}

function pages({ root, fields, revisions, isBehind }: Feed): Html | null {
  const { next } = revisions;
  if (next === null && !isBehind) return null;
  return markup`<nav class="pages" aria-label="Pages">
${isBehind && markup`<a href="${address(root, fields)}">Newest</a>`}
${next !== null && markup`<a rel="next" href="${address(root, { ...fields, after: next })}">Older</a>`}
</nav>`;
}
