import type { AutoPath, EntityManager, EntityName, Primary, RequiredEntityData } from '@mikro-orm/core';
import { concreteTarget } from '../history/concrete-target.js';
import type { PageOptions, RevisionFilter } from '../history/filter/history-filter.js';
import { type ObjectPoint, pointCondition } from '../history/point.js';
import { type Target, targetOf } from '../history/target.js';
import { UnknownAttributeError } from '../revy.errors.js';
import { UnknownVersionError } from '../history/point.errors.js';
import { SnapshotService } from '../snapshot/snapshot.service.js';
import { copiedValues } from './copied-values.js';
import { namedRevisions, type RevisionRef } from './named-revisions.js';
import { type Objects, RelatedObjects } from './related.js';
import { revert, type RevertOptions } from './revert.js';
import { inOwnSchema } from './own-schema.js';
import { NothingToRevertError } from './revert.errors.js';
import type { RevertPlan } from './revert-plan.js';
import { lastDeletion, readSteps } from './steps.query.js';
import { deltasOf, everything, idsSince, SelectionBuilder } from './selection.js';

/** How {@link RevertService.revision} reverts. */
export interface RevertRevisionOptions extends RevertOptions {
  /**
   * Which of the objects that the revisions changed are put back, by their stored type and id.
   *
   * @defaultValue all of them
   */
  readonly only?: (object: { readonly objectType: string; readonly objectId: string }) => boolean;
}

/** How {@link RevertService.toVersion} reverts. */
export interface ToVersionOptions<T extends object, Hint extends string = never> extends RevertOptions {
  /**
   * What comes along to the same point: children, links and parents, by the names of relations; also paths, such as
   * `'comments.author'`. Without it an object's own columns are put back, and its links stay.
   */
  readonly relations?: readonly AutoPath<T, Hint>[];
}

/** How {@link RevertService.undelete} reverts. */
export interface UndeleteOptions<T extends object, Hint extends string = never> extends RevertOptions {
  /** What comes back along with it, if the same revision took it away: children and links, by the names of relations. */
  readonly with?: readonly AutoPath<T, Hint>[];
}

/**
 * Puts earlier states back. Every call plans first what it will do and what is in its way, and by default refuses to
 * overwrite what was changed since. What it does is an ordinary change: it is recorded as a revision that names in
 * `reverts` what it undid, with the actor and description of the context, and can be reverted in turn.
 *
 * Entities that other entity managers have loaded are not told: refresh them.
 */
export class RevertService {
  readonly #em: EntityManager;

  /** @param em any entity manager of an ORM with the extension; its transaction is used, its identity map is not */
  constructor(em: EntityManager) {
    this.#em = em;
  }

