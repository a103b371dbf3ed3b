import type { EntityManager } from '@mikro-orm/core';
import { UnknownAttributeError } from '../../revy.errors.js';
import type { TrackedEntity } from '../../tracking/tracked-entities.js';
import { UnusableFilterError } from '../history.errors.js';
import { type AttributeSearch, attributeSearches } from './attribute-search.js';
import type { ChangeFilter, LinkFilter } from './history-filter.js';
import { allOf, anyOf, type Sql, sql } from './sql.js';
import { attributionTest, isChanged, someStep, type Step } from './step-test.js';
import { admitsNull, valueTest } from './value-test.js';

type AnyFilter = boolean | (ChangeFilter<unknown> & LinkFilter<unknown>);
type Details = Exclude<AnyFilter, boolean>;

/** Which attributes have to be changed, and how, by name. */
type Changes = Readonly<Record<string, AnyFilter | undefined>>;

/** A {@link ChangedFilter} of some class. */
export type AnyChanged = string | readonly string[] | Changes;

/** The deltas of one class that are searched. */
export interface SearchedDeltas {
  readonly em: EntityManager;
  readonly tracked: TrackedEntity;
  /** The name that the table of deltas has in the query. */
  readonly table: Sql;
}

/** Whether a delta changes what a filter names. A class that lacks an attribute never changes it. */
export function changedTest(searched: SearchedDeltas, changed: AnyChanged): Sql {
  if (typeof changed === 'string') return propertyTest(searched, changed, true);
  if (isNames(changed)) return anyOf(changed.map(name => propertyTest(searched, name, true)));
  return allOf(Object.entries(changed).map(([name, filter = {}]) => propertyTest(searched, name, filter)));
}

/** @throws {UnknownAttributeError} if none of the classes has an attribute that the filter names */
export function refuseUnknownNames(classes: readonly TrackedEntity[], changed: AnyChanged): void {
  const names = typeof changed === 'string' ? [changed] : isNames(changed) ? changed : Object.keys(changed);
  for (const name of names) {
    if (classes.some(({ meta }) => name in meta.properties)) continue;
    const known = new Set(classes.flatMap(({ meta }) => Object.keys(meta.properties)));
    throw new UnknownAttributeError(classes.map(({ meta }) => meta.className).join(' or '), name, [...known]);
  }
}

function isNames(changed: readonly string[] | Changes): changed is readonly string[] {
  return Array.isArray(changed);
}

function propertyTest(searched: SearchedDeltas, name: string, filter: AnyFilter): Sql {
  if (filter === false) return sql`(${propertyTest(searched, name, true)}) is not true`;
  const { em, tracked, table } = searched;
  refuseOtherSide(tracked, name);
  if (tracked.collections.has(name)) return linkTest(searched, name, filter === true ? {} : filter);
  const attributes = tracked.attributesOf(name).flatMap(attribute => tracked.names.of(attribute.name));
  if (filter === true) return anyOf(attributes.map(key => isChanged(table, key)));
  const isBy = (step: Step) => attributionTest(em, step, filter);
  if (filter.from === undefined && filter.to === undefined) {
    return anyOf(attributes.map(key => allOf([isChanged(table, key), someStep(table, key, isBy)])));
  }
  const searches = attributeSearches(em, tracked, name, filter);
  const namesOf = ({ attribute }: AttributeSearch) => tracked.names.of(attribute.name);
  const isAnyChanged = anyOf(searches.flatMap(namesOf).map(key => isChanged(table, key)));
  const tests = searches.map(search => anyOf(namesOf(search).map(key => searchTest(table, key, search, isBy))));
  return allOf([isAnyChanged, ...tests]);
}

function searchTest(table: Sql, key: string, { from, to }: AttributeSearch, isBy: (step: Step) => Sql): Sql {
  const isFound = (step: Step) =>
    allOf([
      ...(from.length > 0 ? [valueTest(admitsNull(from) ? step.oldValueOrNull : step.oldValue, from)] : []),
      ...(to.length > 0 ? [valueTest(admitsNull(to) ? step.newValueOrNull : step.newValue, to)] : []),
      isBy(step),
    ]);
  return someStep(table, key, isFound);
}

/** A delta has the links that it changed among its new values; a deletion, those that it took among its old ones. */
function linkTest({ em, tracked, table }: SearchedDeltas, name: string, filter: Details): Sql {
  const links = sql`(coalesce(${table}.new_values, ${table}.old_values) -> ${name})`;
  const prop = tracked.collections.get(name)!;
  const sides = (['added', 'removed'] as const).filter(side => filter[side] !== undefined);
  const tests = sides.map(side => {
    const key = JSON.stringify([tracked.targetKey(prop, filter[side] as object)]);
    return sql`${links} -> ${side} @> ${key}::jsonb`;
  });
  return allOf([isChanged(table, name), ...tests, someStep(table, name, step => attributionTest(em, step, filter))]);
}

/** The side of a relation that has no column, or of a collection that does not own it. */
function refuseOtherSide({ meta, collections }: TrackedEntity, name: string): void {
  const prop = meta.relations.find(relation => relation.name === name);
  if (!prop?.mappedBy || collections.has(name)) return;
  throw new UnusableFilterError(
    'changed',
    name,
    `"${prop.mappedBy}" of ${prop.targetMeta!.className}, which records it`,
  );
}
