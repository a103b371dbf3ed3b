import type { Attribution } from '../context/attribution-value.js';
import { sameAttribution } from '../context/attribution-value.js';
import { attributesOf, type Draft, stepsOf } from '../delta/draft.js';
import { movesLinks } from '../delta/link-order.js';
import type { Json, JsonRecord } from '../model/json.js';
import type { MaskFunction } from '../model/mask.js';
import type { StoredAttribution } from '../model/object-delta.entity.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { type StoredActor, storedActor } from '../tracking/stored-actor.js';
import { MaskFunctionError } from './write.errors.js';

/** What many deltas of a transaction have in common, sent once for all of them. */
export type DeltaHead = readonly [
  type: string,
  action: Draft['action'],
  actorType: string | null,
  actorId: string | null,
  description: string | null,
  /** What no keyframe of the type may hold. */
  noKeyframe: readonly string[],
];

export type DeltaRow = readonly [
  head: number,
  objectId: string,
  oldValues: JsonRecord | null,
  newValues: JsonRecord | null,
  attributions?: Record<string, StoredAttribution[]>,
  /** Values of columns that an application has added. */
  columns?: JsonRecord,
];

/** The JSON document that the write statement takes. */
export interface DeltaDocument {
  readonly heads: DeltaHead[];
  readonly rows: DeltaRow[];
}

/** Turns drafts into what is stored: actors by key, masks in place of values, attributions where they differ. */
export class DeltaEncoder {
  readonly #actors = new Map<unknown, StoredActor>();
  readonly #heads: DeltaHead[] = [];

  constructor(
    private readonly entities: TrackedEntities,
    private readonly mask: string,
  ) {}

  encode(drafts: readonly Draft[]): DeltaDocument {
    return { rows: drafts.map(draft => this.#row(draft)), heads: this.#heads };
  }

  #row(draft: Draft): DeltaRow {
    const by = commonAttribution(draft);
    const head = this.#head(draft, by);
    const isDeleted = draft.action === 'delete';
    const before = draft.action === 'create' ? null : this.#values(draft, 'before');
    const after = isDeleted ? null : this.#values(draft, 'after');
    this.#addLinks(before, after, draft);
    const attributions = this.#attributions(draft, by);
    return attributions ? [head, draft.objectId, before, after, attributions] : [head, draft.objectId, before, after];
  }

  /** Drafts of one flush mostly share a head with the one before them. */
  #head(draft: Draft, by: Attribution): number {
    const { actorType, actorId } = this.#actor(by);
    const [type, action, lastType, lastId, description] = this.#heads.at(-1) ?? [];
    const isSame =
      type === draft.type &&
      action === draft.action &&
      lastType === actorType &&
      lastId === actorId &&
      description === by.objectDescription;
    if (!isSame) {
      const noKeyframe = this.entities.ofType(draft.type)?.noKeyframe ?? [];
      this.#heads.push([draft.type, draft.action, actorType, actorId, by.objectDescription, noKeyframe]);
    }
    return this.#heads.length - 1;
  }

  #values(draft: Draft, side: 'before' | 'after'): JsonRecord {
    const { masked, links, [side]: known } = draft;
    if (masked.size === 0 && Object.keys(links).length === 0) return known;
    return Object.fromEntries(Object.entries(known).map(([name, value]) => [name, this.#masked(draft, name, value)]));
  }

  /** A deletion has no new values: the links that it took stand beside the other values that it found. */
  #addLinks(before: JsonRecord | null, after: JsonRecord | null, draft: Draft): void {
    for (const [name, link] of Object.entries(draft.links)) {
      const change: JsonRecord = { added: [...link.added], removed: [...link.removed] };
      if (after && movesLinks(link)) change['order'] = [...link.order!.last];
      (after ?? before!)[name] = this.#masked(draft, name, change);
      const order = after && before && 'order' in change ? link.order?.before : undefined;
      if (order) before![name] = this.#masked(draft, name, { order: [...order] });
    }
  }

  /** That a secret is absent is no secret. */
  #masked(draft: Draft, name: string, value: Json): Json {
    const mask = value === null ? undefined : draft.masked.get(name);
    if (!mask) return value;
    return mask === true ? this.mask : maskedBy(mask, value, `${draft.type}.${name}`);
  }

  #attributions(draft: Draft, by: Attribution): Record<string, StoredAttribution[]> | undefined {
    const isPlain = by.attributeDescription === null || by.attributeDescription === by.objectDescription;
    if (isPlain && draft.steps.size === 0 && draft.attribution === by) return undefined;
    let attributions: Record<string, StoredAttribution[]> | undefined;
    const object = this.#stored(by, by.objectDescription);
    for (const name of attributesOf(draft)) {
      const steps = this.#steps(draft, name);
      if (steps.length === 1 && isSame(steps[0]!, object)) continue;
      (attributions ??= {})[name] = steps;
    }
    return attributions;
  }

  #steps(draft: Draft, name: string): StoredAttribution[] {
    return stepsOf(draft, name).map(({ attribution, value }) => {
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
  if (draft.steps.size === 0) return draft.attribution;
  let common: Attribution | undefined;
  for (const name of attributesOf(draft)) {
    for (const { attribution } of stepsOf(draft, name)) {
      if (common && !sameAttribution(common, attribution)) return draft.attribution;
      common = attribution;
    }
  }
  return common ?? draft.attribution;
}

function maskedBy(mask: MaskFunction, value: Json, attribute: string): string {
  let masked: unknown;
  try {
    masked = mask(value);
  } catch (cause) {
    throw new MaskFunctionError(attribute, 'it threw an error', cause);
  }
  if (typeof masked !== 'string') throw new MaskFunctionError(attribute, 'it returned no text');
  return masked;
}
