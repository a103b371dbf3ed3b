import { type EntityMetadata, type EntityProperty, type Platform, ReferenceKind } from '@mikro-orm/core';
import { HISTORY_CLASSES } from '../model/schema.js';
import { codecFor } from '../model/stored-attribute.js';
import type { ValueCodec } from '../model/stored-value.js';
import { keyColumns, keyText, type KeyColumn, keyValues, nestKey, readKey } from '../model/stored-key.js';
import { DuplicateTypeError, UnknownAttributeError } from '../revy.errors.js';
import type { ResolvedOptions } from '../revy.options.js';
import { type Said, saidOf } from './said-of.js';

/** One recorded property. */
export interface TrackedAttribute {
  readonly name: string;
  readonly prop: EntityProperty;
  readonly codec: ValueCodec;
  readonly isMasked: boolean;
}

/** One entity class as the history sees it. */
export class TrackedEntity {
  readonly keyColumns: readonly KeyColumn[];
  /** Attributes that the database computes. */
  readonly generated: readonly TrackedAttribute[];

  constructor(
    readonly meta: EntityMetadata,
    /** The stored type. */
    readonly type: string,
    readonly isTracked: boolean,
    /** Columns of the row, by property name; without the key, which `objectId` holds. */
    readonly attributes: ReadonlyMap<string, TrackedAttribute>,
    /** Many-to-many collections whose links are recorded with this class: those that it owns, with an exception. */
    readonly collections: ReadonlyMap<string, EntityProperty>,
    /** Attributes and collections whose values may not be stored. */
    readonly masked: ReadonlySet<string>,
    readonly platform: Platform,
  ) {
    this.keyColumns = keyColumns(meta, platform);
    this.generated = [...attributes.values()].filter(attribute => isGenerated(attribute.prop));
  }

  /** An inline embeddable stands in the table as its leaves, which are properties of their own. */
  isInlineEmbedded(prop: EntityProperty): boolean {
    return isInlineEmbedded(prop);
  }

  /** The object id of an entity, or of a key as a user writes it. */
  objectId(source: unknown): string {
    return keyText(readKey(this.keyColumns, source));
  }

  /** Whether the entity or key has a value for each of its key's columns. */
  hasKey(source: unknown): boolean {
    return readKey(this.keyColumns, source).every(value => value !== null);
  }

  /** The key that an object id stands for, in the ORM's form: a scalar, or an array for a composite key. */
  key(objectId: string): unknown {
    return nestKey(this.keyColumns, keyValues(this.keyColumns, objectId));
  }

  /** The key that an object id stands for, by property name. */
  keyData(objectId: string): Record<string, unknown> {
    const key = this.key(objectId);
    const values = this.keyColumns.length === 1 ? [key] : (key as unknown[]);
    return Object.fromEntries(this.meta.primaryKeys.map((name, index) => [name, values[index]]));
  }
}

/** What is tracked in one ORM, resolved once after discovery. */
export class TrackedEntities {
  readonly #byClass = new Map<unknown, TrackedEntity>();
  readonly #byType = new Map<string, TrackedEntity>();
  readonly #all: TrackedEntity[] = [];
  /** Classes whose rows are links that are recorded. */
  readonly #pivots = new Set<unknown>();

  constructor(
    readonly options: ResolvedOptions,
    readonly platform: Platform,
  ) {}

