import type { Json } from '../model/json.js';
import { ALWAYS, type Period } from './period.js';
import type { RelationEvent } from './relation-events.query.js';

/** Two objects that had to do with each other, and when: one held a reference or a link to the other. */
export interface Tie {
  /** The id of the object that held it. */
  readonly holder: string;
  /** The key of the other one, as stored. */
  readonly key: Json;
  readonly period: Period;
}

/** What objects referred to, from the events of one to-one relation in order. */
export function tiesOfReferences(events: readonly RelationEvent[]): Tie[] {
  return perHolder(events, (holder, own) => {
    const ties: Tie[] = [];
    let [key, since]: [Json | null, number] = [own[0]!.action === 'create' ? null : own[0]!.old, ALWAYS.since];
    for (const event of own) {
      const until = Number(event.revision);
      if (key !== null) ties.push({ holder, key, period: { since, until } });
      [key, since] = [event.action === 'delete' ? null : event.new, until];
    }
    if (key !== null) ties.push({ holder, key, period: { since, until: ALWAYS.until } });
    return ties;
  });
}

interface Links {
  readonly added?: readonly Json[];
  readonly removed?: readonly Json[];
}

/** What was in collections, from the events of one many-to-many relation in order. */
export function tiesOfLinks(events: readonly RelationEvent[]): Tie[] {
  return perHolder(events, (holder, own) => {
    const ties: Tie[] = [];
    const since = new Map<string, number | undefined>();
    const end = (text: string, until: number) => {
      // a link that was never added is older than the history
      const began = since.has(text) ? since.get(text) : ALWAYS.since;
      if (began !== undefined) ties.push({ holder, key: JSON.parse(text) as Json, period: { since: began, until } });
      since.set(text, undefined);
    };
    for (const { action, revision, new: changed } of own) {
      const { added = [], removed = [] } = (changed ?? {}) as Links;
      for (const key of removed) end(JSON.stringify(key), Number(revision));
      if (action !== 'update') for (const text of since.keys()) end(text, Number(revision));
      for (const key of added) since.set(JSON.stringify(key), since.get(JSON.stringify(key)) ?? Number(revision));
    }
    for (const text of since.keys()) end(text, ALWAYS.until);
    return ties;
  });
}

function perHolder(
  events: readonly RelationEvent[],
  fold: (holder: string, events: readonly RelationEvent[]) => Tie[],
): Tie[] {
  const byHolder = new Map<string, RelationEvent[]>();
  for (const event of events) {
    const own = byHolder.get(event.object_id);
    if (own) own.push(event);
    else byHolder.set(event.object_id, [event]);
  }
  return [...byHolder].flatMap(([holder, own]) => fold(holder, own));
}
