import type { EntityManager } from '@mikro-orm/core';
import type { Actor } from '../context/actor.js';
import type { PageOptions } from '../history/filter/history-filter.js';
import { loadActor } from '../history/load-actors.js';
import { cursorOf, Page, pageRange } from '../history/page.js';
import { type ObjectPoint, pointCondition, type PointCondition } from '../history/point.js';
import { query } from '../history/query.js';
import type { Target } from '../history/target.js';
import { UnknownRevisionError, UnknownVersionError } from '../history/point.errors.js';
import { runtimeOf } from '../runtime.js';
import { hydrateRevision } from '../snapshot/hydrate.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { Version, type VersionData, type VersionSource } from './version.js';
import { VersionStates } from './version-states.js';
import { versionAtStatement, type VersionAtRow, type VersionRow, versionsStatement } from './versions.query.js';

/** In which order versions are listed, how many, and from where on. */
export interface VersionOptions extends Pick<PageOptions, 'order' | 'limit'> {
  /** The `next` of the page before. */
  readonly after?: string | null;
}

/** Where a version stands among those that were read with it. */
interface Place<T extends object> {
  /** The id of the delta that made it. */
  readonly id: string;
  readonly previous: Version<T> | undefined;
  next: Version<T> | undefined;
}

/** Reads the versions of one object. */
export class ObjectVersions<T extends object> implements VersionSource<T> {
  readonly #places = new WeakMap<Version<T>, Place<T>>();
  readonly #states: VersionStates<T>;

  constructor(
    private readonly em: EntityManager,
    private readonly target: Target,
  ) {
    this.#states = new VersionStates(em, target);
  }

  /** One SELECT. */
  async page(options: VersionOptions): Promise<Page<Version<T>>> {
    const { order, after, limit = Infinity } = pageRange(options, 'versions');
    const rows = await this.#read(order, after, options.limit);
    const hasSuccessor =
      order === 'asc' ? rows.length > limit : rows.some(({ id }) => Number(id) >= (after ?? Infinity));
    const versions = this.#versions(rows, hasSuccessor);
    const shown = order === 'asc' ? versions : versions.toReversed().slice(0, limit);
    const isMore = order === 'asc' ? hasSuccessor : versions.length > limit;
    return new Page(shown, isMore ? cursorOf(Number(this.#places.get(shown.at(-1)!)!.id), 'versions') : null);
  }

  /** One SELECT, and one more for each version that a shared revision makes appear earlier than the one before it. */
  async at(point: ObjectPoint): Promise<Version<T> | null> {
    const condition = pointCondition(point);
    const statement = versionAtStatement(runtimeOf(this.em).tables, condition);
    const found = await query<VersionAtRow>(this.em, statement, [...this.#object(), condition.value]);
    this.#refuseUnknownPoint(condition, found[0]!);
    const rows = found.filter(row => row.id !== null) as (VersionAtRow & VersionRow)[];
    const versions = this.#versions(rows, rows.at(-1)?.id !== rows[0]?.target);
    let version = versions.find(one => this.#places.get(one)!.id === rows[0]!.target) ?? null;
    while (version && point instanceof Date && version.validFrom > point) version = await version.previous();
    return version;
  }

  actor({ actorType, actorId }: Version<T>): Promise<Actor | undefined> {
    return loadActor(this.em, { actorType, actorId });
  }

  state(version: Version<T>): Promise<T | null> {
    return this.#states.of({ number: version.number, id: this.#places.get(version)!.id });
  }

  async neighbour(version: Version<T>, side: 'previous' | 'next'): Promise<Version<T> | null> {
    const place = this.#places.get(version)!;
    if (place[side]) return place[side];
    const order = side === 'next' ? 'asc' : 'desc';
    const [found] = await this.page({ order, after: cursorOf(Number(place.id), 'versions'), limit: 1 });
    return found ?? null;
  }

  #object(): [type: string, objectId: string] {
    return [this.target.type, this.target.objectId];
  }

  #read(order: 'asc' | 'desc', after: number | undefined, limit: number | undefined): Promise<VersionRow[]> {
    const statement = versionsStatement(runtimeOf(this.em).tables, order);
    return query<VersionRow>(this.em, statement, [...this.#object(), after ?? null, limit ?? null]);
  }

  /** Versions of rows in ascending order; a last row that only ends the version before it is none. */
  #versions(rows: readonly VersionRow[], isLastOnlyEnd: boolean): Version<T>[] {
    const reader = this.em.fork({ keepTransactionContext: true });
    const starts = startsOf(rows);
    const versions: Version<T>[] = [];
    for (const [index, row] of rows.slice(0, isLastOnlyEnd ? -1 : undefined).entries()) {
      const validity = { validFrom: starts[index]!, validUntil: starts[index + 1] ?? null };
      const version = new Version<T>({ ...this.#data(row, reader), ...validity }, this);
      const previous = versions.at(-1);
      if (previous) this.#places.get(previous)!.next = version;
      this.#places.set(version, { id: row.id, previous, next: undefined });
      versions.push(version);
    }
    return versions;
  }

  #data(row: VersionRow, reader: EntityManager): Omit<VersionData, 'validFrom' | 'validUntil'> {
    return {
      number: row.version,
      action: row.action,
      revision: () => hydrateRevision(reader, row.revision),
      actorType: row.actor_type,
      actorId: row.actor_id,
      description: row.description,
      changed: propertiesOf(this.target.tracked, row.changed),
    };
  }

  #refuseUnknownPoint(
    { kind, value }: PointCondition,
    { point_exists: exists, last_version: last }: VersionAtRow,
  ): void {
    if (!exists) throw new UnknownRevisionError(value);
    if (kind !== 'version' || Number(value) <= (last ?? 0)) return;
    throw new UnknownVersionError(this.target.tracked.meta.className, this.target.objectId, value, last ?? 0);
  }
}

/** No version begins before the one before it, whatever the time of a revision that several transactions share. */
function startsOf(rows: readonly VersionRow[]): Date[] {
  let latest = Number(new Date(rows[0]?.floor ?? 0));
  return rows.map(row => new Date((latest = Math.max(latest, Number(new Date(row.recorded_at))))));
}

/** Properties of the class that attributes belong to, in its order; at the end what it does not have any more. */
function propertiesOf(tracked: TrackedEntity, attributes: readonly string[]): string[] {
  const properties = new Set(attributes.map(name => tracked.propertyOf(name)));
  const known = tracked.meta.props.map(({ name }) => name as string).filter(name => properties.delete(name));
  return [...known, ...properties];
}
