import {
  type EntityMetadata,
  type EntityProperty,
  helper,
  JsonType,
  type Platform,
  ReferenceKind,
} from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import type { Mask, Masks } from '../model/mask.js';
import { codecFor } from '../model/stored-attribute.js';
import type { ValueCodec } from '../model/stored-value.js';
import { keyColumns, keyText, type KeyColumn, keyValues, nestKey, readKey } from '../model/stored-key.js';
import { DuplicateTypeError } from '../revy.errors.js';
import type { ResolvedOptions } from '../revy.options.js';
import { depthOf, inherits } from './heirs.js';
import { type AttributeNames, attributeNames } from './former-names.js';
import { attributeFilter, isAttribute, isGenerated, isInlineEmbedded, isRecordable } from './recordable.js';
import { type Said, saidOf } from './said-of.js';
import { isUsableType, splitType, typeAt } from './stored-type.js';
import { UnusableTypeError } from './tracking.errors.js';

/** One recorded property. */
export interface TrackedAttribute {
  readonly name: string;
  readonly prop: EntityProperty;
  readonly codec: ValueCodec;
  readonly isMasked: boolean;
}

/**
 * An attribute in a row that the driver read; `undefined` if the row does not tell. MikroORM 7.2 clears a polymorphic
 * relation by its discriminator alone, and then reads nothing of it.
 */
export function valueInRow(
  { name, prop, codec }: TrackedAttribute,
  row: Readonly<Record<string, unknown>>,
): Json | undefined {
  return name in row || prop.polymorphic ? codec.encodeRow(row[name]) : undefined;
}

/**
 * The names by which to ask the driver for properties. MikroORM 7.2 selects the first column only of a relation of
 * several in an inline embeddable, so that the whole row is asked for as well.
 */
export function selectable(names: Iterable<string>, { properties }: EntityMetadata): string[] {
  const all = [...names];
  const isPartial = (prop: EntityProperty | undefined) => prop?.embedded && !prop.object && prop.fieldNames?.length > 1;
  return all.some(name => isPartial(properties[name as never])) ? ['*', ...all] : all;
}

