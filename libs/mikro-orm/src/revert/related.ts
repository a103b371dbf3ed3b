import type { Dictionary, EntityManager, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { ReferenceKind } from '@mikro-orm/core';
import type { Json } from '../model/json.js';
import { keyColumns, keyText, keyValues } from '../model/stored-key.js';
import { UnknownRelationError } from '../snapshot/snapshot.errors.js';
import { RelatedDeltas, type RelatedDelta, type Window } from './related.query.js';
import { RowLookup } from './row-lookup.js';
import { SelectionBuilder } from './selection.js';

/** Some objects of one class. */
export interface Objects {
  readonly meta: EntityMetadata;
  readonly ids: readonly string[];
}

/**
 * Selects what belongs to objects by the names of relations, also along paths such as `comments.author`: what happened
 * to it in the window is undone as well. A constant number of SELECTs for each step of a path.
 */
export class RelatedObjects {
  readonly #deltas: RelatedDeltas;

  constructor(
    private readonly em: EntityManager,
    private readonly window: Window,
    private readonly selection: SelectionBuilder,
  ) {
    this.#deltas = new RelatedDeltas(em, window);
  }

  /** @throws {UnknownRelationError} if a class has no relation of that name */
  async add(owners: Objects, paths: readonly string[]): Promise<void> {
    for (const [step, ofStep] of Map.groupBy(paths, path => path.split('.', 1)[0]!)) {
      const prop = relationOf(owners.meta, step);
      const ids = await this.#addStep(owners, prop);
      const rest = ofStep.map(path => path.slice(step.length + 1)).filter(path => path !== '');
      if (rest.length > 0 && ids.length > 0) await this.add({ meta: prop.targetMeta!, ids }, rest);
    }
  }

  async #addStep(owners: Objects, prop: EntityProperty): Promise<string[]> {
    if (prop.kind === ReferenceKind.MANY_TO_MANY) return this.#addLinks(owners, prop);
    const isOwner = prop.kind === ReferenceKind.MANY_TO_ONE || (prop.kind === ReferenceKind.ONE_TO_ONE && prop.owner);
    const ids = isOwner ? await this.#parents(owners, prop) : await this.#children(owners, prop);
    for (const delta of await this.#deltas.ofObjects(prop.targetMeta!, ids)) this.selection.addWhole(delta);
    return ids;
  }

  /** Objects that refer to the owners now, or did in the window. */
  async #children(owners: Objects, prop: EntityProperty): Promise<string[]> {
    const { targetMeta, mappedBy } = prop;
    const parent = new RowLookup(this.em, owners.meta);
    const lookup = new RowLookup(this.em, targetMeta!);
    const condition = (chunk: readonly string[]): Dictionary => ({
      [mappedBy]: { $in: chunk.map(id => parent.reference(id)) },
    });
    const live = 'after' in this.window ? await lookup.find(owners.ids, condition) : [];
    const recorded = await this.#deltas.withValue(targetMeta!, mappedBy, this.#storedKeys(owners));
    return [...new Set([...live.map(row => lookup.objectId(row)), ...recorded.map(delta => delta.objectId)])];
  }

  /** Objects that the owners refer to now, or did in the window. */
  async #parents(owners: Objects, prop: EntityProperty): Promise<string[]> {
    const lookup = new RowLookup(this.em, owners.meta);
    const rows = 'after' in this.window ? await lookup.byId(owners.ids, [prop.name]) : [];
    const live = rows.map(row => row[prop.name] as Json);
    const recorded = (await this.#deltas.ofObjects(owners.meta, owners.ids)).map(delta => delta.oldValues?.[prop.name]);
    const keys = [...live, ...recorded].filter(key => key !== null && key !== undefined) as Json[];
    return [...new Set(keys.map(key => keyText(parts(key))))];
  }

  /** Links count from the side that owns them. */
  async #addLinks(owners: Objects, prop: EntityProperty): Promise<string[]> {
    if (prop.owner) {
      const deltas = await this.#deltas.ofObjects(owners.meta, owners.ids);
      for (const delta of deltas) this.selection.addPlace(delta, prop.name);
      return [...new Set(deltas.flatMap(delta => targetsOf(delta, prop.name)).map(key => keyText(parts(key))))];
    }
    const found = new Set<string>();
    for (const key of this.#storedKeys(owners)) {
      for (const delta of await this.#deltas.withLink(prop.targetMeta!, prop.mappedBy, key)) {
        this.selection.addPlace(delta, prop.mappedBy, JSON.stringify(key));
        found.add(delta.objectId);
      }
    }
    return [...found];
  }

  #storedKeys({ meta, ids }: Objects): Json[] {
    const columns = keyColumns(meta, this.em.getPlatform());
    return ids.map(id => {
      const values = keyValues(columns, id).map((value, index) => columns[index]!.codec.encode(value));
      return values.length === 1 ? values[0]! : values;
    });
  }
}

function relationOf(meta: EntityMetadata, name: string): EntityProperty {
  const prop = meta.properties[name as never] as EntityProperty | undefined;
  const relations = meta.relations.map(relation => relation.name);
  if (!prop?.targetMeta || !relations.includes(name))
    throw new UnknownRelationError(meta.className, name, relations, 'revert along');
  return prop;
}

function targetsOf({ oldValues, newValues }: RelatedDelta, name: string): Json[] {
  const links = (newValues ?? oldValues)?.[name] as { added: Json[]; removed: Json[] } | undefined;
  return links ? [...links.added, ...links.removed] : [];
}

/** The columns of a stored key. */
function parts(key: Json): Json[] {
  return ([key] as unknown[]).flat(Infinity) as Json[];
}
