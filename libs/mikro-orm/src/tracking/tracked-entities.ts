import { type EntityMetadata, type EntityProperty, type Platform, ReferenceKind } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import { HISTORY_CLASSES } from '../model/schema.js';
import { codecFor } from '../model/stored-attribute.js';
import type { ValueCodec } from '../model/stored-value.js';
import { keyColumns, keyText, type KeyColumn, keyValues, readKey } from '../model/stored-key.js';
import { DuplicateTypeError, UnknownAttributeError } from '../revy.errors.js';
import type { ResolvedOptions } from '../revy.options.js';
import { marksOf, ownMarks } from './tracking-marks.js';
import type { TrackingOptions } from './tracking-options.js';

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
  /** Attributes whose values may not be stored. */
  readonly masked: ReadonlySet<string>;
  /** Attributes that the database computes. */
  readonly generated: readonly TrackedAttribute[];

  constructor(
    readonly meta: EntityMetadata,
    /** The stored type. */
    readonly type: string,
    readonly isTracked: boolean,
    /** Columns of the row, by property name; without the key, which `objectId` holds. */
    readonly attributes: ReadonlyMap<string, TrackedAttribute>,
    /** Many-to-many collections that this side owns. */
    readonly collections: ReadonlyMap<string, EntityProperty>,
    readonly platform: Platform,
  ) {
    const all = [...attributes.values()];
    this.keyColumns = keyColumns(meta, platform);
    this.masked = new Set(all.filter(attribute => attribute.isMasked).map(attribute => attribute.name));
    this.generated = all.filter(attribute => isGenerated(attribute.prop));
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

  /** The key of an entity at the other end of a collection, in stored form. */
  targetKey(prop: EntityProperty, target: object): Json {
    const values = readKey(keyColumns(prop.targetMeta!, this.platform), target);
    return values.length === 1 ? (values[0] ?? null) : values;
  }

  /** The key that an object id stands for, in the ORM's form: a scalar, or an array for a composite key. */
  key(objectId: string): unknown {
    const values = keyValues(this.keyColumns, objectId);
    return values.length === 1 ? values[0] : values;
  }

  /** The key that an object id stands for, by property name. */
  keyData(objectId: string): Record<string, unknown> {
    const data: Record<string, unknown[]> = {};
    keyValues(this.keyColumns, objectId).forEach((value, index) => {
      (data[this.keyColumns[index]!.path[0]!] ??= []).push(value);
    });
    return Object.fromEntries(
      Object.entries(data).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
    );
  }
}

/** What is tracked in one ORM, resolved once after discovery. */
export class TrackedEntities {
  readonly #byClass = new Map<unknown, TrackedEntity>();
  readonly #byType = new Map<string, TrackedEntity>();
  readonly #all: TrackedEntity[] = [];

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

  ofType(type: string): TrackedEntity | undefined {
    return this.#byType.get(type);
  }
}

function isRecordable(meta: EntityMetadata): boolean {
  const isRow = !meta.embeddable && !meta.virtual && !meta.view && !meta.pivotTable && meta.primaryKeys?.length > 0;
  return isRow && !HISTORY_CLASSES.has(meta.class);
}

function resolveEntity(meta: EntityMetadata, options: ResolvedOptions, platform: Platform): TrackedEntity {
  const marks = marksOf(meta.class);
  const said: TrackingOptions = Object.assign({}, ...marks.map(mark => mark.entity).reverse(), meta.revy);
  // a stored type names one class, so that a subclass does not inherit it
  const as = meta.revy?.as ?? ownMarks(meta.class).entity?.as;
  const recorded = attributeFilter(meta, said);
  const attributes = new Map<string, TrackedAttribute>();
  for (const prop of meta.props.filter(candidate => isAttribute(candidate, meta) && recorded.has(candidate))) {
    const codec = codecFor(prop, platform);
    attributes.set(prop.name, { name: prop.name, prop, codec, isMasked: recorded.isMasked(prop) });
  }
  const links = meta.relations.filter(prop => prop.kind === ReferenceKind.MANY_TO_MANY && prop.owner);
  const collections = new Map(links.filter(prop => recorded.has(prop)).map(prop => [prop.name, prop]));
  const isTracked = said.track ?? options.track === 'all';
  return new TrackedEntity(meta, as ?? meta.className, isTracked, attributes, collections, platform);
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

function attributeFilter(meta: EntityMetadata, said: TrackingOptions) {
  const marked = new Map(
    marksOf(meta.class)
      .reverse()
      .flatMap(mark => [...mark.properties]),
  );
  const named = [...(said.exclude ?? []), ...(said.mask ?? [])];
  for (const name of named) {
    if (!(name in meta.properties)) throw new UnknownAttributeError(meta.className, name, Object.keys(meta.properties));
  }
  const says = (prop: EntityProperty) => ({ ...marked.get(prop.name), ...(prop as { revy?: object }).revy });
  const chain = (prop: EntityProperty) => [prop, ...(prop.embedded ? [meta.properties[prop.embedded[0]]!] : [])];
  return {
    has: (prop: EntityProperty) =>
      chain(prop).every(one => says(one).track !== false && !said.exclude?.includes(one.name)),
    isMasked: (prop: EntityProperty) =>
      chain(prop).some(one => says(one).mask === true || Boolean(said.mask?.includes(one.name))),
  };
}
