import { type Dictionary, type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';

/** The collections among the data of a native call; asked before it, because the driver takes them out of the data. */
export function collectionsIn(meta: EntityMetadata, rows: readonly Dictionary[]): EntityProperty[] {
  return meta.relations.filter(
    prop => prop.kind === ReferenceKind.MANY_TO_MANY && rows.some(row => row[prop.name] !== undefined),
  );
}

/** What a native call has done to links, kept for the changes of the objects that record them. */
export class NativeLinks {
  readonly #byObject = new Map<string, Change>();
  readonly #others: Change[] = [];

  keep(change: Change): void {
    const isLinks = Object.keys(change.links).length > 0;
    if (isLinks && !this.#byObject.has(keyOf(change))) this.#byObject.set(keyOf(change), change);
    else this.#others.push(change);
  }

  /** The change with the links of its object. */
  joined(change: Change): Change {
    const key = keyOf(change);
    const found = change.action === 'delete' ? undefined : this.#byObject.get(key);
    if (!found) return change;
    this.#byObject.delete(key);
    return { ...change, links: { ...change.links, ...found.links } };
  }

  /** Those of other objects, and the objects that are rows of links. */
  rest(): Change[] {
    return [...this.#others, ...this.#byObject.values()];
  }
}

function keyOf({ type, objectId }: Change): string {
  return `${type}\0${objectId}`;
}
