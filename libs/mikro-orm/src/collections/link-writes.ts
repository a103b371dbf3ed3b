import type { Dictionary, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { cascadedBy } from '../capture/read-changes.js';
import { CascadeChanges } from '../cascade/cascade-changes.js';
import { takeAlong, type TakenAlong } from '../cascade/take-along.js';
import { tableOf } from '../cascade/tables.js';
import { type LinkTable, linkTableOf } from './link-table.js';
import { MovedLinks } from './moved-links.js';
import { linksIn } from './pivot-rows.js';
import type { Statement, WriteListener, Written } from './statement-listener.js';
import { driverOf, recordedLinks, recordingOf, type WriteScope } from './write-scope.js';
import { foundRow } from './written-rows.js';

/** A collection whose links are written, and the schema where a table has none of its own. */
export interface WrittenCollection {
  readonly prop: EntityProperty;
  readonly schema: string | undefined;
}

/** What statements do to tables of links. */
export class LinkWrites implements WriteListener {
  readonly taken: TakenAlong[] = [];
  readonly #tables = new Map<unknown, LinkTable & Pick<WrittenCollection, 'schema'>>();
  readonly #links = new MovedLinks();
  readonly #objects: Change[] = [];

  constructor(
    collections: readonly WrittenCollection[],
    private readonly scope: WriteScope,
  ) {
    for (const { prop, schema } of collections) {
      const table = linkTableOf(prop, scope.tools);
      const isRecorded = scope.recording && table && (table.collections.length > 0 || table.entity);
      if (isRecorded || table?.leadsOn) this.#tables.set(table.meta.class, { ...table, schema });
    }
  }

  get isIdle(): boolean {
    return this.#tables.size === 0;
  }

  listensTo(meta: EntityMetadata): boolean {
    return this.#tables.has(meta.class);
  }

  /** Rows that others refer to may take those along. */
  async beforeDelete(meta: EntityMetadata, statement: Statement): Promise<void> {
    const { leadsOn, schema } = this.#tables.get(meta.class)!;
    if (!leadsOn) return;
    const { tools, recording } = this.scope;
    const doomed = { meta: tableOf(meta), keys: await this.#keysOf(meta, statement), schema };
    const by = recording && recordingOf(cascadedBy(recording.attribution), this.scope);
    this.taken.push(await takeAlong(doomed, tools, by));
  }

  hear(written: Written): void {
    const { collections, entity } = this.#tables.get(written.meta.class)!;
    if (!this.scope.recording) return;
    for (const link of linksIn(written, collections)) this.#links.add(link);
    if (entity)
      this.#hearObjects(written, new CascadeChanges(this.scope.tools.entities, this.scope.recording.attribution));
  }

  async changes(): Promise<Change[]> {
    return [...this.#objects, ...(await recordedLinks(this.#links, this.scope))];
  }

  #hearObjects({ meta, action, rows }: Written, changes: CascadeChanges): void {
    for (const row of rows) {
      const found = foundRow(row, meta, this.scope.tools);
      const change = action === 'insert' ? changes.creation(found) : changes.deletion(found);
      if (change) this.#objects.push(change);
    }
  }

  /** The keys of the rows that a statement will delete. */
  async #keysOf(meta: EntityMetadata, { sql, params }: Statement): Promise<unknown[][]> {
    const { em } = this.scope.tools;
    const driver = driverOf(em);
    const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
    const list = columns.map(name => driver.getPlatform().quoteIdentifier(name)).join(', ');
    const select = sql.replace(/^delete/, `select ${list}`);
    const ctx = em.getTransactionContext();
    const rows = await driver.getConnection('write').execute<Dictionary[]>(select, [...params], 'all', ctx);
    return rows.map(row => columns.map(name => row[name] as unknown));
  }
}
