import { type EntityMetadata, EntitySchema } from '@mikro-orm/core';
import { marksOf, ownMarks } from './tracking-marks.js';
import type { PropertyTrackingOptions, TrackingOptions } from './tracking-options.js';

/** What decorators and `revy` keys say about an entity and its properties, with those that it extends. */
export interface Said {
  readonly entity: TrackingOptions;
  readonly properties: ReadonlyMap<string, PropertyTrackingOptions>;
}

/** A subclass adds to what is masked and excluded, so that no secret of its base shows in it. */
export function saidOf(meta: EntityMetadata): Said {
  const marks = marksOf(meta.class).reverse();
  const said = [...marks.map(mark => mark.entity), ...schemasOf(meta), meta.revy].filter(options => !!options);
  const triggers = said.findLast(options => options.triggers !== undefined)?.triggers;
  const all = (key: 'exclude' | 'mask') => [...new Set(said.flatMap(options => options[key] ?? []))];
  // a stored type names one class, so that a subclass does not inherit it
  const as = meta.revy?.as ?? ownMarks(meta.class).entity?.as;
  const track = said.findLast(options => options.track !== undefined)?.track;
  const formerly = Object.assign({}, ...said.map(options => options.formerly)) as TrackingOptions['formerly'];
  const lists = { exclude: all('exclude'), mask: all('mask'), formerly };
  return {
    entity: {
      ...lists,
      ...(as && { as }),
      ...(track !== undefined && { track }),
      ...(triggers !== undefined && { triggers }),
    },
    properties: new Map(marks.flatMap(mark => [...mark.properties])),
  };
}

/** MikroORM 7.2 copies properties from a base to its subclasses, and other keys of the entity not. */
function schemasOf(meta: EntityMetadata): (TrackingOptions | undefined)[] {
  const chain: (TrackingOptions | undefined)[] = [];
  let current: unknown = Object.getPrototypeOf(meta.class);
  while (typeof current === 'function' && current !== Function.prototype) {
    chain.unshift(EntitySchema.REGISTRY.get(current as never)?.meta.revy);
    current = Object.getPrototypeOf(current);
  }
  return chain;
}
