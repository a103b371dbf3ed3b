import type { ObjectAction } from '@revy/mikro-orm';
import { address } from '../mount/page-request.js';
import { type Html, markup } from './markup.js';

/** What was done to an object, in words. */
export const DONE: Readonly<Record<ObjectAction, string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
};

/** A time, in UTC, because the server does not know where its reader is. */
export function showTime(time: Date): Html {
  const iso = time.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** Text of the application, which may run from right to left, and must not turn what is around it. */
export function showText(text: string): Html {
  return markup`<bdi>${text}</bdi>`;
}

/** The start of a text that may be long. */
export function showStart(text: string, longest: number): Html {
  return text.length <= longest ? showText(text) : markup`${showText(text.slice(0, longest))}…`;
}

/** What the history stores of who did something. */
export interface WhoDidIt {
  readonly actorType: string | null;
  readonly actorId: string | null;
}

/** Who did it, with a link to all that they did. */
export function showActor(root: string, { actorType, actorId }: WhoDidIt): Html {
  const name = actorType === null ? 'system' : `${actorType}:${actorId}`;
  const shown = actorType === null ? 'the system' : `${actorType} ${actorId}`;
  return markup`<a href="${address(root, { actor: name })}">${showText(shown)}</a>`;
}

/** An object, with a link to its history. */
export function showObject(root: string, objectType: string, objectId: string, name: Html): Html {
  return markup`<a href="${address(`${root}/object`, { type: objectType, id: objectId })}">${name}</a>`;
}
