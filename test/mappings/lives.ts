import { inspect } from 'node:util';
import {
  type EntityClass,
  type EntityMetadata,
  EntityHelper,
  type EntityProperty,
  helper,
  Reference,
  ReferenceKind,
  Utils,
} from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SnapshotService } from '@revy/mikro-orm';
import type { TestOrm } from '../support/orm.js';

interface Sight {
  readonly revision: number;
  /** Images of the live objects, by class and key. */
  readonly images: ReadonlyMap<string, unknown>;
}

/** One object at one moment. */
interface Shown {
  readonly revision: number;
  readonly name: string;
  readonly askedBy: string;
  readonly found: unknown;
  readonly unknown: readonly string[];
}

export interface LivesOptions {
  /** Properties that a snapshot does not know, by class: all that may stand in `snapshot.unknown`. */
  readonly unknown?: Readonly<Record<string, readonly string[]>>;
}

/**
 * The live rows of some classes, loaded by MikroORM itself after each flush, as the witness of what snapshots say of
 * each object at each of these moments.
 */
export class Lives {
  readonly #sights: Sight[] = [];
  readonly #objects = new Map<string, object>();

  /** @param classes the roots of hierarchies stand for all of them */
  constructor(
    private readonly test: TestOrm,
    private readonly classes: readonly EntityClass<object>[],
    private readonly options: LivesOptions = {},
  ) {}

  async flush(em: EntityManager): Promise<void> {
    await em.flush();
    await this.look();
  }

  /** Loads every object, and keeps what it is now. */
  async look(): Promise<void> {
    const [row] = await this.test.database.query<{ id: number }>(
      'select coalesce(max(id), 0)::int as id from revy_revision',
    );
    const images = new Map<string, unknown>();
    for (const entity of await this.#load()) {
      const name = nameOf(entity);
      this.#objects.set(name, entity);
      images.set(name, image(entity, this.#unknownOf(helper(entity).__meta)));
    }
    this.#sights.push({ revision: row!.id, images });
  }

  /** What was seen of every object, at each moment, by each class that it may be asked for by: nothing or its image. */
  get seen(): Shown[] {
    return this.#sights.flatMap(({ revision, images }) =>
      [...this.#objects].flatMap(([name, entity]) => {
        const { __meta: meta } = helper(entity);
        const found = images.get(name) ?? null;
        const unknown = found ? this.#unknownOf(meta).toSorted() : [];
        return classesOf(meta).map(({ name: askedBy }) => ({ revision, name, askedBy, found, unknown }));
      }),
    );
  }

  /** The same as snapshots tell it; to be compared with `toStrictEqual`. */
  async shown(): Promise<Shown[]> {
    const snapshots = new SnapshotService(this.test.orm.em.fork());
    const shown: Shown[] = [];
    for (const { revision } of this.#sights) {
      for (const [name, entity] of this.#objects) {
        const { __meta: meta } = helper(entity);
        for (const askedBy of classesOf(meta)) {
          const snapshot = await snapshots.at(askedBy, entity as never, { revision });
          const found = snapshot && image(snapshot.entity, this.#unknownOf(meta));
          const unknown = snapshot?.unknown.toSorted() ?? [];
          shown.push({ revision, name, askedBy: askedBy.name, found, unknown });
        }
      }
    }
    return shown;
  }

  #unknownOf({ className }: EntityMetadata): readonly string[] {
    return this.options.unknown?.[className] ?? [];
  }

  /** Each object by its own class: found by another one, MikroORM 7.2 does not always have all of its columns. */
  async #load(): Promise<object[]> {
    const found: object[] = [];
    for (const entityClass of this.classes) {
      for (const entity of await this.test.orm.em.fork().find(entityClass, {}, { filters: false })) {
        const { __meta: meta } = helper(entity);
        const populate = meta.props.filter(prop => prop.lazy && prop.kind === ReferenceKind.SCALAR);
        const key = helper(entity).getPrimaryKey() as object;
        const em = this.test.orm.em.fork();
        const names = populate.map(prop => prop.name);
        found.push(await em.findOneOrFail(meta.class, key, { filters: false, populate: names as never }));
      }
    }
    return found;
  }
}

/** Empties every table, the history's included. */
export async function empty({ database }: TestOrm): Promise<void> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  await database.query(`truncate ${tables.map(({ name }) => name).join(', ')} restart identity cascade`);
}

/** Action, object, old and new values of each delta, in order. */
export async function summary(test: TestOrm): Promise<unknown[]> {
  return (await test.deltas()).map(row => [row.action, row.object, row.old, row.new]);
}

function nameOf(entity: object): string {
  const { __meta: meta } = helper(entity);
  return `${meta.root.className} ${inspect(plain(helper(entity).getPrimaryKeys()))}`;
}

/** The class of an object, and those that it shares its table or its key with. */
function classesOf(meta: EntityMetadata): EntityClass<object>[] {
  const classes: EntityClass<object>[] = [];
  let current: unknown = meta.class;
  while (typeof current === 'function' && current !== Function.prototype) {
    if (current === meta.root.class || current.prototype instanceof meta.root.class) {
      classes.push(current as EntityClass<object>);
    }
    current = Object.getPrototypeOf(current);
  }
  return classes;
}

/** What an object holds, with the class of each value that is none of the language's own. */
function image(entity: object, without: readonly string[]): Record<string, unknown> {
  const { __meta: meta } = helper(entity);
  const values = meta.props
    .filter(prop => isHeld(prop) && !without.includes(prop.name))
    .map(prop => [prop.name, valueOf(entity, prop)]);
  return { class: meta.className, isInstance: entity instanceof meta.class, ...Object.fromEntries(values) };
}

/** MikroORM 7.2 clears a polymorphic relation by its discriminator alone, and leaves it out where it reads that. */
function valueOf(entity: object, prop: EntityProperty): unknown {
  const value = plain((entity as Record<string, unknown>)[prop.name]);
  return prop.polymorphic ? (value ?? null) : value;
}

function isHeld(prop: EntityProperty): boolean {
  const isCollection = prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY;
  const isInverse = prop.kind === ReferenceKind.ONE_TO_ONE && !prop.owner;
  return !isCollection && !isInverse && !prop.embedded && prop.persist !== false;
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Reference.isReference(value) || Utils.isScalarReference(value)) return plain(value.unwrap());
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date || value instanceof Uint8Array) return value;
  if (EntityHelper.isEntity(value)) return nameOf(value);
  const values = Object.entries(value).map(([name, each]) => [name, plain(each)]);
  return { class: value.constructor.name, ...Object.fromEntries(values) };
}
