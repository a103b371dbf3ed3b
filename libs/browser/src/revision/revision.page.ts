import type { Json, ObjectDelta, Page, Revision, StoredAttribution, TrackedType } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { DONE, type Place, showActor, showObject, showText, showTime } from '../html/show.js';
import { showChange, type ShowOptions, showValue, textOf } from '../html/show-value.js';
import { typeOf } from '../wording/stored-type.js';
import { address } from '../mount/page-request.js';
import { revisionAddress } from '../revert/revert-question.js';
import type { DeltaTree } from './cascade-tree.js';
import { type AttributeChange, attributeChanges, type LinkChange, linkChange } from './delta-changes.js';

/** What the page of a revision shows. */
export interface RevisionView extends Place {
  readonly revision: Revision;
  readonly deltas: Page<ObjectDelta>;
  readonly trees: readonly DeltaTree[];
  readonly types: readonly TrackedType[];
  /** Names of the many-to-many collections of each type. */
  readonly collections: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether ways to revert are shown. */
  readonly mayRevert: boolean;
  /** How many characters of a value are shown. */
  readonly longest: number;
}

/** Everything that a revision changed. */
export function revisionPage(view: RevisionView): Html {
  const { root, revision, trees, deltas } = view;
  const { id, recordedAt, description, metadata, transactionId, reverts } = revision;
  const next = address(`${root}/revisions/${id}`, { after: deltas.next ?? undefined });
  return markup`<h1>Revision ${id}</h1>
<p>${showTime(recordedAt)} by ${showActor(view, revision)}</p>
${description !== null && markup`<p class="value">${showText(description)}</p>`}
${reverts !== null && markup`<p>Reverts <a href="${root}/revisions/${reverts}">revision ${reverts}</a></p>`}
${view.mayRevert && trees.length > 0 && markup`<p><a href="${revisionAddress(root, id)}">Revert this revision</a></p>`}
<details><summary>More</summary>
<p class="dim">Transaction ${transactionId ?? 'unknown'}</p>
${metadata !== null && markup`<pre class="value code">${textOf(metadata as Json)}</pre>`}
<p><a href="${address(`${root}/revisions/${id}`, { full: 'yes' })}">Show long values whole</a></p>
</details>
${trees.length === 0 ? markup`<p>It changed nothing that is tracked.</p>` : groups(trees).map(group => showGroup(view, group))}
${deltas.next !== null && markup`<nav class="pages" aria-label="Pages"><a rel="next" href="${next}">More changes</a></nav>`}`;
}

/** Objects of one type to which the same was done, in the order in which they were recorded. */
function groups(trees: readonly DeltaTree[]): DeltaTree[][] {
  const found = new Map<string, DeltaTree[]>();
  for (const tree of trees) {
    const key = `${tree.delta.action} ${tree.delta.objectType}`;
    found.set(key, [...(found.get(key) ?? []), tree]);
  }
  return [...found.values()];
}

function showGroup(view: RevisionView, trees: readonly DeltaTree[]): Html {
  const { action, objectType } = trees[0]!.delta;
  return markup`<section>
<h2>${showText(view.words.type(objectType))} <span class="${action}">${DONE[action]}</span></h2>
${trees.map(tree => showTree(view, tree))}</section>
`;
}

function showTree(view: RevisionView, { delta, along }: DeltaTree): Html {
  return markup`<article id="delta-${delta.id}">
<h3><span class="${delta.action}">${DONE[delta.action]}</span> ${showObject(view.root, delta.objectType, delta.objectId, markup`${showText(view.words.type(delta.objectType))} ${showText(view.words.object(delta.objectType, delta.objectId))}`)}</h3>
${who(view, delta)}${table(view, delta)}${view.mayRevert && only(view, delta)}
${along.length > 0 && markup`<div class="along"><p class="dim">Along with it:</p>${along.map(tree => showTree(view, tree))}</div>`}
</article>
`;
}

function only({ root, words, revision }: RevisionView, { objectType, objectId }: ObjectDelta): Html {
  const label = `Revert what revision ${revision.id} did to ${words.type(objectType)} ${objectId}`;
  return markup`<p><a href="${revisionAddress(root, revision.id, objectType, objectId)}" aria-label="${label}">Revert this only</a></p>`;
}

/** Who and why, where that is not what holds for the whole revision. */
function who(view: RevisionView, delta: ObjectDelta): Html | false {
  const { revision } = view;
  const isOther = delta.actorType !== revision.actorType || delta.actorId !== revision.actorId;
  const reason = delta.description;
  if (!isOther && reason === null) return false;
  return markup`<p class="dim">${isOther && markup`by ${showActor(view, delta)} `}${reason !== null && showText(reason)}</p>
`;
}

function table(view: RevisionView, delta: ObjectDelta): Html | false {
  const changes = attributeChanges(delta);
  if (changes.length === 0) return false;
  return markup`<div class="table"><table class="changes">
<thead><tr><th scope="col">Attribute</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
<tbody>${changes.map(change => row(view, delta, change))}</tbody>
</table></div>`;
}

function row(view: RevisionView, { objectType }: ObjectDelta, change: AttributeChange): Html {
  const type = typeOf(view.types, objectType);
  const options = {
    isMasked: type?.isMasked(change.attribute) ?? false,
    longest: view.longest,
    render: view.words.renderer(objectType, change.attribute),
  };
  const links = linkChange(change, view.collections.get(type?.type ?? '') ?? new Set(), change.attribute);
  const sides = links ? showLinks(links, options) : showChange(change.before, change.after, options);
  const notes = change.attributions.map(one => attribution(view, one, options));
  return markup`<tr><th scope="row">${showText(view.words.attribute(objectType, change.attribute))}${notes}</th>
<td data-label="Before">${sides.before}</td><td data-label="After">${sides.after}</td></tr>
`;
}

function attribution(place: Place, one: StoredAttribution, options: ShowOptions): Html {
  const reason = one.description !== null && markup`: ${showText(one.description)}`;
  const value = one.value !== undefined && markup`, to ${showValue(one.value, options)}`;
  return markup`<p class="dim">by ${showActor(place, one)}${reason}${value}</p>`;
}

function showLinks({ added, removed }: LinkChange, options: ShowOptions) {
  const list = (keys: readonly Json[]) =>
    keys.map((key, index) => markup`${index > 0 && ', '}${showValue(key, options)}`);
  return {
    before: removed.length > 0 ? markup`<del>removed</del> ${list(removed)}` : markup``,
    after: added.length > 0 ? markup`<ins>added</ins> ${list(added)}` : markup``,
  };
}
