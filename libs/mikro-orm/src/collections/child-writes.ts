import type { EntityMetadata } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { cascadedBy } from '../capture/read-changes.js';
import type { DeletionRecording } from '../cascade/deletion-changes.js';
import type { ForeignKeyEdge } from '../cascade/foreign-key-edge.js';
import { conditionKey, type FoundRow, identityOf } from '../cascade/found-row.js';
import { readerOf, takeFollowed, type TakenAlong } from '../cascade/take-along.js';
import { type AnyCollection, isOneToMany, isWritten, keyColumnsOf, propertyOf } from './collection-updates.js';
import { childrenThatGo, replacedChildren } from './replaced-children.js';
import type { WriteListener, Written } from './statement-listener.js';
import { recordingOf, type WriteScope } from './write-scope.js';
import { foundRow } from './written-rows.js';

/** A statement on the children of one collection, in the order in which the ORM makes them. */
interface ChildStatement {
  readonly collection: AnyCollection;
  /** The foreign key that it goes by, if anything is recorded of it. */
  readonly edge: ForeignKeyEdge | undefined;
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
    const edges = new Map<AnyCollection, ForeignKeyEdge>();
    const { tools, recording } = this.scope;
    for (const replaced of replacedChildren(this.updates, this.scope)) {
      const { edge, schema, collections } = replaced;
      for (const collection of collections) edges.set(collection, edge);
      const reader = readerOf(tools, { isRecording: recording !== undefined, schema });
      const rows = await childrenThatGo(replaced, reader);
      for (const { meta, id } of rows) this.#read.add(identityOf(meta, id));
      this.taken.push(await takeFollowed([{ edge, rows }], reader, tools, this.#recordingOf(edge)));
    }
    if (recording && edges.size > 0) this.#expect(edges);
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
    const { collection, edge } = this.#statements.get(meta.class)!.shift()!;
    for (const columns of edge ? rows : []) {
      const found = foundRow(columns, meta, this.scope.tools);
      if (!this.#read.has(identityOf(found.meta, found.id))) this.#meet(found, collection, edge!);
    }
  }

  /** MikroORM 7.2 writes collections of children in their order, one by one, before those of links. */
  #expect(edges: ReadonlyMap<AnyCollection, ForeignKeyEdge>): void {
    for (const collection of this.updates.filter(one => isOneToMany(one) && isWritten(one))) {
      const { class: entityClass } = propertyOf(collection).targetMeta!;
      const statements = this.#statements.get(entityClass) ?? [];
      statements.push({ collection, edge: edges.get(collection) });
      this.#statements.set(entityClass, statements);
    }
  }

  #meet(found: FoundRow, { owner }: AnyCollection, edge: ForeignKeyEdge): void {
    const { changes } = this.#recordingOf(edge)!;
    const row = { ...found.row, [edge.prop.name]: conditionKey(keyColumnsOf(owner)) };
    const unset = new Map(edge.columns.own.map(column => [column, null]));
    const change = edge.onDelete === 'cascade' ? changes.deletion(found) : changes.update({ ...found, row }, unset);
    if (change) this.changes.push(change);
  }

  /** Orphans are deleted for the system's reasons, as they are where they are loaded; who unsets children, flushes. */
  #recordingOf({ onDelete }: ForeignKeyEdge): DeletionRecording | undefined {
    const attribution = this.scope.recording?.attribution;
    if (!attribution) return undefined;
    return recordingOf(onDelete === 'cascade' ? cascadedBy(attribution) : attribution, this.scope);
  }
}
