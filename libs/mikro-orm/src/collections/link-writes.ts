import type { Dictionary, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { cascadedBy } from '../capture/read-changes.js';
import { CascadeChanges } from '../cascade/cascade-changes.js';
import { tableOf } from '../cascade/tables.js';
import { takeAlong, type TakenAlong } from '../cascade/take-along.js';
import { type LinkTable, linkTableOf } from './link-table.js';
import { MovedLinks } from './moved-links.js';
import { linksIn } from './pivot-rows.js';
import type { Statement, WriteListener, Written } from './statement-listener.js';
import { driverOf, recordedLinks, recordingOf, type WriteScope } from './write-scope.js';
import { foundRow } from './written-rows.js';

/** What statements do to tables of links. */
export class LinkWrites implements WriteListener {
  readonly taken: TakenAlong[] = [];
  readonly #tables = new Map<unknown, LinkTable>();
  /** By the schema of the statement. */
  readonly #links = new Map<string | undefined, MovedLinks>();
  readonly #objects: Change[] = [];

  constructor(
    collections: readonly EntityProperty[],
    private readonly scope: WriteScope,
  ) {
    for (const prop of collections) {
      const table = linkTableOf(prop, scope.tools);
      const isRecorded = scope.recording && table && (table.collections.length > 0 || table.entity);
      if (isRecorded || table?.leadsOn) this.#tables.set(table.meta.class, table);
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
    if (!this.#tables.get(meta.class)!.leadsOn) return;
    const { tools, recording } = this.scope;
    const { schema } = statement;
    const doomed = { meta: tableOf(meta), from: tableOf(meta), keys: await this.#keysOf(meta, statement), schema };
    const by = recording && recordingOf(cascadedBy(recording.attribution), this.scope, schema);
    const taken = await takeAlong(doomed, tools, by);
    await taken.carryOut();
    this.taken.push(taken);
  }

  hear(written: Written): void {
    const { collections, entity } = this.#tables.get(written.meta.class)!;
    if (!this.scope.recording) return;
    const links = this.#links.get(written.schema) ?? new MovedLinks();
    this.#links.set(written.schema, links);
    for (const link of linksIn(written, collections)) links.add(link);
    if (entity) this.#hearObjects(written);
  }

  async changes(): Promise<Change[]> {
    const changes = [...this.#objects];
    for (const [schema, links] of this.#links) changes.push(...(await recordedLinks(links, this.scope, schema)));
    return changes;
  }

  #hearObjects({ meta, action, rows, schema }: Written): void {
    const { tools, recording } = this.scope;
    const changes = new CascadeChanges(tools.entities, recording!.attribution, schema);
    for (const row of rows) {
      const found = foundRow(row, meta, tools);
      const change = action === 'insert' ? changes.creation(found) : changes.deletion(found);
      if (change) this.#objects.push(change);
    }
  }

  /** The keys of the rows that a statement will delete. */
  async #keysOf(meta: EntityMetadata, { sql, params }: Statement): Promise<unknown[][]> {
    const { em, ctx } = this.scope.tools;
    const driver = driverOf(em);
    const columns = meta.getPrimaryProps().flatMap(prop => prop.fieldNames);
    const list = columns.map(name => driver.getPlatform().quoteIdentifier(name)).join(', ');
    const select = sql.replace(/^delete/, `select ${list}`);
    const rows = await driver.getConnection('write').execute<Dictionary[]>(select, [...params], 'all', ctx);
    return rows.map(row => columns.map(name => row[name] as unknown));
  }
}
