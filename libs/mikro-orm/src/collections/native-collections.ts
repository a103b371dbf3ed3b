import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import type { ConcreteClasses } from '../capture/concrete-class.js';
import type { CascadeMap } from '../cascade/cascade-map.js';
import type { Attribution } from '../context/attribution-value.js';
import { LinkWrites } from './link-writes.js';
import { MovedLinks } from './moved-links.js';
import { moveLinksOf } from './pivot-entities.js';
import type { StatementListener } from './statement-listener.js';
import { recordedLinks, type WriteScope } from './write-scope.js';

/** A native call of the entity manager. */
export interface NativeWrite {
  readonly em: EntityManager;
  /** The transaction that it happens in, which may be one of its own. */
  readonly ctx: object | undefined;
  readonly attribution: Attribution;
  readonly schema: string | undefined;
}

/** A native call whose data sets collections. */
export interface NativeCollectionWrite extends NativeWrite {
  readonly props: readonly EntityProperty[];
}

/** What does not change from call to call. */
interface Known {
  readonly map: CascadeMap;
  readonly classes: ConcreteClasses;
}

/** Performs a native call, and returns what it does to links and to the objects that are rows of them. */
export async function aroundCall<Result>(
  write: NativeCollectionWrite,
  { listener, ...known }: Known & { readonly listener: StatementListener },
  perform: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly changes: readonly Change[] }> {
  const changes: Change[] = [];
  const keep = (more: readonly Change[]) => void changes.push(...more);
  const links = new LinkWrites(write.props, scopeOf(write, known, write.props, keep));
  if (links.isIdle) return { result: await perform(), changes };
  const result = await listener.during(write.ctx, links, perform);
  for (const taken of links.taken) {
    keep(await taken.computed());
    taken.memory.tell();
  }
  return { result, changes: [...changes, ...(await links.changes())] };
}

/** The links that native changes of pivot entities make and take away. */
export async function impliedLinks(write: NativeWrite, changes: readonly Change[], known: Known): Promise<Change[]> {
  const { entities } = known.map;
  const pivots = changes.filter(change => entities.ofType(change.type)?.meta.pivotTable);
  if (pivots.length === 0) return [];
  const scope = scopeOf(write, known, [], () => {});
  const links = new MovedLinks();
  for (const change of pivots) moveLinksOf(change, entities.ofType(change.type)!, scope.tools.graph, links);
  return recordedLinks(links, scope, write.schema);
}

function scopeOf(
  { em, ctx, attribution }: NativeWrite,
  { map, classes }: Known,
  props: readonly EntityProperty[],
  keep: (changes: readonly Change[]) => void,
): WriteScope {
  const isRewritten: WriteScope['isRewritten'] = ({ collection }) =>
    props.some(prop => prop.owner && prop.pivotEntity === collection.pivotEntity && prop.name === collection.name);
  const tools = map.tools(em, ctx, 'recording');
  return { tools, classes, recording: { attribution, isOwn: () => false, keep }, isRewritten };
}
