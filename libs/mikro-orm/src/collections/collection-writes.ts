import { type EntityManager, helper } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { Change } from '../capture/change.js';
import type { ConcreteClasses } from '../capture/concrete-class.js';
import { type FlushCapture, placeOf } from '../capture/flush-capture.js';
import { wholeChanges } from '../capture/read-changes.js';
import type { CascadeMap } from '../cascade/cascade-map.js';
import type { Cascades } from '../cascade/cascades.js';
import { deletedBy } from '../cascade/flush-group.js';
import type { NamedRow } from '../cascade/found-row.js';
import { ChildWrites } from './child-writes.js';
import { type AnyCollection, collectionUpdates, isChanged, propertyOf } from './collection-updates.js';
import { FlushListener } from './flush-listener.js';
import { linkTableOf, recordedBy } from './link-table.js';
import { LinkWrites } from './link-writes.js';
import { MovedLinks } from './moved-links.js';
import { aroundCall, impliedLinks, type NativeCollectionWrite, type NativeWrite } from './native-collections.js';
import { moveLinksOf } from './pivot-entities.js';
import { replacedChildren } from './replaced-children.js';
import { rewrittenIn } from './rewritten.js';
import { StatementListener } from './statement-listener.js';
import { recordedLinks, type WriteScope } from './write-scope.js';

/** Records what happens to collections, where no change set tells of it. One for each ORM. */
export class CollectionWrites {
  readonly #listener: StatementListener;

  constructor(
    readonly map: CascadeMap,
    private readonly cascades: Cascades,
    readonly classes: ConcreteClasses,
    driver: AbstractSqlDriver,
  ) {
    this.#listener = new StatementListener(driver);
  }

  /** A class whose history the flush's collections will change; it serves the error where that may not be. */
  firstTracked(em: EntityManager, capture: FlushCapture): string | undefined {
    const updates = collectionUpdates(capture.uow).filter(isChanged);
    if (updates.length === 0) return undefined;
    const scope = this.#scopeOf(em, capture, updates);
    return updates.map(collection => recordedIn(collection, scope)).find(name => name !== undefined);
  }

  /** Performs the statements on the collections of a flush, and adds what they do to what is captured of it. */
  async around(em: EntityManager, capture: FlushCapture | undefined, perform: () => Promise<void>): Promise<void> {
    const updates = em.getUnitOfWork(false).getCollectionUpdates();
    if (updates.length === 0) return perform();
    const scope = this.#scopeOf(em, capture, updates);
    if (capture) await this.readLinks(em, capture);
    const links = new LinkWrites(updates.map(propertyOf), scope);
    const children = new ChildWrites(updates, scope);
    await children.prepare();
    await this.#perform(new FlushListener(children, links), scope, capture, perform);
    for (const taken of [...children.taken, ...links.taken]) this.cascades.finishLater(em, capture, taken);
    for (const change of [...children.changes, ...(await links.changes())]) capture?.besides.push(change);
  }

  async #perform(
    listener: FlushListener,
    { tools }: WriteScope,
    capture: FlushCapture | undefined,
    perform: () => Promise<void>,
  ): Promise<void> {
    if (capture) capture.collections = 'begun';
    await (listener.isIdle ? perform() : this.#listener.during(tools.ctx, listener, perform));
    if (capture) capture.collections = 'written';
  }

  /** Adds the links of which the flush has written the rows by now, as objects of the application's own. */
  async readLinks(em: EntityManager, capture: FlushCapture): Promise<void> {
    if (capture.links.length === 0) return;
    const scope = this.#scopeOf(em, capture, []);
    const written = Map.groupBy(capture.links.splice(0), ({ entity }) => helper(entity).getSchema());
    for (const [schema, captured] of written) {
      const links = new MovedLinks();
      for (const one of captured) {
        for (const change of wholeChanges(one, capture, em)) {
          moveLinksOf(change, one.tracked, scope.tools.graph, links);
        }
      }
      capture.besides.push(...(await recordedLinks(links, scope, schema)));
    }
  }

  /** See {@link aroundCall}. */
  async aroundCall<Result>(write: NativeCollectionWrite, perform: () => Promise<Result>) {
    return aroundCall(write, { map: this.map, classes: this.classes, listener: this.#listener }, perform);
  }

  /** See {@link impliedLinks}. */
  async impliedLinks(write: NativeWrite, changes: readonly Change[]): Promise<Change[]> {
    return impliedLinks(write, changes, this);
  }

  #scopeOf(em: EntityManager, capture: FlushCapture | undefined, updates: readonly AnyCollection[]): WriteScope {
    const tools = this.map.tools(em, em.getTransactionContext(), capture ? 'recording' : 'handling');
    const known = { tools, classes: this.classes, isRewritten: rewrittenIn(updates, tools.graph) };
    if (!capture) return { ...known, recording: undefined };
    let deleted: ReadonlySet<string> | undefined;
    const isOwn = ({ meta, id }: NamedRow, schema: string | undefined) =>
      (deleted ??= deletedBy(em, tools.entities)).has(placeOf(em, meta, schema) + id);
    const keep = (changes: readonly Change[]) => changes.forEach(change => capture.besides.push(change));
    return { ...known, recording: { attribution: capture.attribution, isOwn, keep } };
  }
}

function recordedIn(collection: AnyCollection, scope: WriteScope): string | undefined {
  const table = linkTableOf(propertyOf(collection), scope.tools);
  const [linked] = table?.collections ?? [];
  const tracked = linked ? recordedBy(linked, scope.tools) : table?.entity;
  return tracked?.meta.className ?? replacedChildren([collection], scope)[0]?.edge.table.className;
}