  /** Takes in what was discovered; entities discovered later are added to it. */
  add(metadata: Iterable<EntityMetadata>): TrackedEntity[] {
    const added: TrackedEntity[] = [];
    for (const meta of metadata) {
      if (this.#byClass.has(meta.class) || !isRecordable(meta)) continue;
      const entity = resolveEntity(meta, this.options, this.platform);
      const other = this.#byType.get(entity.type);
      if (other && entity.isTracked && other.isTracked) throw new DuplicateTypeError(entity.type);
      this.#byClass.set(meta.class, entity);
      if (!other || entity.isTracked) this.#byType.set(entity.type, entity);
      added.push(entity);
      this.#all.push(entity);
      for (const { pivotEntity } of entity.isTracked ? entity.collections.values() : []) this.#pivots.add(pivotEntity);
    }
    return added;
  }

  /** Every discovered entity, tracked or not. */
  get all(): readonly TrackedEntity[] {
    return this.#all;
  }

  /** Any discovered entity, tracked or not: an actor may be of an untracked class. */
  find(entityClass: unknown): TrackedEntity | undefined {
    return this.#byClass.get(entityClass);
  }

  tracked(entityClass: unknown): TrackedEntity | undefined {
    const entity = this.#byClass.get(entityClass);
    return entity?.isTracked ? entity : undefined;
  }

  /** A class that is to be looked at: it is tracked, or its objects are links of one that is. */
  captured(entityClass: unknown): TrackedEntity | undefined {
    return this.tracked(entityClass) ?? (this.#pivots.has(entityClass) ? this.find(entityClass) : undefined);
  }

  ofType(type: string): TrackedEntity | undefined {
    return this.#byType.get(type);
  }
}

function isRecordable(meta: EntityMetadata): boolean {
  const isRow = !meta.embeddable && !meta.virtual && !meta.view && meta.primaryKeys?.length > 0;
  return isRow && !isLinkTable(meta) && !HISTORY_CLASSES.has(meta.class);
}

/** MikroORM 7.2 marks an application's own pivot entities alike, and names only its own for their table. */
function isLinkTable(meta: EntityMetadata): boolean {
  return meta.pivotTable === true && meta.className === meta.tableName;
}

function resolveEntity(meta: EntityMetadata, options: ResolvedOptions, platform: Platform): TrackedEntity {
  const said = saidOf(meta);
  const recorded = attributeFilter(meta, said);
  const attributes = new Map<string, TrackedAttribute>();
  for (const prop of meta.props.filter(candidate => isAttribute(candidate, meta) && recorded.has(candidate))) {
    const codec = codecFor(prop, platform);
    attributes.set(prop.name, { name: prop.name, prop, codec, isMasked: recorded.isMasked(prop) });
  }
  const links = meta.relations.filter(prop => isRecordedHere(prop, options) && recorded.has(prop));
  const collections = new Map(links.map(prop => [prop.name, prop]));
  const masked = new Set(meta.props.filter(prop => recorded.isMasked(prop)).map(prop => prop.name));
  const isTracked = isTrackedAs(said, options);
  return new TrackedEntity(
    meta,
    said.entity.as ?? meta.className,
    isTracked,
    attributes,
    collections,
    masked,
    platform,
  );
}

function isTrackedAs({ entity }: Said, options: ResolvedOptions): boolean {
  return entity.track ?? options.track === 'all';
}

/** Links are recorded once, with the object that owns them; where its class is not tracked, with the other one. */
function isRecordedHere(prop: EntityProperty, options: ResolvedOptions): boolean {
  if (prop.kind !== ReferenceKind.MANY_TO_MANY) return false;
  // MikroORM 7.2 gives each collection an inverse side; one that nobody declared has no values
  return prop.owner || (prop.hydrate !== false && !isTrackedAs(saidOf(prop.targetMeta!), options));
}

function isAttribute(prop: EntityProperty, meta: EntityMetadata): boolean {
  const isKey = Boolean(prop.primary);
  const isDiscriminator = prop.name === meta.root.discriminatorColumn;
  return (
    !isKey && !isDiscriminator && (meta.comparableProps.includes(prop) || isGenerated(prop)) && !isInlineEmbedded(prop)
  );
}

/** Columns that the database computes are not compared by the ORM, but it reads them back after each write. */
function isGenerated(prop: EntityProperty): boolean {
  return Boolean(prop.generated) && prop.persist !== false;
}

function isInlineEmbedded(prop: EntityProperty): boolean {
  return prop.kind === ReferenceKind.EMBEDDED && !prop.object && !prop.array;
}

function attributeFilter(meta: EntityMetadata, { entity, properties }: Said) {
  const { exclude = [], mask = [] } = entity;
  for (const name of [...exclude, ...mask]) {
    if (!(name in meta.properties)) throw new UnknownAttributeError(meta.className, name, Object.keys(meta.properties));
  }
  const says = (prop: EntityProperty) => ({ ...properties.get(prop.name), ...(prop as { revy?: object }).revy });
  const chain = (prop: EntityProperty) => [prop, ...(prop.embedded ? [meta.properties[prop.embedded[0]]!] : [])];
  return {
    has: (prop: EntityProperty) => chain(prop).every(one => says(one).track !== false && !exclude.includes(one.name)),
    isMasked: (prop: EntityProperty) => chain(prop).some(one => says(one).mask === true || mask.includes(one.name)),
  };
}
