import { defineEntity, type EntityName, p } from '@mikro-orm/core';
import { AttributeDelta } from './attribute-delta.entity.js';
import { attributeDeltaView } from './attribute-delta.view.js';
import type { HistoryClasses } from './history-classes.js';
import type { Json, JsonRecord } from './json.js';
import { ObjectDelta, type StoredAttribution } from './object-delta.entity.js';
import { Revision } from './revision.entity.js';
import type { TableNames } from './tables.js';

const REVISION_PROPERTIES = {
  id: () => p.bigint('number').primary().autoincrement(),
  recordedAt: () => p.datetime(6).defaultRaw('clock_timestamp()'),
  description: () => p.text().nullable(),
  actorType: () => p.text().nullable(),
  actorId: () => p.text().nullable(),
  metadata: () => p.json<Record<string, unknown>>().nullable(),
  transactionId: () => p.bigint('string').nullable(),
  reverts: () => p.bigint('number').nullable(),
};

const OBJECT_DELTA_PROPERTIES = {
  id: () => p.bigint('number').primary().autoincrement(),
  action: () => p.text().$type<ObjectDelta['action']>(),
  objectType: () => p.text(),
  objectId: () => p.text(),
  version: () => p.integer(),
  actorType: () => p.text().nullable(),
  actorId: () => p.text().nullable(),
  description: () => p.text().nullable(),
  oldValues: () => p.json<JsonRecord>().nullable(),
  newValues: () => p.json<JsonRecord>().nullable(),
  attributions: () => p.json<Record<string, StoredAttribution[]>>().nullable(),
  state: () => p.json<JsonRecord>().nullable().lazy(),
};

/** The properties that each of the two has, whatever an application adds. */
export const OWN_PROPERTIES = {
  revision: new Set([...Object.keys(REVISION_PROPERTIES), 'objectDeltas']),
  objectDelta: new Set([...Object.keys(OBJECT_DELTA_PROPERTIES), 'revision']),
} as const;

interface Builder {
  '~options': { readonly kind?: string };
  assignOptions(options: { fieldName: string }): Builder;
}

/** Gives each property the column that our own SQL knows it by: the ORM may have any naming strategy. */
function inColumns<Properties extends object>(properties: Properties): Properties {
  const named = Object.entries(properties).map(([name, property]: [string, Builder | (() => Builder)]) => {
    const column = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
    return [name, typeof property === 'function' ? () => inColumn(property(), column) : inColumn(property, column)];
  });
  return Object.fromEntries(named) as Properties;
}

function inColumn(property: Builder, column: string): Builder {
  return property.assignOptions({ fieldName: property['~options'].kind === 'm:1' ? `${column}_id` : column });
}

/** Where a class is replaced by one of the application's, it is what that one inherits its properties from. */
function placeOf(table: 'revision' | 'objectDelta', tables: TableNames, isReplaced: boolean) {
  return isReplaced ? { abstract: true } : { tableName: tables[table], schema: tables.ownSchema };
}

function revisionSchema(tables: TableNames, classes: HistoryClasses) {
  return defineEntity({
    class: Revision,
    ...placeOf('revision', tables, classes.Revision !== Revision),
    properties: {
      ...inColumns(REVISION_PROPERTIES),
      objectDeltas: () => p.oneToMany(classes.ObjectDelta).mappedBy('revision').orderBy({ id: 'asc' }),
    },
  });
}

function objectDeltaSchema(tables: TableNames, classes: HistoryClasses) {
  const { id, ...properties } = OBJECT_DELTA_PROPERTIES;
  return defineEntity({
    class: ObjectDelta,
    ...placeOf('objectDelta', tables, classes.ObjectDelta !== ObjectDelta),
    indexes: [
      { name: `${tables.objectDelta}_object_index`, properties: ['objectType', 'objectId', 'id'] },
      // BRIN: ids rise with the physical order, so this costs a write next to nothing
      { name: `${tables.objectDelta}_revision_index`, properties: ['revision'], type: 'brin' },
    ],
    properties: inColumns({
      id,
      // Measured: a foreign key here costs a tenth to two fifths of the write, and the statement cannot break it.
      revision: () => p.manyToOne(classes.Revision).createForeignKeyConstraint(false).index(false),
      ...properties,
    }),
  });
}

function attributeDeltaSchema(tables: TableNames, classes: HistoryClasses) {
  return defineEntity({
    class: AttributeDelta,
    tableName: tables.attributeDelta,
    schema: tables.ownSchema,
    view: true,
    expression: attributeDeltaView(tables),
    properties: inColumns({
      objectDelta: () => p.manyToOne(classes.ObjectDelta).primary().createForeignKeyConstraint(false),
      attribute: p.text().primary(),
      position: p.integer().primary(),
      revision: () => p.manyToOne(classes.Revision).createForeignKeyConstraint(false),
      recordedAt: p.datetime(6),
      objectType: p.text(),
      objectId: p.text(),
      action: p.text().$type<AttributeDelta['action']>(),
      oldValue: p.json<Json>().nullable(),
      newValue: p.json<Json>().nullable(),
      isOldValueKnown: p.boolean(),
      actorType: p.text().nullable(),
      actorId: p.text().nullable(),
      description: p.text().nullable(),
    }),
  });
}

/** The entities that Revy adds to an ORM, mapped to the tables that its options name, with those in their place. */
export function historySchemas(tables: TableNames, classes: HistoryClasses): EntityName[] {
  const own = [
    revisionSchema(tables, classes),
    objectDeltaSchema(tables, classes),
    attributeDeltaSchema(tables, classes),
  ];
  const others = [classes.Revision, classes.ObjectDelta].filter(one => one !== Revision && one !== ObjectDelta);
  return [...own, ...others];
}
