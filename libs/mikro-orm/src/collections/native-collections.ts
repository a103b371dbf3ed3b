import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { Cascades } from '../cascade/cascades.js';
import type { Attribution } from '../context/attribution-value.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { LinkWrites } from './link-writes.js';
import { MovedLinks } from './moved-links.js';
import { moveLinksOf } from './pivot-entities.js';
import type { StatementListener } from './statement-listener.js';
import { recordedLinks, type WriteScope } from './write-scope.js';

/** A native call of the entity manager, in the transaction that it happens in. */
export interface NativeWrite {
  readonly em: EntityManager;
  readonly ctx: object;
  readonly attribution: Attribution;
}

/** A native call whose data sets collections. */
export interface NativeCollectionWrite extends NativeWrite {
  readonly props: readonly EntityProperty[];
  readonly schema: string | undefined;
}

/** Performs a native call, and returns what it does to links and to the objects that are rows of them. */
export async function aroundCall<Result>(
  write: NativeCollectionWrite,
  { cascades, listener }: { readonly cascades: Cascades; readonly listener: StatementListener },
  perform: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly changes: readonly Change[] }> {
  const { props, schema } = write;
  const scope = scopeOf(write, cascades);
  const links =
    scope &&
    new LinkWrites(
      props.map(prop => ({ prop, schema })),
      scope,
    );
  if (!links || links.isIdle) return { result: await perform(), changes: [] };
  const result = await listener.during(write.ctx, links, perform);
  const changes: Change[] = [];
  for (const taken of links.taken) {
    changes.push(...(taken.changes?.linksOfLost ?? []), ...(taken.changes?.others ?? []), ...(await taken.computed()));
    taken.tellMemory();
  }
  return { result, changes: [...changes, ...(await links.changes())] };
}

/** The links that native changes of pivot entities make and take away. */
export async function impliedLinks(
  write: NativeWrite,
  changes: readonly Change[],
  entities: TrackedEntities,
  cascades: Cascades,
): Promise<Change[]> {
  const pivots = changes.filter(change => entities.ofType(change.type)?.meta.pivotTable);
  const scope = pivots.length > 0 ? scopeOf({ ...write, props: [] }, cascades) : undefined;
  if (!scope) return [];
  const links = new MovedLinks();
  for (const change of pivots) moveLinksOf(change, entities.ofType(change.type)!, scope.tools.graph, links);
  return recordedLinks(links, scope);
}

/** A call with a transaction of its own is not in that of its entity manager. */
function scopeOf(
  { em, ctx, attribution, props }: NativeWrite & Pick<NativeCollectionWrite, 'props'>,
  cascades: Cascades,
): WriteScope | undefined {
  let inside = em;
  if (em.getTransactionContext() !== ctx) {
    inside = em.fork({ disableContextResolution: true });
    inside.setTransactionContext(ctx as never);
  }
  const tools = cascades.toolsFor(inside, 'recording');
  const isRewritten: WriteScope['isRewritten'] = ({ collection }) =>
    props.some(prop => prop.owner && prop.pivotEntity === collection.pivotEntity && prop.name === collection.name);
  return tools && { tools, recording: { attribution, isOwn: () => false }, isRewritten };
}
