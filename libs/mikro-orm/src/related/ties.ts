import type { Json } from '../model/json.js';
import type { RelationEvent } from './relation-events.query.js';

/** Two objects that had to do with each other: one held a reference or a link to the other. */
export interface Tie {
  /** The id of the object that held it. */
  readonly holder: string;
  /** The key of the other one, as stored. */
  readonly key: Json;
  /** What began it; absent where that is older than the history. */
  readonly since?: RelationEvent | undefined;
  /** What ended it; absent where nothing has. */
  readonly until?: RelationEvent | undefined;
}

/** What objects referred to, from the events of one to-one relation in order. */
export function tiesOfReferences(events: readonly RelationEvent[]): Tie[] {
  return perHolder(events, (holder, own) => {
    const ties: Tie[] = [];
    let key = own[0]!.action === 'create' ? null : own[0]!.old;
    let since: RelationEvent | undefined;
    for (const event of own) {
      if (key !== null) ties.push({ holder, key, since, until: event });
      [key, since] = [event.action === 'delete' ? null : event.new, event];
    }
    if (key !== null) ties.push({ holder, key, since });
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
    /** By key: what began a link; `'older'` for one that was there before the history, `'ended'` for one that is gone. */
    const links = new Map<string, RelationEvent | 'older' | 'ended'>();
    const end = (text: string, until?: RelationEvent) => {
      const since = links.get(text) ?? 'older';
      const key = JSON.parse(text) as Json;
      if (since !== 'ended') ties.push({ holder, key, since: since === 'older' ? undefined : since, until });
      links.set(text, 'ended');
    };
    for (const event of own) {
      const { added = [], removed = [] } = (event.new ?? {}) as Links;
      for (const key of removed) end(JSON.stringify(key), event);
      if (event.action !== 'update') for (const text of links.keys()) end(text, event);
      for (const key of added) {
        const text = JSON.stringify(key);
        if ((links.get(text) ?? 'ended') === 'ended') links.set(text, event);
      }
    }
    for (const text of links.keys()) end(text);
    return ties;
  });
}

function perHolder(
  events: readonly RelationEvent[],
  fold: (holder: string, events: readonly RelationEvent[]) => Tie[],
): Tie[] {
  const byHolder = Map.groupBy(events, ({ object_id: holder }) => holder);
  return [...byHolder].flatMap(([holder, own]) => fold(holder, own));
}
