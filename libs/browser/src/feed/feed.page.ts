import type { Activity, Page, Revision, TrackedType } from '@revy/mikro-orm';
import { activityPicture } from '../html/activity-picture.js';
import { type Html, markup } from '../html/markup.js';
import { DONE, type Place } from '../html/show.js';
import { address } from '../mount/page-request.js';
import type { FeedField, FeedFields } from './feed-filter.js';
import type { ChangeSummary } from './feed.query.js';
import { revisionList } from './revision-list.js';

/** What the feed shows. */
export interface Feed extends Place {
  readonly fields: FeedFields;
  readonly types: readonly TrackedType[];
  readonly revisions: Page<Revision>;
  readonly changes: ReadonlyMap<number, readonly ChangeSummary[]>;
  /** Whether there are newer revisions than those shown. */
  readonly isBehind: boolean;
  /** Whether the page stays as it is when something is recorded. */
  readonly isPaused: boolean;
  /** Of all that the filters leave; beside the newest of it only. */
  readonly activity: Activity | undefined;
}

/** How often a page asks whether something new has been recorded. */
const EVERY = '5s';

/** Revisions, newest first: who, why, and what. */
export function feedPage(feed: Feed): Html {
  const { root, fields, revisions, changes } = feed;
  const isFiltered = Object.keys(fields).length > 0;
  const none = isFiltered ? 'Nothing that was recorded fits.' : 'Nothing has been recorded yet.';
  const picture =
    feed.activity && activityPicture(feed.activity, (since, until) => address(root, { ...fields, since, until }));
  return markup`<h1>What happened</h1>
${filterForm(feed, isFiltered)}
<div id="feed"${live(feed)}>
${picture}
${revisions.length === 0 ? markup`<p>${none}</p>` : revisionList(feed, revisions, changes)}
${pages(feed)}
</div>
<p class="dim">${liveSwitch(feed)}As a file: <a download href="${address(`${root}/export.csv`, fields)}">CSV</a>,
<a download href="${address(`${root}/export.json`, fields)}">JSON</a></p>`;
}

/** The newest page asks for itself again, and is answered with nothing as long as its first revision is the newest. */
function live({ root, fields, revisions, isBehind, isPaused }: Feed): Html | false {
  if (isBehind || isPaused) return false;
  const again = address(root, { ...fields, newest: revisions[0]?.id ?? 0 });
  return markup` hx-get="${again}" hx-trigger="every ${EVERY}" hx-select="#feed" hx-swap="outerHTML" hx-status:4xx="swap:none" hx-status:5xx="swap:none"`;
}

/** Who reads has to be able to keep the page as it is. */
function liveSwitch({ root, fields, isBehind, isPaused }: Feed): Html | false {
  if (isBehind) return false;
  const other = address(root, { ...fields, live: isPaused ? undefined : 'off' });
  const link = isPaused ? 'Show what comes as it comes' : 'Stop showing what comes';
  return markup`<span class="scripted"><a href="${other}">${link}</a> · </span>`;
}

function filterForm({ root, words, fields, types }: Feed, isFiltered: boolean): Html {
  const known = types.map(({ type }) => type);
  const chosen = fields.type === undefined || known.includes(fields.type) ? known : [...known, fields.type];
  const attributes = types.find(({ type }) => type === fields.type)?.attributes ?? [];
  return markup`<details${isFiltered && ' open'}>
<summary>Filter</summary>
<form class="filters" method="get" action="${root}">
${choice('type', 'Type', new Map(chosen.map(type => [type, words.type(type)])), fields)}
${choice('action', 'Action', new Map(Object.keys(DONE).map(action => [action, action])), fields)}
${input('actor', 'Actor, such as User:1 or system', fields)}
${input('attribute', 'Attribute of the type', fields, markup` list="attributes"`)}
${input('value', 'Changed to', fields)}
${input('since', 'Since (UTC)', fields, markup` type="datetime-local" step="1"`)}
${input('until', 'Until (UTC)', fields, markup` type="datetime-local" step="1"`)}
<datalist id="attributes">${attributes.map(name => attributeOption(name, words.attribute(fields.type ?? '', name)))}</datalist>
<button type="submit">Show</button>
${isFiltered && markup`<a href="${root}">Show everything</a>`}
</form>
</details>`;
}

function input(name: FeedField, label: string, fields: FeedFields, more?: Html): Html {
  return markup`<label>${label}<input name="${name}" value="${fields[name] ?? ''}"${more}></label>`;
}

/** The form asks by the attribute's name; what it is called stands beside. */
function attributeOption(name: string, label: string): Html {
  return markup`<option value="${name}">${label !== name && label}</option>`;
}

function choice(name: FeedField, label: string, options: ReadonlyMap<string, string>, fields: FeedFields): Html {
  const option = ([value, shown]: readonly [string, string]) =>
    markup`<option value="${value}"${fields[name] === value && ' selected'}>${shown}</option>`;
  return markup`<label>${label}<select name="${name}"><option value="">any</option>${[...options].map(option)}</select></label>`;
}

function pages({ root, fields, revisions, isBehind }: Feed): Html | null {
  const { next } = revisions;
  if (next === null && !isBehind) return null;
  return markup`<nav class="pages" aria-label="Pages">
${isBehind && markup`<a href="${address(root, fields)}">Newest</a>`}
${next !== null && markup`<a rel="next" href="${address(root, { ...fields, after: next })}">Older</a>`}
</nav>`;
}
