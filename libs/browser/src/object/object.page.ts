import type { AttributeBlame, CollectionDiff, ValueDiff, Version } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { activityPicture } from '../html/activity-picture.js';
import { DONE, type Place, showActor, showStart, showText, showTime } from '../html/show.js';
import { MASKED, showChange, type ShowOptions, showValue, UNKNOWN } from '../html/show-value.js';
import { address } from '../mount/page-request.js';
import { undeleteAddress, versionAddress } from '../revert/revert-question.js';
import type { Comparison, ObjectAnswer, ObjectQuestion } from './read-object.js';
import { shownJson } from './shown-json.js';

/** What the page of an object shows. */
export interface ObjectView extends ObjectAnswer, Place {
  readonly question: ObjectQuestion;
  /** How many characters of a value are shown. */
  readonly longest: number;
  /** Whether ways to revert are shown. */
  readonly mayRevert: boolean;
}

const LONGEST_REASON = 500;

/** One object: as it was at a version, who set what, what differs between two versions, and the list of them. */
export function objectPage(view: ObjectView): Html {
  const { question, latest, comparison } = view;
  const isGone = latest.isDeleted && markup` <span class="delete">deleted</span>`;
  return markup`<h1>${showText(view.words.type(question.type))} ${showText(view.words.object(question.type, question.id))}${isGone}</h1>
${travel(view)}
<section id="state">
${state(view)}
${neighbours(view)}
</section>
${comparison && differences(view, comparison)}
<h2>Versions</h2>
${activityPicture(view.activity, (since, until) => address(view.root, { type: question.type, since, until }))}
${versionList(view)}`;
}

/** The way to this object, with what else is asked of it. */
function here({ root, question }: ObjectView, more: Readonly<Record<string, string | number | undefined>>): string {
  return address(`${root}/object`, { type: question.type, id: question.id, ...more });
}

function hidden({ question }: ObjectView): Html {
  return markup`<input type="hidden" name="type" value="${question.type}"><input type="hidden" name="id" value="${question.id}">`;
}

function travel(view: ObjectView): Html {
  const { root, latest, shown, question, comparison } = view;
  const number = shown?.number ?? latest.number;
  return markup`<div class="tools"><form class="filters travel" method="get" action="${root}/object">${hidden(view)}
<label>Version, from 1 to ${latest.number}<input type="range" name="at" min="1" max="${latest.number}" value="${number}"${slide(view)}></label>
<button type="submit">Go to the version</button></form>
<form class="filters" method="get" action="${root}/object">${hidden(view)}
<label>At a time (UTC)<input type="datetime-local" step="1" name="when" value="${question.when ?? ''}"></label>
<button type="submit">Go to the time</button></form>
<form class="filters" method="get" action="${root}/object">${hidden(view)}
<label>Compare version<input type="number" name="from" min="1" max="${latest.number}" required value="${comparison?.from ?? 1}"></label>
<label>with version<input type="number" name="to" min="1" max="${latest.number}" required value="${comparison?.to ?? latest.number}"></label>
<button type="submit">Compare</button></form></div>`;
}

/** With JavaScript, the state follows the slider. */
function slide(view: ObjectView): Html {
  return markup` hx-get="${here(view, {})}" hx-trigger="input changed delay:100ms" hx-target="#state" hx-select="#state" hx-swap="outerHTML" hx-replace-url="true" hx-sync="this:replace"`;
}

function neighbours(view: ObjectView): Html {
  const { latest, shown } = view;
  const number = shown?.number ?? latest.number;
  const before = number > 1 && markup`<a rel="prev" href="${here(view, { at: number - 1 })}">Version ${number - 1}</a>`;
  const after =
    number < latest.number && markup`<a rel="next" href="${here(view, { at: number + 1 })}">Version ${number + 1}</a>`;
  return markup`<nav class="pages" aria-label="Neighbouring versions">${before} ${after}</nav>`;
}

