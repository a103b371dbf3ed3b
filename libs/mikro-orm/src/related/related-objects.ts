import type { EntityManager } from '@mikro-orm/core';
import type { Target } from '../history/target.js';
import { familyOf } from '../history/concrete-target.js';
import { followEdges } from './follow-edges.js';
import { ALWAYS, intersect, type Period, union } from './period.js';
import { readTies, type RelatedTie } from './read-ties.js';
import { familyName, type RelatedObject } from './related-object.js';

/**
 * An object and those that belonged to it, or were linked with it, and when; those that belonged to them, and so on.
 *
 * For each level one SELECT in the history, and one for the present rows or links of each relation.
 */
export async function relatedObjects(
  em: EntityManager,
  { tracked, objectId }: Target,
  depth: number,
): Promise<RelatedObject[]> {
  const root: RelatedObject = { classes: familyOf(em, tracked), objectId, periods: [ALWAYS] };
  const found = new Map([[keyOf(root), root]]);
  let level = [root];
  for (let left = depth; left > 0 && level.length > 0; left--) level = merge(found, await childrenOf(em, level));
  return [...found.values()];
}

function keyOf({ classes: [first], objectId }: RelatedObject): string {
  return JSON.stringify([familyName(first!), objectId]);
}

/** Adds what is new to what was found, and returns it. */
function merge(found: Map<string, RelatedObject>, children: readonly RelatedObject[]): RelatedObject[] {
  const added = new Map<string, RelatedObject>();
  for (const child of children) {
    const key = keyOf(child);
    const known = found.get(key)?.periods ?? [];
    const periods = union([...known, ...child.periods]);
    if (JSON.stringify(periods) === JSON.stringify(known)) continue;
    found.set(key, { ...child, periods });
    added.set(key, { ...child, periods: union([...(added.get(key)?.periods ?? []), ...child.periods]) });
  }
  return [...added.values()];
}

async function childrenOf(em: EntityManager, parents: readonly RelatedObject[]): Promise<RelatedObject[]> {
  const ties = (await readTies(em, followEdges(em, parents), 'all')).flat();
  return ties.flatMap(tie => {
    const periods = intersect([periodOf(tie)], tie.parent.periods);
    return periods.length > 0 ? [{ classes: tie.classes, objectId: tie.objectId, periods }] : [];
  });
}

function periodOf({ since, until }: RelatedTie): Period {
  return {
    since: since ? Number(since.revision) : ALWAYS.since,
    until: until ? Number(until.revision) : ALWAYS.until,
  };
}
