import type { Dictionary, EntityProperty } from '@mikro-orm/core';
import type { LinkKey } from '../cascade/link-changes.js';
import type { LinkedCollection } from '../cascade/pivot-links.js';
import { type MovedLink, placeColumn } from './moved-links.js';
import type { Written } from './statement-listener.js';

/** The links that the rows of a pivot table are, in each of the collections that it serves. */
export function linksIn({ meta, rows }: Written, collections: readonly LinkedCollection[]): MovedLink[] {
  return collections.flatMap(ends => {
    const place = placeColumn(ends.collection, meta);
    const ofCollection = rows.filter(row => isLinkOf(ends.collection, row));
    return ofCollection.map(row => ({
      ends,
      owner: columnsOf(row, ends.collection.joinColumns),
      target: targetIn(row, ends.collection),
      place: place && (row[place] as unknown),
    }));
  });
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
