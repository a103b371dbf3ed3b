import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { JsonRecord } from '../model/json.js';
import type { Said } from './said-of.js';
import { FormerNameError } from './tracking.errors.js';

/** Under which names the history holds the attributes of a class: the present ones, and those of before a renaming. */
export class AttributeNames {
  readonly #former: ReadonlyMap<string, readonly string[]>;

  constructor(former: ReadonlyMap<string, readonly string[]>) {
    this.#former = former;
  }

  /** The names of an attribute in the history, the present one first. */
  of(attribute: string): readonly string[] {
    return [attribute, ...(this.#former.get(attribute) ?? [])];
  }

  /** The present name of what the history has under a name. */
  present(name: string): string {
    for (const [attribute, former] of this.#former) if (former.includes(name)) return attribute;
    return name;
  }

  /**
   * Values by present names. A record that spans a renaming has an attribute twice: what counts is the newest name
   * where the last value counts, and the oldest one where the first does.
   */
  toPresent(values: JsonRecord, counts: 'newest' | 'oldest' = 'newest'): JsonRecord {
    if (this.#former.size === 0) return values;
    const present = { ...values };
    for (const [attribute, former] of this.#former) {
      const names = counts === 'newest' ? [attribute, ...former] : [...former.toReversed(), attribute];
      const name = names.find(one => one in values);
      for (const one of former) delete present[one];
      if (name !== undefined) present[attribute] = values[name]!;
    }
    return present;
  }
}

/** @throws {FormerNameError} if a name would stand for two attributes */
export function attributeNames(
  meta: EntityMetadata,
  said: Said,
  attributes: readonly EntityProperty[],
): AttributeNames {
  const former = new Map<string, readonly string[]>();
  const taken = new Map<string, string>(attributes.map(({ name }) => [name, name]));
  for (const prop of attributes) {
    const names = formerNames(prop, meta, said);
    for (const name of names) {
      const other = taken.get(name);
      if (other !== undefined) throw new FormerNameError(meta.className, prop.name, name, other);
      taken.set(name, prop.name);
    }
    if (names.length > 0) former.set(prop.name, names);
  }
  return new AttributeNames(former);
}

/** A column of an inline embeddable is named after the embedded property, and was renamed with it. */
function formerNames(prop: EntityProperty, meta: EntityMetadata, said: Said): readonly string[] {
  const own = [said.properties.get(prop.name)?.formerly, revyKey(prop)?.formerly, said.entity.formerly?.[prop.name]];
  const names = own.flatMap(one => one ?? []);
  if (names.length > 0 || !prop.embedded) return [...new Set(names)];
  const parent = meta.properties[prop.embedded[0]]!;
  return formerNames(parent, meta, said).map(name => name + prop.name.slice(parent.name.length));
}

function revyKey(prop: EntityProperty): { formerly?: string | readonly string[] } | undefined {
  return (prop as { revy?: { formerly?: string | readonly string[] } }).revy;
}
