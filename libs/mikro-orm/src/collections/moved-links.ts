import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { ChangedLinks, LinkKey } from '../cascade/link-changes.js';
import { inPlaces, type LinkedCollection } from '../cascade/pivot-links.js';

/** A link whose row is inserted or deleted. */
export interface MovedLink {
  readonly ends: LinkedCollection;
  readonly owner: LinkKey;
  readonly target: LinkKey;
  /** Where its row stands in a table that has an order. */
  readonly place: unknown;
}

type Targets = Map<string, LinkKey>;

interface Moves {
  readonly ends: LinkedCollection;
  readonly owner: LinkKey;
  readonly gone: MovedLink[];
  readonly come: Targets;
}

/** Adds up what becomes of links, by owner and collection: one whose row goes and comes again is the same link. */
export class MovedLinks {
  readonly #moves = new Map<string, Moves>();

  remove(link: MovedLink): void {
    this.#of(link).gone.push(link);
  }

  add(link: MovedLink): void {
    this.#of(link).come.set(JSON.stringify(link.target), link.target);
  }

  changes(): ChangedLinks[] {
    return [...this.#moves.values()].map(changesOf);
  }

  #of({ ends, owner }: MovedLink): Moves {
    const key = JSON.stringify([ends.ownerTable._id, ends.collection.name, owner]);
    const moves: Moves = this.#moves.get(key) ?? { ends, owner, gone: [], come: new Map() };
    this.#moves.set(key, moves);
    return moves;
  }
}

/** The column that says where the links of a table stand. */
export function placeColumn({ fixedOrderColumn }: EntityProperty, pivot: EntityMetadata): string | undefined {
  const prop = pivot.properties[fixedOrderColumn as never] as EntityProperty | undefined;
  return prop?.fieldNames[0];
}

function changesOf({ ends, owner, gone, come }: Moves): ChangedLinks {
  const isOrdered = ends.collection.owner && ends.collection.fixedOrder === true;
  const inOrder = isOrdered ? inPlaces(gone, ({ place }) => place) : gone;
  const before: Targets = new Map(inOrder.map(({ target }) => [JSON.stringify(target), target]));
  const last = [...come.values()];
  const order = isOrdered && last.length > 0 ? { order: { last, before: [...before.values()] } } : {};
  return { ends, owner, removed: without(before, come), added: without(come, before), ...order };
}

function without(targets: Targets, others: Targets): LinkKey[] {
  return [...targets].filter(([key]) => !others.has(key)).map(([, target]) => target);
}
