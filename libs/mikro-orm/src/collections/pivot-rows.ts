import type { Dictionary, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { LinkKey } from '../cascade/link-changes.js';
import { type LinkedCollection, linkEnds } from '../cascade/pivot-links.js';
import { columnValues } from '../cascade/found-row.js';
import type { RowReader } from '../cascade/rows.query.js';
import type { MovedLink, MovedLinks, PlacesOf } from './moved-links.js';
import type { Written } from './statement-listener.js';

/** The links that the rows of a pivot table are, in each of the collections that it serves. */
export function linksIn(written: Written, collections: readonly LinkedCollection[]): MovedLink[] {
  const { meta, rows } = written;
  const action = written.action === 'insert' ? 'insert' : 'delete';
  return collections.flatMap(ends => {
    const place = placeColumn(ends.collection, meta);
    const isDoubtful = written.isConditional && mayRepeat(ends, meta);
    const ofCollection = rows.filter(row => isLinkOf(ends.collection, row));
    return ofCollection.map(row => ({
      ends,
      owner: columnsOf(row, ends.collection.joinColumns),
      target: targetIn(row, ends.collection),
      action,
      place: place === undefined ? undefined : (row[place] as unknown),
      isDoubtful,
    }));
  });
}

/** Whether a link may have several rows: its ends are not the key of the table, and MikroORM 7.2 makes no other. */
export function mayRepeat(ends: LinkedCollection, pivot: EntityMetadata): boolean {
  return linkEnds(pivot, [ends]).some(({ ownerProp, targetProp }) => !(ownerProp.primary && targetProp.primary));
}

/** Asks for the rows of links that may have several: a query for each collection, where there are any. */
export async function placesIn(links: MovedLinks, reader: RowReader): Promise<PlacesOf> {
  const places = new Map<string, Set<string>>();
  for (const [ends, doubtful] of Map.groupBy(links.doubtful, link => link.ends)) {
    const pivot = reader.graph.metaOf(ends.collection.pivotEntity)!;
    const [{ ownerProp, targetProp }] = linkEnds(pivot, [ends]) as [ReturnType<typeof linkEnds>[number]];
    const pairs = doubtful.map(({ owner, target }) => [owner, target] as const);
    for (const { id, row } of await reader.linking(pivot, [ownerProp, targetProp], pairs)) {
      const link = textOf(ends, columnValues(row, ownerProp), columnValues(row, targetProp));
      places.set(link, (places.get(link) ?? new Set()).add(id));
    }
  }
  return ({ ends, owner, target }) => places.get(textOf(ends, owner, target)) ?? new Set();
}

function textOf({ collection, ownerTable }: LinkedCollection, owner: LinkKey, target: LinkKey): string {
  return JSON.stringify([ownerTable._id, collection.name, owner.map(String), target.map(String)]);
}

/** The column that says where the links of a table stand. */
function placeColumn({ fixedOrderColumn }: EntityProperty, pivot: EntityMetadata): string | undefined {
  const prop = pivot.properties[fixedOrderColumn as never] as EntityProperty | undefined;
  return prop?.fieldNames[0];
}

/** Collections of several classes may share a table; a column says whose links its rows are. */
function isLinkOf({ polymorphic, discriminatorColumn, discriminatorValue }: EntityProperty, row: Dictionary): boolean {
  return !polymorphic || discriminatorValue === undefined || row[discriminatorColumn!] === discriminatorValue;
}

/** Where targets are of several classes, a column says which one. */
function targetIn(row: Dictionary, collection: EntityProperty): LinkKey {
  const { owner, polymorphic, discriminatorColumn, discriminatorValue, inverseJoinColumns } = collection;
  const key = columnsOf(row, inverseJoinColumns);
  return owner && polymorphic && discriminatorValue === undefined ? [row[discriminatorColumn!], ...key] : key;
}

function columnsOf(row: Dictionary, columns: readonly string[]): unknown[] {
  return columns.map(name => (row[name] as unknown) ?? null);
}
