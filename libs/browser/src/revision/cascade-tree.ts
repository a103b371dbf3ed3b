import type { EntityManager, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { Json, ObjectDelta, TrackedType } from '@revy/mikro-orm';

/** A delta, and what was done along with it. */
export interface DeltaTree {
  readonly delta: ObjectDelta;
  readonly along: DeltaTree[];
}

/**
 * Deltas under the deletion that took them along, as far as the history tells: the system did it in the same revision,
 * to an object that referred to a deleted one. The others are roots, in the order in which they were recorded.
 */
export function cascadeTree(
  em: EntityManager,
  types: readonly TrackedType[],
  deltas: readonly ObjectDelta[],
): DeltaTree[] {
  const classes = new Map(types.map(({ type, entity }) => [type, em.getMetadata().get<object>(entity)]));
  const trees = deltas.map(delta => ({ delta, along: [] as DeltaTree[] }));
  const deleted = new Map<string, DeltaTree>();
  for (const tree of trees) {
    const meta = classes.get(tree.delta.objectType);
    if (meta && tree.delta.action === 'delete') deleted.set(address(meta, tree.delta.objectId), tree);
  }
  const parents = new Map<DeltaTree, DeltaTree>();
  for (const tree of trees) {
    const parent = parentOf(tree, classes.get(tree.delta.objectType), deleted);
    if (parent && !isBelow(parent, tree, parents)) parents.set(tree, parent);
  }
  for (const [tree, parent] of parents) parent.along.push(tree);
  return trees.filter(tree => !parents.has(tree));
}

function parentOf(
  { delta }: DeltaTree,
  meta: EntityMetadata | undefined,
  deleted: ReadonlyMap<string, DeltaTree>,
): DeltaTree | undefined {
  if (!meta || delta.actorType !== null || delta.action === 'create') return undefined;
  for (const [attribute, value] of Object.entries(delta.oldValues ?? {})) {
    const target = (meta.properties[attribute as never] as EntityProperty | undefined)?.targetMeta;
    const parent = target && value !== null ? deleted.get(address(target, keyText(value))) : undefined;
    if (parent) return parent;
  }
  return undefined;
}

/** Objects that refer to themselves or each other go together: none of them can stand below itself. */
function isBelow(tree: DeltaTree, other: DeltaTree, parents: ReadonlyMap<DeltaTree, DeltaTree>): boolean {
  for (let one: DeltaTree | undefined = tree; one; one = parents.get(one)) if (one === other) return true;
  return false;
}

/** An object by its table, in which classes of one hierarchy share their keys. */
function address(meta: EntityMetadata, objectId: string): string {
  return `${meta.root.className} ${objectId}`;
}

function keyText(value: Json): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
