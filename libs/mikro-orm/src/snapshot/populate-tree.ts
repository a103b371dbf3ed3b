import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { UnknownRelationError, UnreadableRelationError } from './snapshot.errors.js';

/** Relations to populate, by property name, each with those below it. */
export type PopulateTree = ReadonlyMap<string, PopulateTree>;

type Mutable = Map<string, Mutable>;

/** One relation to populate. */
export interface PopulateStep {
  /** The name of its property, which for a relation of an inline embeddable is not that in the path. */
  readonly name: string;
  readonly path: string;
  readonly below: PopulateTree;
}

/** The tree that dotted paths stand for, each step of it once. */
export function populateTree(paths: readonly string[]): PopulateTree {
  const tree: Mutable = new Map();
  for (const path of paths) {
    let level = tree;
    for (const name of path.split('.')) {
      if (!level.has(name)) level.set(name, new Map());
      level = level.get(name)!;
    }
  }
  return tree;
}

/** The relations of a class that a tree names. Columns, which are read anyway, are left out. */
export function stepsOf(tree: PopulateTree, meta: EntityMetadata): PopulateStep[] {
  return [...tree].flatMap(([name, below]) => {
    const prop = propertyOf(meta, name);
    return prop ? stepsBelow(prop, name, below, meta) : [];
  });
}

function stepsBelow(prop: EntityProperty, path: string, below: PopulateTree, meta: EntityMetadata): PopulateStep[] {
  if (prop.kind === ReferenceKind.SCALAR) return [];
  if (prop.kind !== ReferenceKind.EMBEDDED) return [{ name: prop.name, path, below }];
  return [...below].flatMap(([name, further]) => {
    const leaf = prop.embeddedProps[name];
    const whole = `${path}.${name}`;
    if (!leaf) throw new UnknownRelationError(meta.className, whole, Object.keys(prop.embeddedProps), 'populate');
    if (leaf.targetMeta && leaf.kind !== ReferenceKind.EMBEDDED && (prop.object || prop.array)) {
      const reason = 'it stands in a JSON column, which is one value for the history';
      throw new UnreadableRelationError(meta.className, whole, reason, 'Read its target in a query of its own.');
    }
    return stepsBelow(leaf, whole, further, meta);
  });
}

export function propertyOf(meta: EntityMetadata, name: string): EntityProperty | undefined {
  return (meta.properties as Record<string, EntityProperty>)[name];
}

/** The side of a one-to-one relation that has no column. */
export function isInverseSide({ kind, mappedBy }: EntityProperty): boolean {
  return kind === ReferenceKind.ONE_TO_ONE && mappedBy !== undefined;
}
