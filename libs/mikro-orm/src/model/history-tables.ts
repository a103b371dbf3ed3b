import type { Configuration, EntityMetadata, EntityName, MetadataStorage } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import { AttributeDelta } from './attribute-delta.entity.js';
import { attributeDeltaView } from './attribute-delta.view.js';
import { ExtraColumns } from './extra-columns.js';
import { classOf, type HistoryClasses } from './history-classes.js';
import { ObjectDelta } from './object-delta.entity.js';
import { Revision } from './revision.entity.js';
import { OWN_PROPERTIES } from './schema.js';
import { tableNames, type TableNames } from './tables.js';

/** What an application has added to the tables. */
export interface AddedColumns {
  readonly revision: ExtraColumns;
  readonly objectDelta: ExtraColumns;
}

/** The history's tables of one ORM: as the options name them, and from discovery on as they are mapped. */
export class HistoryTables implements TableNames {
  readonly schema: string | undefined;
  readonly ownSchema: string | undefined;
  readonly attributeDelta: string;
  revision: string;
  objectDelta: string;
  schemas: TableNames['schemas'] & object = {};
  revisionTexts: readonly string[] = [];
  added: AddedColumns | undefined;

  constructor(
    options: { readonly schema?: string; readonly tablePrefix: string },
    config: Pick<Configuration, 'getSchema'>,
    readonly classes: HistoryClasses,
  ) {
    const names = tableNames(options, config);
    this.schema = names.schema;
    this.ownSchema = names.ownSchema;
    this.attributeDelta = names.attributeDelta;
    this.revision = names.revision;
    this.objectDelta = names.objectDelta;
  }

  /** Takes the names from what was discovered, which an application, or the ORM's configuration, may have chosen. */
  map(storage: MetadataStorage, driver: AbstractSqlDriver): void {
    const all = storage.getAll();
    const [revision, delta] = [all.get(this.classes.Revision)!, all.get(this.classes.ObjectDelta)!];
    const view = all.get(AttributeDelta)!;
    // what names no schema lies where the rest does, also for the entity manager of a tenant
    for (const meta of [revision, delta]) meta.schema ??= this.ownSchema;
    this.revision = revision.tableName;
    this.objectDelta = delta.tableName;
    this.schemas = {
      revision: schemaOf(revision, driver),
      objectDelta: schemaOf(delta, driver),
      attributeDelta: schemaOf(view, driver),
    };
    view.expression = attributeDeltaView(this);
    this.added = {
      revision: new ExtraColumns(revision, OWN_PROPERTIES.revision, driver.getPlatform()),
      objectDelta: new ExtraColumns(delta, OWN_PROPERTIES.objectDelta, driver.getPlatform()),
    };
    this.revisionTexts = this.added.revision.texts;
    this.#standIn(storage);
  }

  /** Whoever asks for Revy's own class gets the one in its place, so that nobody has to know whether there is one. */
  #standIn(storage: MetadataStorage): void {
    const find = storage.find.bind(storage) as (name: EntityName) => EntityMetadata;
    const inPlace = new Map<unknown, EntityName>([
      [Revision, this.classes.Revision],
      [ObjectDelta, this.classes.ObjectDelta],
    ]);
    storage.find = ((name: EntityName) => find(inPlace.get(name && classOf(name)) ?? name)) as typeof storage.find;
  }
}

function schemaOf(meta: EntityMetadata, driver: AbstractSqlDriver): string | undefined {
  const schema = driver.getSchemaName(meta, {});
  return schema === driver.getPlatform().getDefaultSchemaName() ? undefined : schema;
}
