import type { EntityManager, EntityMetadata, EntityName, MetadataStorage, MikroORM } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { baseline as recordBaseline } from './baseline/baseline.js';
import type { Bypasses } from './bypass/bypass-entity-manager.js';
import type { NativeCapture } from './bypass/capture-native.js';
import { GuardedConnections } from './bypass/guarded-connection.js';
import { NativeWrites } from './bypass/native-writes.js';
import { QueryGuard } from './bypass/query-guard.js';
import { TrackedTables } from './bypass/tracked-tables.js';
import { installAttribution } from './capture/attribution.js';
import { ConcreteClasses } from './capture/concrete-class.js';
import { noticeMissedRows } from './capture/notice-missed.js';
import { CascadeMap } from './cascade/cascade-map.js';
import { Cascades } from './cascade/cascades.js';
import { NativeCascades } from './cascade/native-cascades.js';
import { CollectionWrites } from './collections/collection-writes.js';
import { loadActors } from './history/load-actors.js';
import { addPastIndexes } from './as-of/past-indexes.js';
import { classOf, historyClasses } from './model/history-classes.js';
import { historySchemas } from './model/schema.js';
import { HistoryTables } from './model/history-tables.js';
import type { ObjectDelta } from './model/object-delta.entity.js';
import type { Revision } from './model/revision.entity.js';
import type { RowAdditions } from './model/row-hook.js';
import { type ResolvedOptions, resolveOptions, type RevyOptions } from './revy.options.js';
import { RevySubscriber } from './revy.subscriber.js';
import { EXTENSION, isTracked, type RevyRuntime } from './runtime.js';
import { type ManagerHooks, trackingClass } from './tracking-entity-manager.js';
import './tracking/property-builder.js';
import { addTriggers } from './triggers/add-triggers.js';
import { TriggerSettings } from './triggers/trigger-settings.js';
import { TrackedEntities } from './tracking/tracked-entities.js';
import { HistoryWriter } from './write/history-writer.js';
import { Recorder } from './write/recorder.js';

/** What `revy()` returns, for the list `extensions` of a MikroORM configuration. */
export interface RevyExtension {
  /** Called by MikroORM. May also be called with an ORM that is running already; a second call does nothing. */
  register(orm: MikroORM): void;
}

/**
 * Records every change that this ORM makes: `MikroORM.init({ extensions: [revy()] })`.
 *
 * Brings the entities {@link Revision}, {@link ObjectDelta} and {@link AttributeDelta}; the schema generator and the
 * migrations pick their tables and view up. A transaction that changes tracked rows sends one statement more.
 *
 * @throws {RevyOptionError} if an option is unknown or has a value that it cannot take
 * @throws {DuplicateTypeError} at discovery, if two tracked classes share a stored type
 * @throws {UnknownAttributeError} at discovery, if a tracking option names a property that does not exist
 */
export function revy<R extends Revision = Revision, D extends ObjectDelta = ObjectDelta>(
  options: RevyOptions<R, D> = {},
): RevyExtension {
  const resolved = resolveOptions(options as RevyOptions);
  return {
    register(orm) {
      if (isTracked(orm)) return;
      const platform = orm.driver.getPlatform();
      const defaultSchema = orm.config.getSchema() ?? platform.getDefaultSchemaName();
      const tables = new HistoryTables(resolved, orm.config, historyClasses(resolved.entities));
      const additions = () => additionsOf(tables, resolved);
      const entities = new TrackedEntities(resolved, platform, defaultSchema);
      const recorder = new Recorder(entities, () => {
        const added = additions();
        return { writer: new HistoryWriter(tables, resolved.keyframeEvery, added?.columns), additions: added };
      });
      const cascades = new CascadeMap(entities);
      const alongFlush = new Cascades(cascades);
      const driver = orm.driver as unknown as AbstractSqlDriver;
      const collections = new CollectionWrites(cascades, alongFlush, new ConcreteClasses(entities), driver);
      const triggers = new TriggerSettings(entities);
      const subscriber = new RevySubscriber(entities, recorder, alongFlush, collections, triggers);
      const writePending = (em: EntityManager) => recorder.writePending(em);
      const discover = (metadata: Iterable<EntityMetadata>) =>
        cascades.discover(metadata, orm.config.get('schemaGenerator'));
      const { classes } = tables;
      const runtime: RevyRuntime = { entities, tables, classes, additions, discover, writePending, loadActors };
      orm.config.registerExtension(EXTENSION, () => runtime);
      orm.config.set('subscribers', [...orm.config.get('subscribers'), subscriber]);
      const dependants = new NativeCascades(cascades);
      const bypasses = bypassesOf(orm, runtime, { entities, recorder, dependants, collections, triggers });
      noticeMissedRows(orm.driver as never);
      const extend: Extend = em => extendEntityManager(em, bypasses, hooksOf(subscriber, cascades, recorder));
      if (orm.em) installInto(orm, { runtime, tables, extend }, subscriber);
      else installBefore(orm, { runtime, tables, extend });
    },
  };
}

