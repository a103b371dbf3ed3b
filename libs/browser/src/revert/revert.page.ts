import type { PlannedObject, RevertConflict, RevertPlan, TrackedType } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import type { Words } from '../wording/words.js';
import type { Place } from '../html/show.js';
import { address } from '../mount/page-request.js';
import { decided, DONE_SO, PLANNED, plannedObject } from './planned-object.js';
import { conflictField, type Decision, type Decisions, type FormField } from './revert-form.js';
import { chosenName, queryOf, revertAddress, type RevertQuestion } from './revert-question.js';

/** What the page of a plan shows. */
export interface RevertView extends Place {
  readonly question: RevertQuestion;
  readonly types: readonly TrackedType[];
  readonly plan: RevertPlan;
  readonly decisions: Decisions;
  /** Why what was sent was not carried out. */
  readonly notice: string | undefined;
  readonly reason: string;
  readonly token: string;
  /** Of the plan. */
  readonly key: string;
  readonly keyOf: (conflict: RevertConflict) => string;
  /** Names of the relations along which more can be put back. */
  readonly relations: readonly string[];
  /** The last revert of the same, where nothing is left to put back. */
  readonly done: number | undefined;
}

/** How much of a plan is shown, and decided on, in one form. */
const MOST_OBJECTS = 200;
const MOST_CHOICES = 500;
const MOST_CONFLICTS = 2000;
/** More boxes than these, and the address of those that are checked would be too long. */
const MOST_BOXES = 50;

/** What a question is about, in words. */
export function titleOf(words: Words, question: RevertQuestion): string {
  if (question.kind === 'revision') return `Revert revision ${question.revision}`;
  const name = `${words.type(question.type)} ${question.id}`;
  if (question.kind === 'undelete') return `Bring ${name} back`;
  const what =
    question.kind === 'attribute' ? `${words.attribute(question.type, question.attribute)} of ${name}` : name;
  return `Put ${what} back to version ${question.version}`;
}

/** A plan, and the form that carries it out. */
export function revertPage(view: RevertView): Html {
  const { plan, notice, question, root, words } = view;
  const { conflicts } = plan;
  const sorted = plan.objects.toSorted((a, b) => Number(isInTheWay(b)) - Number(isInTheWay(a)));
  const shown = new Set(conflicts.slice(0, MOST_CHOICES).map(view.keyOf));
  const ask = (conflict: RevertConflict) => choice(view, conflict, shown);
  const choose = (object: PlannedObject) => box(view, object);
  const objects = sorted
    .slice(0, MOST_OBJECTS)
    .map(object => plannedObject({ ...view, ask, choose, tense: PLANNED }, object));
  const rest = sorted.length - objects.length;
  return markup`<h1>${titleOf(words, question)}</h1>
${notice !== undefined && markup`<p class="error" role="alert">${notice}</p>`}
${narrowing(view)}${widening(view)}
${
  isOver(plan)
    ? nothing(view)
    : markup`<form method="post" action="${revertAddress(root, question)}" hx-boost="false">
<p>This is the plan; nothing has been changed yet.</p>
${objects}
${rest > 0 && markup`<p>And ${rest} more ${rest === 1 ? 'object' : 'objects'}.</p>`}
${ending(view, shown)}
</form>`
}
<p><a href="${backTo(root, question)}">Leave everything as it is</a></p>`;
}

/** What was carried out, with the way to what was recorded of it. */
export function revertedPage({
  root,
  words,
  question,
  types,
  plan,
  decisions,
}: Pick<RevertView, 'root' | 'words' | 'question' | 'types' | 'plan' | 'decisions'>): Html {
  const ask = (conflict: RevertConflict) => decided(decisions.of(conflict), conflict);
  const view = { root, words, types, ask, choose: () => false as const, tense: DONE_SO };
  const { revision } = plan;
  const rest = plan.objects.length - MOST_OBJECTS;
  const recorded =
    revision === null
      ? markup`Nothing was changed: all of it was kept, or was back already.`
      : markup`Done, and recorded as <a href="${root}/revisions/${revision}">revision ${revision}</a>.`;
  return markup`<h1>${titleOf(words, question)}</h1>
<p role="status">${recorded}</p>
${plan.objects.slice(0, MOST_OBJECTS).map(object => plannedObject(view, object))}
${rest > 0 && markup`<p>And ${rest} more ${rest === 1 ? 'object' : 'objects'}.</p>`}
<p><a href="${backTo(root, question)}">Back to where it began</a></p>`;
}

function isInTheWay({ status }: PlannedObject): boolean {
  return status === 'conflict';
}

/** Nothing to do, and nothing to decide. */
function isOver(plan: RevertPlan): boolean {
  return plan.isEmpty && plan.isClean;
}

