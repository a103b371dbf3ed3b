import type { Actor } from './actor.js';

/** Who changed something, and why: what holds for one attribute or object delta. Never mutated, so identity compares. */
export interface Attribution {
  /** `undefined` if no frame names an actor; stored as the system, like `null`. */
  readonly actor: Actor | undefined;
  readonly objectDescription: string | null;
  readonly attributeDescription: string | null;
  readonly deletionDescription: string | null;
}

/** Whether two attributions say the same; one frame hands out one object, so identity is the common case. */
export function sameAttribution(a: Attribution, b: Attribution): boolean {
  return (
    a === b ||
    (a.actor === b.actor &&
      a.objectDescription === b.objectDescription &&
      a.attributeDescription === b.attributeDescription &&
      a.deletionDescription === b.deletionDescription)
  );
}
