import type { EntityMetadata, Platform, Type, UnitOfWork } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import type { Frame } from '../context/frame.js';
import { runningFlush } from './running-flush.js';

/** Part of a property's way from its stored value to its present one: who took it there. */
export interface AttributionStep {
  /** `undefined`: made outside every frame after framed steps, so it belongs to whoever flushes. */
  readonly attribution: Attribution | undefined;
  /** Runtime value that the step left behind; absent on the last step, whose value the entity holds. */
  readonly value?: unknown;
}

/** Who may have mutated a property's value in place since the baseline was taken. */
export interface Watcher {
  readonly frame: Frame | undefined;
  readonly attribution: Attribution | undefined;
}

/** The value of a mutable property as it last was, and who has looked at it since: the last reader comes last. */
export interface Watch {
  baseline: unknown;
  watchers: Watcher[];
}

/** What is known about one entity's unflushed changes. */
export interface EntityRecord {
  readonly steps: Map<string, AttributionStep[]>;
  readonly watches: Map<string, Watch>;
}

/** A property whose assignments, and reads if its values are mutable, we see. */
export interface InstalledProperty {
  readonly name: string;
  readonly isMutable: boolean;
  readonly customType: Type<unknown> | undefined;
  /** The accessor that an instance carries; absent where the class has its own on the prototype. */
  readonly own?: PropertyDescriptor;
  /** The present value, without being seen as a reader. */
  read(entity: AttributedEntity): unknown;
}

/** MikroORM 7.2 `core/entity/WrappedEntity.js`: what of it we rely on. */
export interface EntityState {
  readonly hydrator: { isRunning(): boolean };
  readonly __data: Record<string, unknown>;
  readonly __em?: { getUnitOfWork(useContext: boolean): UnitOfWork };
  readonly __processing: boolean;
  readonly __managed?: boolean;
  readonly __originalEntityData?: object;
}

/** An entity as its decorated prototype makes it. */
export interface AttributedEntity {
  readonly __helper: EntityState;
  readonly __meta: EntityMetadata;
  readonly __platform: Platform;
  [property: string]: unknown;
}

interface AttributionState {
  readonly records: WeakMap<object, EntityRecord>;
  readonly adopted: WeakSet<object>;
  /** By entity prototype. */
  readonly properties: WeakMap<object, readonly InstalledProperty[]>;
}

// Prototypes are shared by all ORMs and all copies of this package in a process: the accessors of the copy that
// came first must write where every copy reads. Entities and prototypes are held weakly, so it never grows by itself.
const stateKey = Symbol.for('revy.attribution');

const registry = globalThis as { [stateKey]?: AttributionState };

const state = (registry[stateKey] ??= {
  records: new WeakMap(),
  adopted: new WeakSet(),
  properties: new WeakMap(),
});

export const { records, adopted, properties } = state;

/** Whether a flush that has the entity is what asks. */
export function isSuspended(entity: AttributedEntity): boolean {
  const uow = runningFlush()?.uow;
  return uow !== undefined && (entity.__helper.__em?.getUnitOfWork(false) === uow || has(uow, entity));
}

/** Whether a flush may be what reads this entity: a new one that a cascade has found is in no list yet. */
export function isReadByFlush(entity: AttributedEntity): boolean {
  return runningFlush() !== undefined && (!entity.__helper.__em || isSuspended(entity));
}

/** `em.transactional` flushes a fork which shares its parent's entities, and `__em` stays the parent. */
function has(uow: UnitOfWork, entity: AttributedEntity): boolean {
  return uow.getPersistStack().has(entity) || uow.getIdentityMap().getByEntity(entity) === entity;
}

/** The entity's record, made on first use. */
export function recordOf(entity: object): EntityRecord {
  let record = records.get(entity);
  if (!record) {
    record = { steps: new Map(), watches: new Map() };
    records.set(entity, record);
  }
  return record;
}