/** What is done for a whole class: `revy.baseline`. */
export namespace revy {
  /** Records what the rows of a class are as the beginning of their history: `await revy.baseline(em, Post)`. */
  export const baseline = recordBaseline;
}

/** Without any, rows are written without a detour. */
function additionsOf(tables: HistoryTables, options: ResolvedOptions): RowAdditions | undefined {
  const { onRevision, onObjectDelta, entities } = options;
  if (!tables.added || !(onRevision || onObjectDelta || entities)) return undefined;
  return { classes: tables.classes, columns: tables.added, onRevision, onObjectDelta };
}

interface Installed {
  readonly runtime: RevyRuntime;
  readonly tables: HistoryTables;
  readonly extend: Extend;
}

/** MikroORM 7.2 registers extensions before discovery, when there is no entity manager yet. */
function installBefore(orm: MikroORM, { runtime, tables, extend }: Installed): void {
  const { config, driver } = orm;
  const listed = config.get('entities');
  const schemas = schemasBeside(listed, tables);
  config.set('entities', [...listed, ...schemas] as never);
  if (config.get('entitiesTs')?.length) config.set('entitiesTs', [...config.get('entitiesTs'), ...schemas] as never);
  const discovery = config.get('discovery');
  config.set('discovery', {
    ...discovery,
    async afterDiscovered(storage, platform) {
      await discovery.afterDiscovered?.(storage, platform);
      tables.map(storage, driver as unknown as AbstractSqlDriver);
      onDecorate(storage, runtime);
    },
  });
  const createEntityManager = driver.createEntityManager.bind(driver) as (useContext?: boolean) => EntityManager;
  driver.createEntityManager = (useContext?: boolean) => extend(createEntityManager(useContext)) as never;
}

/** What the history needs beside the entities that the application lists itself. */
function schemasBeside(listed: readonly unknown[], tables: HistoryTables): EntityName[] {
  const classes = new Set(listed.map(entity => classOf(entity as EntityName)));
  return historySchemas(tables, tables.classes).filter(schema => !classes.has(classOf(schema)));
}

function installInto(orm: MikroORM, { runtime, tables, extend }: Installed, subscriber: RevySubscriber): void {
  orm.discoverEntity(historySchemas(tables, tables.classes) as never);
  tables.map(orm.getMetadata(), orm.driver as unknown as AbstractSqlDriver);
  install(orm.getMetadata(), runtime);
  onDecorate(orm.getMetadata(), runtime);
  orm.em.getEventManager().registerSubscriber(subscriber);
  extend(orm.em);
}

/** MikroORM puts its accessors on the prototypes in `decorate`, also for entities that are discovered later. */
function onDecorate(storage: MetadataStorage, runtime: RevyRuntime): void {
  const decorate = storage.decorate.bind(storage);
  storage.decorate = em => {
    decorate(em);
    install(storage, runtime);
  };
}

function install(storage: MetadataStorage, { entities, tables, discover }: RevyRuntime): void {
  const { keyframeEvery, maskWith } = entities.options;
  for (const { meta, isTracked } of entities.add(storage)) {
    if (isTracked) installAttribution(meta);
  }
  addPastIndexes(storage, tables, entities);
  addTriggers(storage, entities, { tables, keyframeEvery, maskWith });
  discover(storage);
}

function bypassesOf(orm: MikroORM, { entities, tables }: RevyRuntime, capture: NativeCapture): Bypasses {
  const guard = new QueryGuard(entities, new TrackedTables(entities, tables), orm.config, capture.triggers);
  return { guard, native: new NativeWrites(orm, capture, guard), connections: new GuardedConnections(guard) };
}

function hooksOf(subscriber: RevySubscriber, cascades: CascadeMap, { logs }: Recorder): ManagerHooks {
  return {
    onFlushFailure: (em, error) => subscriber.flushFailed(em, error),
    onFork: (fork, parent) => cascades.share(fork, parent),
    onClaim: entity => logs.outdated(entity),
  };
}

type Extend = (em: EntityManager) => EntityManager;

function extendEntityManager(em: EntityManager, bypasses: Bypasses, hooks: ManagerHooks): EntityManager {
  const extended = trackingClass(em.constructor as never, bypasses, hooks);
  return Object.setPrototypeOf(em, extended.prototype as object) as EntityManager;
}