  /**
   * Undoes all that revisions did: what they created is deleted, what they deleted comes back, and what they changed is
   * as it was, with its links. The transaction takes some ten statements, and one more for each class, relation and
   * unique constraint that is touched. For more objects there are more only as rows are read 10,000 at a time, and
   * written in MikroORM's batches, which its option `batchSize` sets.
   *
   * @param revisions ids, revisions, or one of either; or what `HistoryService.revisions` takes, to undo all that
   * it finds: one user's afternoon, an import by its metadata
   * @returns the plan that was carried out
   * @throws {RevertConflictError} with the plan, if something is in the way and `onConflict` does not say what to do
   * @throws {UnknownRevisionError} if there is no such revision
   * @throws {NothingToRevertError} if a filter finds no revision
   * @throws {UnusableFilterError} if a filter says nothing, or has a value that is undefined: it would undo too much
   * @throws {SeveralSchemasError} if the revisions changed objects in the schemas of several tenants
   */
  async revision<T extends object = object>(
    revisions: RevisionRef | readonly RevisionRef[] | (RevisionFilter<T> & PageOptions),
    options: RevertRevisionOptions = {},
  ): Promise<RevertPlan> {
    const { only = () => true } = options;
    return this.#onPrimary(async em => {
      const ids = await namedRevisions(em, revisions);
      const deltas = (await deltasOf(em, ids)).filter(({ type, objectId }) => only({ objectType: type, objectId }));
      const selection = everything(deltas.map(({ id }) => id));
      return revert(inOwnSchema(em, ids, deltas), 'revision', selection, options);
    });
  }

  /**
   * Puts one object back to how it was at a point, which becomes a new version: its columns, and with `relations` what
   * belongs to it. At a version that was a deletion, or at a point before it was made, it is deleted.
   *
   * @param version a point, the number of a version from 1, or from -1 how many versions back
   * @throws {RevertConflictError} with the plan, if a row is in the way and `onConflict` does not say what to do
   * @throws {UnknownVersionError} if the object has no such version
   * @throws {UnknownRelationError} if a class has no such relation
   */
  async toVersion<T extends object, Hint extends string = never>(
    entity: EntityName<T>,
    key: Primary<T>,
    version: number | ObjectPoint,
    options: ToVersionOptions<T, Hint> = {},
  ): Promise<RevertPlan> {
    return this.#onPrimary(async em => {
      const target = await concreteTarget(em, targetOf(em, entity, key));
      const point = await this.#pointOf(em, entity, key, version);
      const selection = new SelectionBuilder();
      for (const id of await idsSince(em, target, pointCondition(point))) {
        selection.addWhole({ id, ...nameOf(target) }, { withLinks: false });
      }
      const { relations = [] } = options;
      if (relations.length > 0) {
        const after = pointCondition(await this.#sharedPoint(em, entity, key, point));
        await new RelatedObjects(em, { after }, selection).add(ownersOf(target), relations as readonly string[]);
      }
      return revert(em, 'version', selection, options);
    });
  }

  /**
   * Puts one attribute of an object back to its value at a point.
   *
   * @throws {UnknownAttributeError} if the class has no such attribute
   * @throws {RevertConflictError} with the plan, if a row is in the way and `onConflict` does not say what to do
   */
  async attribute<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    attribute: Extract<keyof T, string>,
    version: number | ObjectPoint,
    options: RevertOptions = {},
  ): Promise<RevertPlan> {
    return this.#onPrimary(async em => {
      const target = await concreteTarget(em, targetOf(em, entity, key));
      const names = columnsOf(target, attribute);
      const point = await this.#pointOf(em, entity, key, version);
      const selection = new SelectionBuilder();
      for (const id of await idsSince(em, target, pointCondition(point))) {
        for (const name of names) selection.addPlace({ id, ...nameOf(target) }, name);
      }
      return revert(em, 'attribute', selection, options);
    });
  }

  /**
   * Brings a deleted object back, with its own key, and with what `with` names of the things that the same revision
   * took away. A sequence that stands behind the key is moved past it.
   *
   * @throws {NothingToRevertError} if the object was never deleted
   * @throws {RevertConflictError} with the plan, if a row is in the way and `onConflict` does not say what to do
   */
  async undelete<T extends object, Hint extends string = never>(
    entity: EntityName<T>,
    key: Primary<T>,
    options: UndeleteOptions<T, Hint> = {},
  ): Promise<RevertPlan> {
    return this.#onPrimary(async em => {
      const target = await concreteTarget(em, targetOf(em, entity, key));
      const deletion = await lastDeletion(em, target);
      if (!deletion) throw new NothingToRevertError('undelete', target.tracked.meta.className, target.objectId);
      const selection = new SelectionBuilder();
      selection.addWhole({ id: deletion.id, ...nameOf(target) }, { withLinks: false });
      const { with: relations = [] } = options;
      if (relations.length > 0) {
        const related = new RelatedObjects(em, { revision: deletion.revision }, selection);
        await related.add(ownersOf(target), relations as readonly string[]);
      }
      return revert(em, 'undelete', selection, options);
    });
  }

  /**
   * Takes the last change of an object back; called again, the one before. Other objects stay as they are.
   *
   * @throws {NothingToRevertError} if there is none left
   */
  undo<T extends object>(entity: EntityName<T>, key: Primary<T>, options: RevertOptions = {}): Promise<RevertPlan> {
    return this.#step(entity, key, 'undo', options);
  }

  /**
   * Takes the last {@link RevertService.undo} of an object back, as long as nothing else has changed it since.
   *
   * @throws {NothingToRevertError} if there is none
   */
  redo<T extends object>(entity: EntityName<T>, key: Primary<T>, options: RevertOptions = {}): Promise<RevertPlan> {
    return this.#step(entity, key, 'redo', options);
  }

  /**
   * A new object with the values that an old one had at a point; the old one is not touched. It is created in the entity
   * manager of this service and stored by the next flush, under a key of its own.
   *
   * To-one relations point to the same objects; collections stay empty, and what is unknown is left out. One or two
   * SELECTs, as {@link SnapshotService.at}.
   *
   * @param values win over the old ones: a key that nothing generates, or what is unique
   * @throws {NothingToRevertError} if the object did not exist then
   */
  async copy<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    version: number | ObjectPoint,
    values: Partial<RequiredEntityData<T>> = {},
  ): Promise<T> {
    const em = this.#em.getContext(false);
    const snapshot = await new SnapshotService(em).at(entity, key, await this.#pointOf(em, entity, key, version));
    const target = targetOf(em, entity, key);
    if (!snapshot) throw new NothingToRevertError('copy', target.tracked.meta.className, target.objectId);
    const { meta } = (await concreteTarget(em, target)).tracked;
    const data = { ...copiedValues(meta, snapshot.entity, snapshot.unknown), ...values };
    return em.create(meta.class as EntityName<T>, data as RequiredEntityData<T>);
  }

  async #step<T extends object>(
    entity: EntityName<T>,
    key: Primary<T>,
    step: 'undo' | 'redo',
    options: RevertOptions,
  ): Promise<RevertPlan> {
    return this.#onPrimary(async em => {
      const target = await concreteTarget(em, targetOf(em, entity, key));
      const delta = (await readSteps(em, target))[step];
      if (delta === undefined) throw new NothingToRevertError(step, target.tracked.meta.className, target.objectId);
      const selection = new SelectionBuilder();
      selection.addWhole({ id: delta, ...nameOf(target) });
      return revert(em, step, selection, options);
    });
  }

  /** A version that is counted from an end as a point, which is known to exist. */
  async #pointOf<T extends object>(
    em: EntityManager,
    entity: EntityName<T>,
    key: Primary<T>,
    version: number | ObjectPoint,
  ): Promise<ObjectPoint> {
    const snapshots = new SnapshotService(em);
    if (typeof version !== 'number') {
      await snapshots.at(entity, key, version, { includeDeleted: true });
      return version;
    }
    const latest = await snapshots.at(entity, key, undefined, { includeDeleted: true });
    const last = latest?.version ?? 0;
    const number = version < 0 ? last + version : version;
    if (!Number.isSafeInteger(version) || number < 1 || number > last) {
      const { tracked, objectId } = targetOf(em, entity, key);
      throw new UnknownVersionError(tracked.meta.className, objectId, version, last);
    }
    return { version: number };
  }

  /** The number of a version means nothing to other objects: its revision does. */
  async #sharedPoint<T extends object>(
    em: EntityManager,
    entity: EntityName<T>,
    key: Primary<T>,
    point: ObjectPoint,
  ): Promise<ObjectPoint> {
    if (!('version' in point)) return point;
    const snapshot = await new SnapshotService(em).at(entity, key, point, { includeDeleted: true });
    return { revision: snapshot!.revision!.id };
  }

  /** What is put back is read on the primary: where the application has replicas, in a transaction. */
  async #onPrimary<Result>(work: (em: EntityManager) => Promise<Result>): Promise<Result> {
    const em = this.#em.getContext(false).fork({ keepTransactionContext: true });
    const hasReplicas = (em.config.get('replicas')?.length ?? 0) > 0;
    return hasReplicas && !em.isInTransaction() ? em.transactional(work, { clear: true }) : work(em);
  }
}

function nameOf({ type, objectId }: Target): { type: string; objectId: string } {
  return { type, objectId };
}

function ownersOf({ tracked, objectId }: Target): Objects {
  return { meta: tracked.meta, ids: [objectId] };
}

/** The columns of an attribute; an inline embeddable has several. */
function columnsOf({ tracked }: Target, attribute: string): string[] {
  const columns = [...tracked.attributes.values()].filter(
    ({ name, prop }) => name === attribute || prop.embedded?.[0] === attribute,
  );
  const names = [...columns.map(column => column.name), ...tracked.collections.keys()];
  const found = names.filter(name => columns.some(column => column.name === name) || name === attribute);
  if (found.length === 0) throw new UnknownAttributeError(tracked.meta.className, attribute, names);
  return found;
}
