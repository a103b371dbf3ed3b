import { ownMarks } from './tracking-marks.js';
import type { PropertyTrackingOptions, TrackingOptions } from './tracking-options.js';

/** A decorator for classes and properties, legacy and ES alike. */
export type TrackingDecorator = (target: object | undefined, context?: unknown) => void;

interface EsContext {
  readonly kind: string;
  readonly name: string | symbol;
  readonly metadata?: object;
}

/**
 * Tracks a class where the option `track` is `'marked'`, and says how it is tracked; on a property, how the property
 * is. Works with legacy and with ES decorators. `mask` on a property is a boolean, on a class a list of properties.
 */
export function Tracked(options: TrackingOptions | PropertyTrackingOptions = {}): TrackingDecorator {
  return mark({ track: true, ...options });
}

/** Leaves a class or a property out of the history. */
export function Untracked(): TrackingDecorator {
  return mark({ track: false });
}

/** What several decorators say about one property adds up. */
export function mark(options: TrackingOptions | PropertyTrackingOptions): TrackingDecorator {
  return (target, context) => {
    const es = isEsContext(context) ? context : undefined;
    const property = es ? (es.kind === 'class' ? undefined : es.name) : (context as string | symbol | undefined);
    if (property === undefined) {
      ownMarks(target!).entity = options as TrackingOptions;
      return;
    }
    const holder = es ? es.metadata! : (target as { constructor: object }).constructor;
    const { properties } = ownMarks(holder);
    properties.set(String(property), { ...properties.get(String(property)), ...(options as PropertyTrackingOptions) });
  };
}

function isEsContext(context: unknown): context is EsContext {
  return typeof context === 'object' && context !== null && 'kind' in context;
}
