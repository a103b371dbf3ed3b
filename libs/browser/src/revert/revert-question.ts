import { UnusableFilterError } from '@revy/mikro-orm';
import { UnusableRevertError } from '../browser.errors.js';
import { address, type AddressQuery, type PageRequest } from '../mount/page-request.js';

/** One object by its stored type and id. */
export interface ObjectName {
  readonly type: string;
  readonly id: string;
}

/** What a revision did, to all objects or to chosen ones. */
export interface RevisionQuestion {
  readonly kind: 'revision';
  readonly revision: number;
  /** None for all. */
  readonly objects: readonly string[];
}

/** One object back to a version, or back from its deletion, along with what some relations name. */
export interface ObjectQuestion extends ObjectName {
  readonly kind: 'version' | 'undelete';
  readonly version: number;
  readonly along: readonly string[];
}

export interface AttributeQuestion extends ObjectName {
  readonly kind: 'attribute';
  readonly version: number;
  readonly attribute: string;
}

/** What is to be put back. */
export type RevertQuestion = RevisionQuestion | ObjectQuestion | AttributeQuestion;

/** What an address asks for. */
export function revertQuestion({ query, all }: PageRequest): RevertQuestion {
  const [type, id, attribute] = [query.get('type'), query.get('id'), query.get('attribute')];
  if (query.get('revision')) {
    return { kind: 'revision', revision: numberOf(query, 'revision'), objects: all('object') };
  }
  if (!type || !id) throw new UnusableRevertError();
  if (query.has('undelete')) return { kind: 'undelete', type, id, version: 0, along: all('along') };
  if (!query.get('version')) throw new UnusableRevertError();
  const version = numberOf(query, 'version');
  return attribute
    ? { kind: 'attribute', type, id, version, attribute }
    : { kind: 'version', type, id, version, along: all('along') };
}

/** The address that asks for it. */
export function revertAddress(root: string, question: RevertQuestion): string {
  return address(`${root}/revert`, queryOf(question));
}

/** The address of the plan for a revision, or for what it did to one object. */
export function revisionAddress(root: string, revision: number, type?: string, id?: string): string {
  const objects = type === undefined || id === undefined ? [] : [chosenName(type, id)];
  return revertAddress(root, { kind: 'revision', revision, objects });
}

/** The address of the plan that puts an object, or an attribute of it, back to a version. */
export function versionAddress(root: string, type: string, id: string, version: number, attribute?: string): string {
  const object = { type, id, version };
  return attribute === undefined
    ? revertAddress(root, { ...object, kind: 'version', along: [] })
    : revertAddress(root, { ...object, kind: 'attribute', attribute });
}

/** The address of the plan that brings a deleted object back. */
export function undeleteAddress(root: string, type: string, id: string): string {
  return revertAddress(root, { kind: 'undelete', type, id, version: 0, along: [] });
}

/** An object as an address chooses it. */
export function chosenName(type: string, id: string): string {
  return JSON.stringify([type, id]);
}

/** What of a question a form repeats that adds to it. */
export function queryOf(question: RevertQuestion): AddressQuery {
  if (question.kind === 'revision') return { revision: question.revision, object: question.objects };
  const { kind, type, id, version } = question;
  if (kind === 'attribute') return { type, id, version, attribute: question.attribute };
  return kind === 'undelete'
    ? { type, id, undelete: 'yes', along: question.along }
    : { type, id, version, along: question.along };
}

function numberOf(query: ReadonlyMap<string, string>, name: string): number {
  const text = query.get(name)!;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UnusableFilterError(name, text, `the number of a ${name}`);
  return Number(text);
}
