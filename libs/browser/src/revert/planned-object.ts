import type { ObjectAction, PlannedObject, PlannedValue, RevertConflict, TrackedType } from '@revy/mikro-orm';
import { type Html, markup } from '../html/markup.js';
import { type Place, showActor, showObject, showStart, showText, showTime } from '../html/show.js';
import { LONGEST_VALUE, type ShowOptions, showValue, UNKNOWN } from '../html/show-value.js';
import { typeOf } from '../wording/stored-type.js';
import type { Decision } from './revert-form.js';

/** How the objects of a plan are shown. */
export interface PlanView extends Place {
  readonly types: readonly TrackedType[];
  /** What a reader is asked about a conflict, or is told of what became of it. */
  readonly ask: (conflict: RevertConflict) => Html;
  /** Stands before the name of an object. */
  readonly choose: (object: PlannedObject) => Html | false;
  readonly tense: Tense;
}

/** A plan is spoken of in the future, and what was carried out in the past. */
export interface Tense {
  readonly actions: Readonly<Record<ObjectAction | 'none', string>>;
  readonly is: string;
  readonly willBe: string;
}

export const PLANNED: Tense = {
  actions: { create: 'will come back', update: 'will change', delete: 'will be deleted', none: 'stays as it is' },
  is: 'Now',
  willBe: 'Put back',
};

export const DONE_SO: Tense = {
  actions: { create: 'came back', update: 'changed', delete: 'was deleted', none: 'stayed as it was' },
  is: 'Before',
  willBe: 'Now',
};

const LONGEST_REASON = 500;
const LONGEST_NAME = 200;

/** One object of a plan: what becomes of it, value by value, and what is in the way. */
export function plannedObject(view: PlanView, object: PlannedObject): Html {
  const { objectType, objectId, action, conflict } = object;
  const name = markup`${showText(view.words.type(objectType))} ${showStart(objectId, LONGEST_NAME)}`;
  const values = action === 'delete' ? [] : object.values.filter(isTold);
  return markup`<section>
<h2>${view.choose(object)}${showObject(view.root, objectType, objectId, name)} <span class="${action ?? 'dim'}">${view.tense.actions[action ?? 'none']}</span></h2>
${conflict && inTheWay(view, conflict)}
${values.length > 0 && valueTable(view, object, values)}</section>
`;
}

/** Of an object that comes back, what stays null says nothing. */
function isTold({ is, willBe, conflict }: PlannedValue): boolean {
  return conflict !== undefined || JSON.stringify(is ?? null) !== JSON.stringify(willBe ?? null);
}

function valueTable(view: PlanView, object: PlannedObject, values: readonly PlannedValue[]): Html {
  const { is, willBe } = view.tense;
  return markup`<div class="table"><table class="changes">
<thead><tr><th scope="col">Attribute</th><th scope="col">${is}</th><th scope="col">${willBe}</th></tr></thead>
<tbody>${values.map(value => valueRow(view, object, value))}</tbody></table></div>`;
}

function valueRow(view: PlanView, { objectType }: PlannedObject, value: PlannedValue): Html {
  const { attribute, is, was, willBe, conflict } = value;
  const isMasked = typeOf(view.types, objectType)?.isMasked(attribute) ?? false;
  const render = view.words.renderer(objectType, attribute);
  const options = { isMasked, longest: LONGEST_VALUE, render };
  // before anybody has decided, what there is to decide about
  const next = conflict && view.tense === PLANNED ? was : willBe;
  const isUnknown = next === undefined && conflict?.reason === 'unknown-value';
  return markup`<tr><th scope="row">${showText(view.words.attribute(objectType, attribute))}</th>
<td data-label="${view.tense.is}">${side(value, is, options)}</td>
<td data-label="${view.tense.willBe}">${isUnknown ? UNKNOWN : side(value, next, options)}</td></tr>
${conflict && markup`<tr><td colspan="3">${inTheWay(view, conflict)}</td></tr>`}`;
}

function side({ target }: PlannedValue, value: PlannedValue['is'], options: ShowOptions): Html {
  if (target !== undefined) {
    return value === true ? markup`<ins>linked to</ins> ${showValue(target, options)}` : markup`not linked`;
  }
  return showValue(value, options);
}

function inTheWay(view: PlanView, conflict: RevertConflict): Html {
  const { attribute, objectType, objectId } = conflict;
  const { words } = view;
  const name = attribute === null ? `${words.type(objectType)} ${objectId}` : words.attribute(objectType, attribute);
  return markup`<fieldset class="conflict"><legend>In the way of ${showStart(name, LONGEST_NAME)}</legend>
<p>${said(view, conflict)}</p>
${view.ask(conflict)}</fieldset>`;
}

const BY_WHOM: Partial<Record<RevertConflict['reason'], string>> = {
  'changed-later': 'Changed since',
  'key-taken': 'Another object has its key, made',
  'row-gone': 'Deleted',
};

function said(place: Place, { reason, revision, message }: RevertConflict): Html {
  const words = BY_WHOM[reason];
  if (!words || !revision) return showStart(message, LONGEST_REASON);
  const why = revision.description !== null && markup`: ${showStart(revision.description, LONGEST_REASON)}`;
  return markup`${words} by ${showActor(place, revision)} in <a href="${place.root}/revisions/${revision.id}">revision ${revision.id}</a>, ${showTime(revision.recordedAt)}${why}`;
}

/** What became of a conflict. */
export function decided(decision: Decision | undefined, { canOverwrite }: RevertConflict): Html {
  return decision === 'overwrite' && canOverwrite ? markup`<p>It was overwritten.</p>` : markup`<p>It was kept.</p>`;
}
