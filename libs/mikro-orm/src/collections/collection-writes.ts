import type { EntityManager } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { Change } from '../capture/change.js';
import type { FlushCapture } from '../capture/flush-capture.js';
import { wholeChanges } from '../capture/read-changes.js';
import type { Cascades } from '../cascade/cascades.js';
import { deletedBy } from '../cascade/flush-group.js';
import type { TakenAlong } from '../cascade/take-along.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { ChildWrites } from './child-writes.js';
import { type AnyCollection, collectionUpdates, isChanged, propertyOf } from './collection-updates.js';
import { FlushListener } from './flush-listener.js';
import { linkTableOf, recordedBy } from './link-table.js';
import { LinkWrites } from './link-writes.js';
import { MovedLinks } from './moved-links.js';
import { aroundCall, impliedLinks, type NativeCollectionWrite, type NativeWrite } from './native-collections.js';
import { moveLinksOf } from './pivot-entities.js';
import { replacedChildren, schemaOf } from './replaced-children.js';
import { rewrittenIn } from './rewritten.js';
import { StatementListener } from './statement-listener.js';
import { recordedLinks, type WriteScope } from './write-scope.js';

/** Records what happens to collections, where no change set tells of it. One for each ORM. */
export class CollectionWrites {
  readonly #listener: StatementListener;

  constructor(
    private readonly entities: TrackedEntities,
    private readonly cascades: Cascades,
    driver: AbstractSqlDriver,
  ) {
    this.#listener = new StatementListener(driver);
  }

  /** A class whose history the flush's collections will change; it serves the error where that may not be. */
  firstTracked(em: EntityManager, capture: FlushCapture): string | undefined {
    const updates = collectionUpdates(capture.uow).filter(isChanged);
    const scope = updates.length > 0 ? this.#scopeOf(em, capture, updates) : undefined;
    for (const collection of scope ? updates : []) {
      const name = recordedIn(collection, scope!);
      if (name !== undefined) return name;
    }
    return undefined;
  }

  /** Performs the statements on the collections of a flush, and adds what they do to what is captured of it. */
  async around(em: EntityManager, capture: FlushCapture | undefined, perform: () => Promise<void>): Promise<void> {
    const updates = em.getUnitOfWork(false).getCollectionUpdates();
    const scope = updates.length > 0 ? this.#scopeOf(em, capture, updates) : undefined;
    if (!scope) return perform();
    if (capture) await this.readLinks(em, capture);
    const collections = updates.map(one => ({ prop: propertyOf(one), schema: schemaOf(one, em) }));
    const links = new LinkWrites(collections, scope);
    const children = new ChildWrites(updates, scope);
    await children.prepare();
    const listener = new FlushListener(children, links);
    await (listener.isIdle ? perform() : this.#listener.during(em.getTransactionContext(), listener, perform));
    for (const taken of [...children.taken, ...links.taken]) this.#keep(em, capture, taken);
    for (const change of [...children.changes, ...(await links.changes())]) capture?.besides.push(change);
  }

  /** Adds the links of which the flush has written the rows by now, as objects of the application's own. */
  async readLinks(em: EntityManager, capture: FlushCapture): Promise<void> {
    const scope = capture.links.length > 0 ? this.#scopeOf(em, capture, []) : undefined;
    if (!scope) return;
    const links = new MovedLinks();
    for (const captured of capture.links.splice(0)) {
      for (const change of wholeChanges(captured, capture, em)) {
        moveLinksOf(change, captured.tracked, scope.tools.graph, links);
      }
    }
    capture.besides.push(...(await recordedLinks(links, scope)));
  }

  /** See {@link aroundCall}. */
  async aroundCall<Result>(write: NativeCollectionWrite, perform: () => Promise<Result>) {
    return aroundCall(write, { cascades: this.cascades, listener: this.#listener }, perform);
  }

  /** See {@link impliedLinks}. */
  async impliedLinks(write: NativeWrite, changes: readonly Change[]): Promise<Change[]> {
    return impliedLinks(write, changes, this.entities, this.cascades);
  }

  #keep(em: EntityManager, capture: FlushCapture | undefined, taken: TakenAlong): void {
    const { linksOfLost = [], others = [] } = taken.changes ?? {};
    for (const change of [...linksOfLost, ...others]) capture?.besides.push(change);
    this.cascades.finishLater(em, capture, taken);
  }

  #scopeOf(
    em: EntityManager,
    capture: FlushCapture | undefined,
    updates: readonly AnyCollection[],
  ): WriteScope | undefined {
    const tools = this.cascades.toolsFor(em, capture ? 'recording' : 'handling');
    const isRewritten = rewrittenIn(updates);
    if (!tools || !capture) return tools && { tools, recording: undefined, isRewritten };
    let deleted: ReadonlySet<string> | undefined;
    const isOwn = (identity: string) => (deleted ??= deletedBy(capture.uow, tools.entities)).has(identity);
    return { tools, recording: { attribution: capture.attribution, isOwn }, isRewritten };
  }
}

function recordedIn(collection: AnyCollection, scope: WriteScope): string | undefined {
  const table = linkTableOf(propertyOf(collection), scope.tools);
  const [linked] = table?.collections ?? [];
  const tracked = linked ? recordedBy(linked, scope.tools) : table?.entity;
  return tracked?.meta.className ?? replacedChildren([collection], scope)[0]?.edge.table.className;
}
