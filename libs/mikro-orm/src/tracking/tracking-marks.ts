import type { PropertyTrackingOptions, TrackingOptions } from './tracking-options.js';

/** What the decorators said about one class. */
export interface TrackingMarks {
  entity?: TrackingOptions;
  readonly properties: Map<string, PropertyTrackingOptions>;
}

/** An own key of a class (legacy decorators) or of its metadata object (ES decorators). */
const MARKS = Symbol.for('revy.tracking');

type Marked = { [MARKS]?: TrackingMarks };

export function ownMarks(holder: object): TrackingMarks {
  const marked = holder as Marked;
  if (!Object.hasOwn(marked, MARKS)) {
    Object.defineProperty(marked, MARKS, { value: { properties: new Map() }, configurable: true });
  }
  return marked[MARKS]!;
}

/** The marks of a class and of those that it extends, the most derived first. */
export function marksOf(entityClass: object): TrackingMarks[] {
  const chain: TrackingMarks[] = [];
  const metadataKey = (Symbol as { metadata?: symbol }).metadata ?? Symbol.for('Symbol.metadata');
  let current: object | null = entityClass;
  while (current && current !== Function.prototype) {
    for (const holder of [current, (current as Record<symbol, object | undefined>)[metadataKey]]) {
      if (holder && Object.hasOwn(holder, MARKS)) chain.push((holder as Marked)[MARKS]!);
    }
    current = Object.getPrototypeOf(current) as object | null;
  }
  return chain;
}
