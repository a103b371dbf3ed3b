import type { EntityProperty } from '@mikro-orm/core';
import type { JsonRecord } from '../model/json.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';

/**
 * Why nobody can say what a property was: only that it changed is recorded (`masked`), it is not recorded at all
 * (`untracked`), no delta and no row tells of it (`unseen`), or what was stored does not fit the type that the property
 * has now (`unreadable`).
 */
export type UnknownReason = 'masked' | 'untracked' | 'unseen' | 'unreadable';

/** Attributes of an object as far as they are known, decoded to what the ORM's hydrator takes. */
export interface KnownState {
  readonly data: Record<string, unknown>;
  /** Names of the properties that nobody knows. */
  readonly unknown: Map<string, UnknownReason>;
}

/** A mask is not a value, so a masked attribute is unknown, and so is what is not tracked at all. */
export function decodeState(tracked: TrackedEntity, stored: JsonRecord): KnownState {
  const state = tracked.names.toPresent(stored);
  const { root, discriminatorValue } = tracked.meta;
  const data: Record<string, unknown> = root.discriminatorColumn
    ? { [root.discriminatorColumn]: discriminatorValue }
    : {};
  const unknown = new Map<string, UnknownReason>();
  for (const prop of tracked.meta.props) {
    if (!isColumn(prop, tracked)) continue;
    const reason = whyUnknown(tracked, prop.name, state);
    if (reason) unknown.set(prop.name, reason);
    else data[prop.name] = tracked.attributes.get(prop.name)!.codec.decode(state[prop.name]!);
  }
  return { data, unknown };
}

/** Whether other sources than the object's own deltas may know more of it. */
export function isMissing(reason: UnknownReason): boolean {
  return reason === 'unseen';
}

function whyUnknown(tracked: TrackedEntity, name: string, state: JsonRecord): UnknownReason | undefined {
  const attribute = tracked.attributes.get(name);
  if (!attribute) return 'untracked';
  if (attribute.isMasked) return 'masked';
  const stored = state[name];
  if (stored === undefined) return 'unseen';
  return attribute.codec.canDecode(stored) ? undefined : 'unreadable';
}

/** Whether a snapshot has to have a value for the property: it is read from the object's own row, beside its key. */
function isColumn(prop: EntityProperty, tracked: TrackedEntity): boolean {
  const { meta } = tracked;
  if (prop.primary || prop.name === meta.root.discriminatorColumn || tracked.isInlineEmbedded(prop)) return false;
  const isComputed = prop.generated || prop.version;
  return meta.comparableProps.includes(prop) || (Boolean(isComputed) && prop.persist !== false);
}
