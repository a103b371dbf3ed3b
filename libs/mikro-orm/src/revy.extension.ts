import type { EntityManager, EntityMetadata, MetadataStorage, MikroORM } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { baseline } from './baseline/baseline.js';
import type { Bypasses } from './bypass/bypass-entity-manager.js';
import { GuardedConnections } from './bypass/guarded-connection.js';
import { NativeWrites } from './bypass/native-writes.js';
import { QueryGuard } from './bypass/query-guard.js';
import { TrackedTables } from './bypass/tracked-tables.js';
import { installAttribution } from './capture/attribution.js';
import { Cascades } from './cascade/cascades.js';
import { loadActors } from './history/load-actors.js';
import { historyClasses } from './model/history-classes.js';
import { historySchemas } from './model/schema.js';
import { HistoryTables } from './model/history-tables.js';
import type { ObjectDelta } from './model/object-delta.entity.js';
import type { Revision } from './model/revision.entity.js';
import type { RowAdditions } from './model/row-hook.js';
import { type ResolvedOptions, resolveOptions, type RevyOptions } from './revy.options.js';
import { RevySubscriber } from './revy.subscriber.js';
import { EXTENSION, isTracked, type RevyRuntime } from './runtime.js';
import { trackingClass } from './tracking-entity-manager.js';
import './tracking/property-builder.js';
import { TrackedEntities } from './tracking/tracked-entities.js';
import { HistoryWriter } from './write/history-writer.js';
import { Recorder } from './write/recorder.js';

/** What {@link revy} returns, for the list `extensions` of a MikroORM configuration. */
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
      const tables = new HistoryTables(resolved, historyClasses(resolved.entities));
      const additions = () => additionsOf(tables, resolved);
      const entities = new TrackedEntities(resolved, orm.driver.getPlatform());
      const recorder = new Recorder(entities, () => {
        const added = additions();
        return { writer: new HistoryWriter(tables, resolved.keyframeEvery, added?.columns), additions: added };
      });
      const cascades = new Cascades(entities);
      const subscriber = new RevySubscriber(entities, recorder, cascades);
      const writePending = (em: EntityManager) => recorder.writePending(em);
      const discover = (metadata: Iterable<EntityMetadata>) =>
        cascades.discover(metadata, orm.config.get('schemaGenerator'));
      const { classes } = tables;
      const runtime: RevyRuntime = { entities, tables, classes, additions, discover, writePending, loadActors };
      orm.config.registerExtension(EXTENSION, () => runtime);
      orm.config.set('subscribers', [...orm.config.get('subscribers'), subscriber]);
      const bypasses = bypassesOf(orm, runtime, recorder);
      if (orm.em) installInto(orm, { runtime, tables, bypasses }, subscriber);
      else installBefore(orm, { runtime, tables, bypasses });
    },
  };
}

revy.baseline = baseline;

/** Without any, rows are written without a detour. */
function additionsOf(tables: HistoryTables, options: ResolvedOptions): RowAdditions | undefined {
  const { onRevision, onObjectDelta, entities } = options;
  if (!tables.added || !(onRevision || onObjectDelta || entities)) return undefined;
  return { classes: tables.classes, columns: tables.added, onRevision, onObjectDelta };
}

interface Installed {
  readonly runtime: RevyRuntime;
  readonly tables: HistoryTables;
  readonly bypasses: Bypasses;
}

/** MikroORM 7.2 registers extensions before discovery, when there is no entity manager yet. */
function installBefore(orm: MikroORM, { runtime, tables, bypasses }: Installed): void {
  const { config, driver } = orm;
  const listed = config.get('entities');
  const schemas = historySchemas(tables, tables.classes).filter(schema => !listed.includes(schema as never));
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
  driver.createEntityManager = (useContext?: boolean) =>
    extendEntityManager(createEntityManager(useContext), bypasses) as never;
}

function installInto(orm: MikroORM, { runtime, tables, bypasses }: Installed, subscriber: RevySubscriber): void {
  orm.discoverEntity(historySchemas(tables, tables.classes) as never);
  tables.map(orm.getMetadata(), orm.driver as unknown as AbstractSqlDriver);
  install(orm.getMetadata(), runtime);
  onDecorate(orm.getMetadata(), runtime);
  orm.em.getEventManager().registerSubscriber(subscriber);
  extendEntityManager(orm.em, bypasses);
}

/** MikroORM puts its accessors on the prototypes in `decorate`, also for entities that are discovered later. */
function onDecorate(storage: MetadataStorage, runtime: RevyRuntime): void {
  const decorate = storage.decorate.bind(storage);
  storage.decorate = em => {
    decorate(em);
    install(storage, runtime);
  };
}

function install(storage: Iterable<EntityMetadata>, { entities, discover }: RevyRuntime): void {
  for (const { meta, isTracked } of entities.add(storage)) {
    if (isTracked) installAttribution(meta);
  }
  discover(storage);
}

function bypassesOf(orm: MikroORM, { entities, tables }: RevyRuntime, recorder: Recorder): Bypasses {
  const guard = new QueryGuard(entities, new TrackedTables(entities, tables), orm.config);
  const native = new NativeWrites(orm, { entities, recorder, beforeDelete: async () => [] }, guard);
  return { guard, native, connections: new GuardedConnections(guard) };
}

function extendEntityManager(em: EntityManager, bypasses: Bypasses): EntityManager {
  const extended = trackingClass(em.constructor as never, bypasses);
  return Object.setPrototypeOf(em, extended.prototype as object) as EntityManager;
}
