import type { Attribution } from '../context/attribution-value.js';
import { sameAttribution } from '../context/attribution-value.js';
import type { AttributeDraft, Draft } from '../delta/draft.js';
import type { Json, JsonRecord } from '../model/json.js';
import type { StoredAttribution } from '../model/object-delta.entity.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type StoredActor, storedActor } from '../tracking/stored-actor.js';

/** One element of the JSON document that the write statement takes; short keys, because each is sent for each delta. */
export interface StoredDelta {
  /** object type */ readonly t: string;
  /** object id */ readonly i: string;
  /** action */ readonly a: Draft['action'];
  /** actor type */ readonly y: string | null;
  /** actor id */ readonly z: string | null;
  /** description */ readonly d: string | null;
  /** old values */ readonly o: JsonRecord | null;
  /** new values */ readonly n: JsonRecord | null;
  /** attributions */ readonly s: Record<string, StoredAttribution[]> | null;
  /** collections of this type, which no keyframe holds */ readonly l: readonly string[] | null;
}

/** Turns drafts into what is stored: actors by key, masks in place of values, attributions where they differ. */
export class DeltaEncoder {
  readonly #actors = new Map<unknown, StoredActor>();

  constructor(
    private readonly entities: TrackedEntities,
    private readonly mask: string,
  ) {}

  encode(draft: Draft): StoredDelta {
    const by = commonAttribution(draft);
    const { actorType, actorId } = this.#actor(by);
    const collections = this.entities.ofType(draft.type)?.collections;
    return {
      t: draft.type,
      i: draft.objectId,
      a: draft.action,
      y: actorType,
      z: actorId,
      d: by.objectDescription,
      o: draft.action === 'create' ? null : this.#values(draft, 'before'),
      n: draft.action === 'delete' ? null : { ...this.#values(draft, 'after'), ...storedLinks(draft) },
      s: this.#attributions(draft, by),
      l: collections?.size ? [...collections.keys()] : null,
    };
  }

  #values(draft: Draft, side: 'before' | 'after'): JsonRecord {
    const values: JsonRecord = {};
    for (const [name, attribute] of draft.attributes) {
      const value = attribute[side];
      if (value !== undefined) values[name] = this.#masked(draft, name, value);
    }
    return values;
  }

  /** That a secret is absent is no secret. */
  #masked(draft: Draft, name: string, value: Json): Json {
    return value !== null && draft.masked.has(name) ? this.mask : value;
  }

  #attributions(draft: Draft, by: Attribution): StoredDelta['s'] {
    const object = this.#stored(by, by.objectDescription);
    let attributions: Record<string, StoredAttribution[]> | null = null;
    for (const [name, attribute] of draft.attributes) {
      const steps = this.#steps(draft, name, attribute);
      if (steps.length === 1 && isSame(steps[0]!, object)) continue;
      (attributions ??= {})[name] = steps;
    }
    return attributions;
  }

  #steps(draft: Draft, name: string, { steps }: AttributeDraft): StoredAttribution[] {
    return steps.map(({ attribution, value }) => {
      const stored = this.#stored(attribution, attribution.attributeDescription ?? attribution.objectDescription);
      return value === undefined ? stored : { ...stored, value: this.#masked(draft, name, value) };
    });
  }

  #stored(attribution: Attribution, description: string | null): StoredAttribution {
    return { ...this.#actor(attribution), description };
  }

  #actor({ actor }: Attribution): StoredActor {
    let stored = this.#actors.get(actor);
    if (!stored) this.#actors.set(actor, (stored = storedActor(actor, this.entities)));
    return stored;
  }
}

function isSame(a: StoredAttribution, b: StoredAttribution): boolean {
  return a.actorType === b.actorType && a.actorId === b.actorId && a.description === b.description;
}

/** An object was changed by whoever set all of it; where several did, by whoever flushed. */
function commonAttribution(draft: Draft): Attribution {
  let common: Attribution | undefined;
  for (const { steps } of draft.attributes.values()) {
    for (const { attribution } of steps) {
      if (common && !sameAttribution(common, attribution)) return draft.attribution;
      common = attribution;
    }
  }
  return common ?? draft.attribution;
}

function storedLinks(draft: Draft): JsonRecord {
  const values: JsonRecord = {};
  for (const [name, { added, removed }] of Object.entries(draft.links)) {
    values[name] = { added: [...added], removed: [...removed] };
  }
  return values;
}
