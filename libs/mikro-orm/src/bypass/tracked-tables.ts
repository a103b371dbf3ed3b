import type { EntityMetadata } from '@mikro-orm/core';
import { schemaOf, type TableNames } from '../model/tables.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { isTriggered } from '../triggers/triggered-table.js';
import type { WrittenTable } from './written-tables.js';

/** A table whose rows the history follows, or which holds the history. */
export interface KnownTable {
  readonly schema: string | undefined;
  /** The class whose rows it holds; of a link table, the class that owns the links. Absent for the history's own. */
  readonly className: string | undefined;
  /** Whether the database records what is written to it. */
  readonly hasTrigger: boolean;
}

/** Knows tables by name, for SQL that says nothing else. */
export class TrackedTables {
  readonly #byName = new Map<string, KnownTable[]>();
  #known = 0;

  constructor(
    private readonly entities: TrackedEntities,
    private readonly names: TableNames,
  ) {}

  find({ schema, table }: Pick<WrittenTable, 'schema' | 'table'>): KnownTable | undefined {
    if (this.#known !== this.entities.all.length) this.#fill();
    return this.#byName.get(table)?.find(known => isSameSchema(known.schema, schema));
  }

  #fill(): void {
    this.#byName.clear();
    for (const table of ['revision', 'objectDelta', 'attributeDelta'] as const) {
      this.#add(this.names[table], { schema: schemaOf(this.names, table), className: undefined, hasTrigger: false });
    }
    for (const tracked of this.entities.all) {
      const { meta, isTracked, collections } = tracked;
      if (!isTracked) continue;
      const known = { className: meta.className, hasTrigger: isTriggered(tracked) };
      for (const table of tablesOf(meta)) this.#add(table.tableName, { schema: table.schema, ...known });
      for (const prop of collections.values()) {
        const [table, of] = prop.pivotTable.split('.').reverse();
        this.#add(table!, { schema: of ?? meta.schema, ...known });
      }
    }
    this.#known = this.entities.all.length;
  }

  #add(name: string, table: KnownTable): void {
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), table]);
  }
}

/** An object of a class with a table for each type has a row in each of its parents' tables too. */
function tablesOf(meta: EntityMetadata): EntityMetadata[] {
  return meta.tptParent ? [meta, ...tablesOf(meta.tptParent)] : [meta];
}

/** Text without a schema means whatever the search path finds; an entity without one is in the default schema. */
function isSameSchema(known: string | undefined, named: string | undefined): boolean {
  if (named === undefined || known === '*') return true;
  return known === undefined ? named === 'public' : known === named;
}
