import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { edgeOf, type ForeignKeyEdge, isForeignKey, type RuleDefaults } from './foreign-key-edge.js';
import { handledNames } from './handler-of.js';
import { UnusableDeleteHandlerError } from './on-delete.errors.js';
import { collectionsByPivot, type IsRecorded, type LinkedCollection, linkEnds } from './pivot-links.js';
import { classesIn, isTable, ownRelations } from './tables.js';

/**
 * Every foreign key of an ORM, to be found by the table that it refers to. `meta.referencingProperties` of MikroORM 7.2
 * matches by class name and knows neither pivot tables nor inheritance, so that this reads the metadata itself.
 */
export class ForeignKeyGraph {
  readonly edges: readonly ForeignKeyEdge[];
  /** By the class of their pivot table. */
  readonly collections: ReadonlyMap<unknown, readonly LinkedCollection[]>;
  readonly #all: readonly EntityMetadata[];
  readonly #classes = new Map<number, readonly EntityMetadata[]>();
  readonly #referred = new Map<number, readonly EntityProperty[]>();
  readonly #byClass: ReadonlyMap<unknown, EntityMetadata>;
  readonly #byName: ReadonlyMap<string | undefined, EntityMetadata>;

  /** @throws {DeleteRuleConflictError} and {@link UnusableDeleteHandlerError} where a handler cannot do its work */
  constructor(metadata: Iterable<EntityMetadata>, defaults: RuleDefaults, isRecorded: IsRecorded) {
    this.#all = [...metadata];
    this.#byClass = new Map(this.#all.map(meta => [meta.class, meta]));
    this.#byName = new Map(this.#all.map(meta => [meta.className, meta]));
    this.collections = collectionsByPivot(this.#all, isRecorded);
    this.edges = this.#all.filter(isTable).flatMap(table => {
      const said = [...this.classesIn(table), table];
      const links = linkEnds(table, this.collections.get(table.class));
      const keys = ownRelations(table).filter(isForeignKey);
      return keys.map(prop => edgeOf(prop, table, said, links, defaults));
    });
    this.#all.forEach(refuseMisplacedHandlers);
  }

  /** Classes whose rows have a part in a table, the most derived first. */
  classesIn(table: EntityMetadata): readonly EntityMetadata[] {
    let classes = this.#classes.get(table._id);
    if (!classes) this.#classes.set(table._id, (classes = classesIn(table, this.#all)));
    return classes;
  }

  /** Pivot tables have a class in each ORM: by that of another ORM, it is found by its name, as MikroORM does. */
  metaOf(entityClass: unknown): EntityMetadata | undefined {
    return this.#byClass.get(entityClass) ?? this.#byName.get((entityClass as { name?: string } | undefined)?.name);
  }

  /** Properties of a table's rows that some foreign key refers to, or that make up their key. */
  referredProperties(table: EntityMetadata): readonly EntityProperty[] {
    let props = this.#referred.get(table._id);
    if (!props) this.#referred.set(table._id, (props = this.#findReferred(table)));
    return props;
  }

  #findReferred(table: EntityMetadata): EntityProperty[] {
    const edges = this.edges.filter(edge => edge.target._id === table._id);
    const columns = new Set(edges.flatMap(edge => edge.columns.target));
    return table.props.filter(prop => prop.primary || prop.fieldNames?.some(column => columns.has(column)));
  }
}

/** A handler that would never be called is a mistake that nobody would find. */
function refuseMisplacedHandlers(meta: EntityMetadata): void {
  for (const name of handledNames(meta)) {
    const prop = meta.properties[name as never] as EntityProperty | undefined;
    if (prop && isForeignKey(prop)) continue;
    const reason = prop?.polymorphic ? 'a polymorphic relation' : 'no relation that its own table holds';
    throw new UnusableDeleteHandlerError(meta.className, name, reason);
  }
}
