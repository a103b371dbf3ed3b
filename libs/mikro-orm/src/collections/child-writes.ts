import type { EntityMetadata } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { cascadedBy } from '../capture/read-changes.js';
import { type FoundRow, identityOf } from '../cascade/found-row.js';
import { conditionKey } from '../model/stored-key.js';
import { RowReader } from '../cascade/rows.query.js';
import { type DeletionRecording, takeFollowed, type TakenAlong } from '../cascade/take-along.js';
import { type AnyCollection, isOneToMany, isWritten, keyColumnsOf, propertyOf } from './collection-updates.js';
import { childrenThatGo, type ReplacedChildren, replacedChildren } from './replaced-children.js';
import type { WriteListener, Written } from './statement-listener.js';
import { recordingOf, type WriteScope } from './write-scope.js';
import { foundRow } from './written-rows.js';

/** A statement on the children of one collection, in the order in which the ORM makes them. */
interface ChildStatement {
  readonly collection: AnyCollection;
  /** What it does, if anything is recorded of it. */
  readonly replaced: ReplacedChildren | undefined;
}

/**
 * What statements do to the children of collections that were not loaded: read right before, with what goes along. Others
 * may add a child meanwhile, which the statement then meets as well, so that it is asked which ones it met.
 */
export class ChildWrites implements WriteListener {
  readonly taken: TakenAlong[] = [];
  readonly changes: Change[] = [];
  readonly #statements = new Map<unknown, ChildStatement[]>();
  readonly #read = new Set<string>();

  constructor(
    private readonly updates: readonly AnyCollection[],
    private readonly scope: WriteScope,
  ) {}

  async prepare(): Promise<void> {
    const known = new Map<AnyCollection, ReplacedChildren>();
    const { tools, recording } = this.scope;
    for (const replaced of replacedChildren(this.updates, this.scope)) {
      const { edge, schema, collections } = replaced;
      for (const collection of collections) known.set(collection, replaced);
      const reader = new RowReader(tools, { isRecording: recording !== undefined, schema });
      const rows = await childrenThatGo(replaced, reader);
      for (const { meta, id } of rows) this.#read.add(identityOf(meta, id));
      const taken = await takeFollowed([{ edge, rows }], reader, tools, this.#recordingOf(replaced));
      await taken.carryOut();
      this.taken.push(taken);
    }
    if (recording && known.size > 0) this.#expect(known);
  }

  get isIdle(): boolean {
    return this.#statements.size === 0;
  }

  /** Whether the next statement on a class is one of these. */
  listensTo({ class: entityClass }: EntityMetadata): boolean {
    return (this.#statements.get(entityClass)?.length ?? 0) > 0;
  }

  async beforeDelete(): Promise<void> {}

  hear({ meta, rows }: Written): void {
    const { collection, replaced } = this.#statements.get(meta.class)!.shift()!;
    for (const columns of replaced ? rows : []) {
      const found = foundRow(columns, meta, this.scope.tools);
      if (!this.#read.has(identityOf(found.meta, found.id))) this.#meet(found, collection, replaced!);
    }
  }

  /** MikroORM 7.2 writes collections of children in their order, one by one, before those of links. */
  #expect(known: ReadonlyMap<AnyCollection, ReplacedChildren>): void {
    for (const collection of this.updates.filter(one => isOneToMany(one) && isWritten(one))) {
      const { class: entityClass } = propertyOf(collection).targetMeta!;
      const statements = this.#statements.get(entityClass) ?? [];
      statements.push({ collection, replaced: known.get(collection) });
      this.#statements.set(entityClass, statements);
    }
  }

  #meet(found: FoundRow, { owner }: AnyCollection, replaced: ReplacedChildren): void {
    const { edge } = replaced;
    const { changes } = this.#recordingOf(replaced)!;
    const row = { ...found.row, [edge.prop.name]: conditionKey(keyColumnsOf(owner)) };
    const unset = new Map(edge.columns.own.map(column => [column, null]));
    const change = edge.onDelete === 'cascade' ? changes.deletion(found) : changes.update({ ...found, row }, unset);
    if (change) this.changes.push(change);
  }

  /** Orphans are deleted for the system's reasons, as they are where they are loaded; who unsets children, flushes. */
  #recordingOf({ edge, schema }: ReplacedChildren): DeletionRecording | undefined {
    const attribution = this.scope.recording?.attribution;
    if (!attribution) return undefined;
    return recordingOf(edge.onDelete === 'cascade' ? cascadedBy(attribution) : attribution, this.scope, schema);
  }
}