function state(view: ObjectView): Html {
  const { root, shown, tracked, blame, links } = view;
  if (!shown) return markup`<p>Nothing had been recorded of it by then.</p>`;
  const reason = shown.description !== null && markup`: ${showStart(shown.description, LONGEST_REASON)}`;
  const title = shown.isDeleted ? markup`What version ${shown.number} deleted` : markup`Version ${shown.number}`;
  const rows = tracked.attributes.flatMap(name => {
    const one = blame && Object.hasOwn(blame, name) ? blame[name] : undefined;
    if (one) return stateRow(view, name, one);
    return Object.hasOwn(links, name) ? linksRow(view, name, links[name]!) : [];
  });
  return markup`<h2>${title}</h2>
<p>${DONE[shown.action]} ${showTime(shown.validFrom)} by ${showActor(view, shown)}${reason}
(<a href="${root}/revisions/${shown.revision.id}">revision ${shown.revision.id}</a>)</p>
${wayBack(view, shown)}
<div class="table"><table class="changes">
<thead><tr><th scope="col">Attribute</th><th scope="col">Value</th><th scope="col">Set by</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

/** The whole object, back to what is shown of it; or back at all. */
function wayBack({ root, question, latest, mayRevert }: ObjectView, shown: Version<object>): Html | false {
  if (!mayRevert) return false;
  const { type, id } = question;
  if (latest.isDeleted) return markup`<p><a href="${undeleteAddress(root, type, id)}">Bring it back</a></p>`;
  if (shown.number === latest.number || shown.isDeleted) return false;
  const there = versionAddress(root, type, id, shown.number);
  return markup`<p><a href="${there}">Put it back to version ${shown.number}</a></p>`;
}

function attributeBack(view: ObjectView, name: string): Html | false {
  const { root, question, latest, shown, mayRevert } = view;
  if (!mayRevert || !shown || latest.isDeleted || shown.isDeleted || shown.number === latest.number) return false;
  const there = versionAddress(root, question.type, question.id, shown.number, name);
  return markup` <a href="${there}" aria-label="Put ${view.words.attribute(view.tracked.type, name)} back to version ${shown.number}">Put back</a>`;
}

function stateRow(view: ObjectView, name: string, blame: AttributeBlame<unknown>): Html {
  const value = shownJson(blame.value);
  const unknown = view.tracked.isMasked(name) ? MASKED : UNKNOWN;
  return markup`<tr><th scope="row">${named(view, [name])}</th>
<td data-label="Value">${value === undefined ? unknown : showValue(value, optionsOf(view, name))}${attributeBack(view, name)}</td>
<td data-label="Set by">${setter(view, blame)}</td></tr>
`;
}

/** Who added which link is told by the revisions, and by comparing. */
function linksRow(view: ObjectView, name: string, items: readonly object[]): Html {
  return markup`<tr><th scope="row">${named(view, [name])}</th>
<td data-label="Value">${listed(items, optionsOf(view, name))}</td><td></td></tr>
`;
}

function setter(
  view: ObjectView,
  { revision, actorType, actorId, description, version }: AttributeBlame<unknown>,
): Html {
  if (!revision) return markup`<span class="dim">before the history</span>`;
  const reason = description !== null && markup`: ${showStart(description, LONGEST_REASON)}`;
  return markup`${showActor(view, { actorType, actorId })}, <a href="${here(view, { at: version })}">version ${version}</a>${reason}`;
}

function optionsOf({ tracked, words, longest }: ObjectView, name: string): ShowOptions {
  return { isMasked: tracked.isMasked(name), longest, render: words.renderer(tracked.type, name) };
}

function named({ tracked, words }: ObjectView, names: readonly string[]): Html {
  return showText(names.map(name => words.attribute(tracked.type, name)).join(', '));
}

function differences(view: ObjectView, { from, to, changed, unknown }: Comparison): Html {
  const rows = Object.entries(changed).map(([name, diff]) => differenceRow(view, name, diff));
  const hiddenOnes = unknown.length > 0 && markup`<p class="dim">Cannot be compared: ${named(view, unknown)}</p>`;
  const none = rows.length === 0 && markup`<p>Nothing differs.</p>`;
  return markup`<h2 id="differences">Version ${from} and version ${to}</h2>${none}
${
  rows.length > 0 &&
  markup`<div class="table"><table class="changes">
<thead><tr><th scope="col">Attribute</th><th scope="col">Version ${from}</th><th scope="col">Version ${to}</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}${hiddenOnes}`;
}

function differenceRow(view: ObjectView, name: string, diff: ValueDiff<unknown> | CollectionDiff<object>): Html {
  const options = optionsOf(view, name);
  const sides =
    'added' in diff
      ? { before: changedLinks('removed', diff.removed, options), after: changedLinks('added', diff.added, options) }
      : showChange(shownJson(diff.oldValue), shownJson(diff.newValue), options);
  return markup`<tr><th scope="row">${named(view, [name])}</th>
<td data-label="Before">${sides.before}</td><td data-label="After">${sides.after}</td></tr>
`;
}

function changedLinks(verb: 'added' | 'removed', items: readonly object[], options: ShowOptions): Html {
  if (items.length === 0) return markup``;
  return markup`${verb === 'added' ? markup`<ins>added</ins>` : markup`<del>removed</del>`} ${listed(items, options)}`;
}

function listed(items: readonly object[], options: ShowOptions): Html {
  if (items.length === 0) return showValue(undefined, options);
  return markup`${items.map((item, index) => markup`${index > 0 && ', '}${showValue(shownJson(item), options)}`)}`;
}

function versionList(view: ObjectView): Html {
  const { versions } = view;
  const { next } = versions;
  const older = next !== null && markup`<a rel="next" href="${here(view, { after: next })}">Older versions</a>`;
  return markup`<ol class="feed">${versions.map(version => versionItem(view, version))}</ol>
${older && markup`<nav class="pages" aria-label="Pages">${older}</nav>`}`;
}

function versionItem(view: ObjectView, version: Version<object>): Html {
  const { number, action, validFrom, changed, description, revision } = version;
  const what = action === 'update' && changed.length > 0 && markup` <span class="dim">(${named(view, changed)})</span>`;
  const current = number === view.shown?.number && markup` aria-current="true"`;
  const compare =
    number > 1 && markup` · <a href="${here(view, { from: number - 1, to: number })}">what it changed</a>`;
  return markup`<li><p class="dim"><a href="${here(view, { at: number })}"${current}>Version ${number}</a> · ${showTime(validFrom)} · ${showActor(view, version)}
 · <a href="${view.root}/revisions/${revision.id}">revision ${revision.id}</a>${compare}</p>
${description !== null && markup`<p>${showStart(description, LONGEST_REASON)}</p>`}
<p><span class="${action}">${DONE[action]}</span>${what}</p></li>
`;
}