function nothing({ root, done }: RevertView): Html {
  const by = done !== undefined && markup` <a href="${root}/revisions/${done}">Revision ${done}</a> has put it back.`;
  return markup`<p>There is nothing to put back: everything is so already.${by}</p>`;
}

function choice({ decisions, keyOf }: RevertView, conflict: RevertConflict, shown: ReadonlySet<string>): Html {
  const key = keyOf(conflict);
  if (!shown.has(key)) return markup`<p class="dim">This is decided with the others below.</p>`;
  const made = decisions.of(conflict);
  const option = (decision: Decision, label: string) =>
    markup`<label><input type="radio" name="${conflictField(key)}" value="${decision}"${made === decision && ' checked'}> ${label}</label>`;
  if (!conflict.canOverwrite) return markup`${option('keep', 'Go on without it: this cannot be put back')}`;
  return markup`${option('keep', 'Keep what is there')} ${option('overwrite', 'Overwrite it')}`;
}

function ending(view: RevertView, shown: ReadonlySet<string>): Html {
  const { plan, keyOf, reason, token, key, decisions } = view;
  const conflicts = plan.conflicts.map(keyOf);
  if (conflicts.length > MOST_CONFLICTS) {
    return markup`<p class="error">There is more in the way (${conflicts.length} conflicts) than can be decided on here. Choose
fewer objects, or use RevertService in the application.</p>`;
  }
  const among = new Set(conflicts);
  return markup`${hidden('token', token)}${hidden('plan', key)}${hidden('seen', conflicts.join(' '))}
${hidden('keep', decisions.keys('keep', shown).join(' '))}${hidden('overwrite', decisions.keys('overwrite', shown).join(' '))}
${among.size > 1 && others()}
<p><label>Why (optional)<input name="${'reason' satisfies FormField}" value="${reason}" autocomplete="off"></label></p>
<p><button type="submit">${titleOf(view.words, view.question)}${extent(view)}</button></p>`;
}

/** Boxes that are checked, but not planned for, count for nothing. */
function extent({ question, plan }: RevertView): string | false {
  return question.kind === 'revision' && plan.objects.length > 1 && `: all ${plan.objects.length} objects of this plan`;
}

function others(): Html {
  return markup`<p><label>What is in the way and not decided above<select name="${'rest' satisfies FormField}">
<option value="">ask me</option><option value="keep">keep what is there</option><option value="overwrite">overwrite it where that is possible</option>
</select></label></p>`;
}

function hidden(name: FormField, value: string): Html {
  return markup`<input type="hidden" name="${name}" value="${value}">`;
}

/** Boxes of objects belong to a form of their own, which plans again for those that are checked. */
const CHOOSING = 'choosing';

function isChoosing({ question, plan }: RevertView): boolean {
  const isSome = question.kind === 'revision' && (question.objects.length > 0 || plan.objects.length > 1);
  return isSome && plan.objects.length <= MOST_BOXES;
}

function box(view: RevertView, { objectType, objectId }: PlannedObject): Html | false {
  if (!isChoosing(view) || view.question.kind !== 'revision') return false;
  const name = chosenName(objectType, objectId);
  const isChosen = view.question.objects.includes(name);
  return markup`<input type="checkbox" form="${CHOOSING}" name="object" value="${name}" aria-label="Choose ${view.words.type(objectType)} ${objectId}"${isChosen && ' checked'}> `;
}

function narrowing(view: RevertView): Html | false {
  if (!isChoosing(view) || view.question.kind !== 'revision') return false;
  const { revision, objects } = view.question;
  const all =
    objects.length > 0 &&
    markup` <a href="${revertAddress(view.root, { ...view.question, objects: [] })}">All that revision ${revision} changed</a>`;
  return markup`<form id="${CHOOSING}" class="filters" method="get" action="${view.root}/revert">
<input type="hidden" name="revision" value="${revision}"><button type="submit">Plan for the checked objects only</button>${all}</form>`;
}

function widening({ root, words, question, relations }: RevertView): Html | false {
  if (question.kind === 'revision' || question.kind === 'attribute' || relations.length === 0) return false;
  const given = Object.entries(queryOf({ ...question, along: [] })).filter(([name]) => name !== 'along');
  const boxes = relations.map(
    name =>
      markup`<label><input type="checkbox" name="along" value="${name}"${question.along.includes(name) && ' checked'}> ${words.attribute(question.type, name)}</label> `,
  );
  return markup`<form method="get" action="${root}/revert">
${given.map(([name, value]) => markup`<input type="hidden" name="${name}" value="${String(value)}">`)}
<fieldset><legend>Along with it</legend>${boxes}<p><button type="submit">Plan with these</button></p></fieldset></form>`;
}

function backTo(root: string, question: RevertQuestion): string {
  return question.kind === 'revision'
    ? `${root}/revisions/${question.revision}`
    : address(`${root}/object`, { type: question.type, id: question.id });
}
