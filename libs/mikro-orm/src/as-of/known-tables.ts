import { type EntityManager, type EntityMetadata, type EntityProperty, isRaw, ReferenceKind } from '@mikro-orm/core';
import { isHistoryClass } from '../model/history-classes.js';
import { runtimeOf } from '../runtime.js';
import type { TrackedEntities, TrackedEntity } from '../tracking/tracked-entities.js';
import { pastTemplate, type PastTemplate } from './history-at.js';
import { quoted } from '../model/tables.js';
import { pastLinkObjects, pastLinkRows, pastLinks } from './past-links.js';
import { type NamedQuery, pastChanges } from './past-changes.js';
import { pastRows } from './past-rows.js';
import { pastTable, type PastTable } from './past-table.js';
import { PreparedQueries } from './prepared-queries.js';
import { readTable, type ReadTable } from './table-reads.js';

/** A table or view that the ORM maps, as SQL text may name it. */
export interface KnownTable {
  /** The schema that its entity names; none for the one that the connection finds first. */
  readonly schema: string | undefined;
  readonly table: string;
  readonly className: string;
  /** Whether its past can be told; a view's past is that of the tables that it reads. */
  readonly kind: 'past' | 'view' | 'untracked' | 'several schemas';
  /** Its rows at a point, as a query. */
  readonly rows?: string;
  /** The same from what has changed since, and how statements may ask for it. */
  readonly changes?: (name: string) => readonly NamedQuery[];
  readonly read?: () => ReadTable;
  /** Whether these say what is unknown of them. */
  readonly hasUnknown?: boolean;
}

/** Deltas that are gone through in a moment, whatever they are of. */
const FEW = 10_000;
const BYTES_OF_ROW = 100;

/** Knows the tables of an ORM by name. */
export class KnownTables {
  readonly #byName = new Map<string, KnownTable[]>();
  readonly #withUnknown = new Set<unknown>();
  readonly prepared = new PreparedQueries();
  /** Schemas and names of the tables whose sizes matter. */
  readonly sized: readonly [(string | undefined)[], string[]];
  readonly #tracked: KnownTable[] = [];
  readonly #size: number;

