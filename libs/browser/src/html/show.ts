import type { ObjectAction } from '@revy/mikro-orm';
import { address } from '../mount/page-request.js';
import { actorText, type WhoDidIt, type Words } from '../wording/words.js';
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

/** Where a page is, and what it calls things. */
export interface Place {
  /** What the addresses of other pages begin with, as seen from this one. */
  readonly root: string;
  readonly words: Words;
}

/** Who did it, with a link to all that they did. */
export function showActor({ root, words }: Place, who: WhoDidIt): Html {
  return markup`<a href="${address(`${root}/actor`, { actor: actorText(who) })}">${showText(words.actor(who))}</a>`;
}

/** An object, with a link to its history. */
export function showObject(root: string, objectType: string, objectId: string, name: Html): Html {
  return markup`<a href="${address(`${root}/object`, { type: objectType, id: objectId })}">${name}</a>`;
}