/** One entity class as the history sees it. */
export class TrackedEntity {
  readonly keyColumns: readonly KeyColumn[];
  /** What to ask the driver for, to have a row as a whole. */
  readonly fields: readonly string[];
  /**
   * Attributes that MikroORM 7.2 reads from the wrong column where the object is found by the root of its hierarchy:
   * classes of one table have them under one name, each in a column of its own.
   */
  readonly misread: ReadonlySet<string>;
  /** Attributes whose columns hold JSON. */
  readonly json: ReadonlySet<string>;
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
    readonly masked: Masks,
    readonly names: AttributeNames,
    /** What no keyframe may hold: collections, whose deltas are no values, and what is masked or excluded by now. */
    readonly noKeyframe: readonly string[],
    readonly platform: Platform,
    /** Where rows are whose class, and whose entity manager, name no schema. */
    private readonly defaultSchema: string | undefined,
  ) {
    this.keyColumns = keyColumns(meta, platform);
    const all = [...attributes.values()];
    this.fields = selectable([...meta.primaryKeys, ...attributes.keys()], meta);
    this.misread = new Set(all.filter(({ name }) => isMisread(name, meta)).map(({ name }) => name));
    this.json = new Set(all.filter(({ prop }) => prop.customType instanceof JsonType).map(({ name }) => name));
    this.generated = all.filter(attribute => isGenerated(attribute.prop));
  }

  /**
   * The stored type of rows in a schema, which is part of it where the class may be in several: not where the class has
   * one of its own, and not in the default one.
   *
   * @param schema as MikroORM has it for a table of the class: of an entity, of an entity manager, or of a call
   */
  typeIn(schema: string | undefined): string {
    const isOwn = this.hasOwnSchema || !schema || schema === '*' || schema === this.defaultSchema;
    return typeAt(this.type, isOwn ? undefined : schema);
  }

  /** Whether the class says itself which schema its rows are in. */
  get hasOwnSchema(): boolean {
    const { schema } = this.meta.root;
    return Boolean(schema) && schema !== '*';
  }

  /** The stored type of an entity. */
  typeOf(entity: object): string {
    return this.typeIn(helper(entity).getSchema());
  }

  /** An inline embeddable stands in the table as its leaves, which are properties of their own. */
  isInlineEmbedded(prop: EntityProperty): boolean {
    return isInlineEmbedded(prop);
  }

  /** The attributes that a property of the class stands for: its own, or the leaves of an inline embeddable. */
  attributesOf(property: string): TrackedAttribute[] {
    return [...this.attributes.values()].filter(({ name }) => this.propertyOf(name) === property);
  }

  /**
   * The property of the class that an attribute belongs to, under its present name or a former one: its own, or the
   * inline embeddable around it.
   */
  propertyOf(attribute: string): string {
    const name = this.names.present(attribute);
    const holder = (this.meta.properties[name as never] as EntityProperty | undefined)?.embedded?.[0];
    return holder === undefined ? name : this.propertyOf(holder);
  }

  /** The object id of an entity, or of a key as a user writes it. */
  objectId(source: unknown): string {
    return keyText(readKey(this.keyColumns, source));
  }

  /** The object id of a key's columns, as the database has them. */
  objectIdOfKey(columns: readonly unknown[]): string {
    return keyText(this.keyColumns.map(({ codec }, index) => codec.encodeRow(columns[index])));
  }

  /** The object id of a row that holds database values by property name, as the driver reads it and the ORM keeps it. */
  objectIdOfRow(row: Readonly<Record<string, unknown>>): string {
    return this.objectIdOfKey(this.meta.primaryKeys.flatMap(name => [row[name]].flat(Infinity)));
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
  readonly #heirs = new Map<TrackedEntity, readonly TrackedEntity[]>();
  /** Classes whose rows are links that are recorded. */
  readonly #pivots = new Set<unknown>();

  constructor(
    readonly options: ResolvedOptions,
    readonly platform: Platform,
    /** Where rows are whose class, and whose entity manager, name no schema. */
    readonly defaultSchema: string | undefined,
  ) {}

  /** Takes in what was discovered; entities discovered later are added to it. */
  add(metadata: Iterable<EntityMetadata>): TrackedEntity[] {
    const added: TrackedEntity[] = [];
    for (const meta of metadata) {
      if (this.#byClass.has(meta.class) || !isRecordable(meta)) continue;
      const entity = resolveEntity(meta, this);
      const other = this.#byType.get(entity.type);
      if (other && entity.isTracked && other.isTracked) throw new DuplicateTypeError(entity.type);
      this.#byClass.set(meta.class, entity);
      if (!other || entity.isTracked) this.#byType.set(entity.type, entity);
      added.push(entity);
      this.#all.push(entity);
      for (const { pivotEntity } of entity.isTracked ? entity.collections.values() : []) this.#pivots.add(pivotEntity);
    }
    this.#heirs.clear();
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

  /**
   * Classes below this one in the same hierarchy of the database, tracked or not, the most derived first: an object of
   * one of them is an object of this class as well.
   */
  heirs(entity: TrackedEntity): readonly TrackedEntity[] {
    let heirs = this.#heirs.get(entity);
    if (!heirs) {
      const below = this.#all.filter(({ meta }) => !meta.abstract && inherits(meta, entity.meta));
      heirs = below.toSorted((a, b) => depthOf(b.meta.class) - depthOf(a.meta.class));
      this.#heirs.set(entity, heirs);
    }
    return heirs;
  }

  /** The class of a stored type, which may have a schema in it. */
  ofType(stored: string): TrackedEntity | undefined {
    return this.#byType.get(splitType(stored).type);
  }

  /** A class and those below it in the same hierarchy of the database, tracked or not. */
  hierarchyOf(entity: TrackedEntity): readonly TrackedEntity[] {
    return [entity, ...this.heirs(entity)];
  }
}

function isMisread(name: string, { root }: EntityMetadata): boolean {
  return (root.properties[name as never] as EntityProperty | undefined)?.stiFieldNames !== undefined;
}

function resolveEntity(meta: EntityMetadata, { options, platform, defaultSchema }: TrackedEntities): TrackedEntity {
  const said = saidOf(meta);
  const recorded = attributeFilter(meta, said, options);
  const attributes = new Map<string, TrackedAttribute>();
  const columns = meta.props.filter(prop => isAttribute(prop, meta));
  for (const prop of columns.filter(column => recorded.has(column))) {
    const codec = codecFor(prop, platform);
    attributes.set(prop.name, { name: prop.name, prop, codec, isMasked: recorded.maskOf(prop) !== undefined });
  }
  const allLinks = meta.relations.filter(prop => isRecordedHere(prop, options));
  const links = allLinks.filter(prop => recorded.has(prop));
  const collections = new Map(links.map(prop => [prop.name, prop]));
  const masks = meta.props.map(prop => [prop.name, recorded.maskOf(prop)] as const);
  const masked = new Map(masks.filter((one): one is readonly [string, Mask] => one[1] !== undefined));
  const isTracked = isTrackedAs(said, options);
  const type = said.entity.as ?? meta.className;
  if (!isUsableType(type)) throw new UnusableTypeError(meta.className, type);
  const names = attributeNames(meta, said, [...columns, ...allLinks]);
  const isKept = ({ name }: EntityProperty) => attributes.get(name)?.isMasked === false;
  const noKeyframe = [...columns, ...allLinks].filter(prop => !isKept(prop)).flatMap(({ name }) => names.of(name));
  return new TrackedEntity(
    meta,
    type,
    isTracked,
    attributes,
    collections,
    masked,
    names,
    noKeyframe,
    platform,
    defaultSchema,
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