  constructor(em: EntityManager) {
    const { entities, tables } = runtimeOf(em);
    const template = pastTemplate(quoted(tables, 'objectDelta'), entities.options.keyframeEvery);
    const metadata = [...em.getMetadata()];
    this.#size = metadata.length;
    const config = em.config.get('schema');
    for (const metas of byTable(metadata, config).values()) {
      const known = knownTable(metas, { em, entities, config, template });
      this.#add(known);
      if (!known.hasUnknown) continue;
      for (const meta of metas) this.#withUnknown.add(meta.class);
      if (!metas[0]!.pivotTable) this.#tracked.push(known);
    }
    this.sized = [this.#tracked.map(({ schema }) => schema), this.#tracked.map(({ table }) => table)];
  }

  /**
   * Tables that little has happened to since a point: what changed can be gone through sooner than their rows.
   *
   * @param since how many deltas there are since, of all tables
   * @param sizes of the tables in `sized`, in bytes
   */
  calm(since: number, sizes: readonly string[]): ReadonlySet<KnownTable> {
    return new Set(this.#tracked.filter((_, index) => since <= Math.max(FEW, Number(sizes[index]) / BYTES_OF_ROW)));
  }

  /** Whether the rows of a class say at a point what is unknown of them. */
  hasUnknown(meta: EntityMetadata): boolean {
    return this.#withUnknown.has(meta.class);
  }

  /** Whether more entities have been discovered since. */
  isOutdated(em: EntityManager): boolean {
    return [...em.getMetadata()].length !== this.#size;
  }

  /** @param current the schema that the connection finds first */
  find(schema: string | undefined, table: string, current: string): KnownTable | undefined {
    const named = this.#byName.get(table);
    const isCurrent = (schema ?? current) === current;
    return named?.find(known => known.schema === schema || (isCurrent && (known.schema ?? current) === current));
  }

  /** Tables of one name that several schemas may have. */
  inAnySchema(table: string): KnownTable | undefined {
    return this.#byName.get(table)?.find(known => known.kind === 'several schemas');
  }

  /** Whether the name alone tells which table is meant. */
  isUnique({ table }: KnownTable): boolean {
    return this.#byName.get(table)!.length === 1;
  }

  #add(known: KnownTable): void {
    this.#byName.set(known.table, [...(this.#byName.get(known.table) ?? []), known]);
  }
}

/** Classes by the table that holds their rows, the most general first. The history's own are read as they are. */
function byTable(metadata: readonly EntityMetadata[], config: string | undefined): Map<string, EntityMetadata[]> {
  const tables = new Map<string, EntityMetadata[]>();
  for (const meta of metadata) {
    if (meta.embeddable || meta.virtual || !meta.tableName || isHistoryClass(meta.class)) continue;
    const key = JSON.stringify([meta.schema ?? config, meta.tableName]);
    const metas = [...(tables.get(key) ?? []), meta];
    tables.set(
      key,
      metas.toSorted((a, b) => depth(a) - depth(b)),
    );
  }
  return tables;
}

function depth({ class: entityClass }: EntityMetadata): number {
  let count = 0;
  for (let proto: unknown = entityClass; typeof proto === 'function'; proto = Object.getPrototypeOf(proto)) count += 1;
  return count;
}

interface Setting {
  readonly em: EntityManager;
  readonly entities: TrackedEntities;
  /** The schema of the configuration. */
  readonly config: string | undefined;
  readonly template: PastTemplate;
}

function knownTable(metas: readonly EntityMetadata[], { em, entities, config, template }: Setting): KnownTable {
  const [meta] = metas as [EntityMetadata];
  const schema = meta.schema ?? config;
  const named = { schema, table: meta.tableName, className: meta.className };
  if (schema === '*') return { ...named, kind: 'several schemas' };
  if (meta.view) return lazily({ ...named, kind: 'view' }, () => viewQuery(em, meta));
  const owned = meta.pivotTable ? linksOf(em, meta, entities) : undefined;
  const classes = trackedIn(metas, em, entities);
  if (!owned && classes.length === 0) return { ...named, kind: 'untracked' };
  const hasUnknown = classes.length > 0;
  const past = { ...named, kind: 'past', hasUnknown } as const;
  if (!owned) return trackedTable(past, metas, () => pastTable(metas, classes, schema), template);
  return lazily(past, () => {
    const links = pastLinks(meta, owned.collection, owned.owners, schema);
    return hasUnknown
      ? pastLinkObjects(pastTable(metas, classes, schema), links, template)
      : pastLinkRows(links, template);
  });
}

function trackedTable(
  known: KnownTable,
  metas: readonly EntityMetadata[],
  makeTable: () => PastTable,
  template: PastTemplate,
): KnownTable {
  let made: PastTable | undefined;
  const table = () => (made ??= makeTable());
  return Object.assign(
    lazily(known, () => pastRows(table(), template)),
    {
      changes: (name: string) => pastChanges(name, table(), template),
      read: () => readTable(metas, table()),
    },
  );
}

/** Most tables are never read as of a point. */
function lazily(table: KnownTable, makeRows: () => string): KnownTable {
  let rows: string | undefined;
  return {
    ...table,
    get rows() {
      return (rows ??= makeRows());
    },
  };
}

/** Tracked classes whose objects have a row in the table of `metas`. */
function trackedIn(
  metas: readonly EntityMetadata[],
  em: EntityManager,
  entities: TrackedEntities,
): readonly TrackedEntity[] {
  const [general] = metas as [EntityMetadata];
  const hasRow = (meta: EntityMetadata) =>
    metas.includes(meta) || (general.inheritanceType === 'tpt' && tptParents(meta).includes(general));
  const all = [...em.getMetadata()].filter(meta => hasRow(meta) && !meta.abstract);
  return all.flatMap(meta => entities.tracked(meta.class) ?? []);
}

function tptParents({ tptParent }: EntityMetadata): EntityMetadata[] {
  return tptParent ? [tptParent, ...tptParents(tptParent)] : [];
}

interface OwnedLinks {
  readonly collection: EntityProperty;
  readonly owners: readonly TrackedEntity[];
}

/** A collection of several classes at an end is not recorded, and read as it is now. */
function linksOf(em: EntityManager, pivot: EntityMetadata, entities: TrackedEntities): OwnedLinks | undefined {
  const isOwned = (prop: EntityProperty) =>
    prop.kind === ReferenceKind.MANY_TO_MANY && prop.owner && prop.pivotEntity === pivot.class && !prop.polymorphic;
  const owners = [...em.getMetadata()].flatMap(meta => {
    const tracked = meta.relations.some(isOwned) && !meta.abstract ? entities.tracked(meta.class) : undefined;
    return tracked && [...tracked.collections.values()].some(isOwned) ? [tracked] : [];
  });
  const collection = owners[0]?.meta.relations.find(isOwned);
  return collection && { collection, owners };
}

/** As the schema generator writes it; without its text, the view is what it is now. */
function viewQuery(em: EntityManager, { expression }: EntityMetadata): string {
  const query: unknown = typeof expression === 'function' ? expression(em, {}, {}) : expression;
  if (isRaw(query)) return em.getPlatform().formatQuery(query.sql, query.params);
  const builder = query as { getFormattedQuery?: () => string } | string;
  return (typeof builder === 'string' ? builder : builder.getFormattedQuery!()).replace(/;\s*$/, '');
}
