import type { EntityManager } from '@mikro-orm/core';
import type { TrackedAttribute, TrackedEntity } from '../../tracking/tracked-entities.js';
import { MaskedValueError, UnusableFilterError } from '../history.errors.js';
import type { ChangeFilter } from './history-filter.js';
import { storedLeaves, storedOperand } from './stored-operand.js';
import { type Comparison, comparisonsOf, isOperators } from './value-comparison.js';

/** What the old and the new value of one attribute have to pass. */
export interface AttributeSearch {
  readonly attribute: TrackedAttribute;
  readonly from: readonly Comparison[];
  readonly to: readonly Comparison[];
}

/**
 * What a filter of a property asks of each attribute that the property stands for; of an inline embeddable, those
 * leaves that the filter has no value for are left out.
 *
 * @throws {MaskedValueError} if an attribute is masked, unless it is asked for null
 * @throws {UnusableFilterError} if there is no such operator, or none for the values of this attribute
 */
export function attributeSearches(
  em: EntityManager,
  tracked: TrackedEntity,
  property: string,
  { from, to }: Pick<ChangeFilter<unknown>, 'from' | 'to'>,
): AttributeSearch[] {
  const old = comparisonsPerLeaf(em, tracked, property, from);
  const now = comparisonsPerLeaf(em, tracked, property, to);
  const searched = tracked.attributesOf(property).filter(({ name }) => old.has(name) || now.has(name));
  return searched.map(attribute => {
    const search = { attribute, from: old.get(attribute.name) ?? [], to: now.get(attribute.name) ?? [] };
    refuseMasked(tracked, search);
    return search;
  });
}

function comparisonsPerLeaf(
  em: EntityManager,
  tracked: TrackedEntity,
  property: string,
  filter: unknown,
): Map<string, Comparison[]> {
  if (filter === undefined) return new Map();
  const own = tracked.attributes.get(property);
  if (own) {
    const stored = (value: unknown) => storedOperand(em, tracked, own, value);
    return new Map([[property, comparisonsOf(filter, own, property, stored)]]);
  }
  if (isOperators(filter)) throw new UnusableFilterError(`changed.${property}`, filter, 'the embeddable itself');
  const leaves = Object.entries(storedLeaves(em, tracked, property, filter));
  return new Map(leaves.map(([name, value]) => [name, [{ kind: 'equal', isNegated: false, values: [value] }]]));
}

/** That a secret is absent is no secret; whether it is the one that somebody has guessed is. */
function refuseMasked({ meta }: TrackedEntity, { attribute, from, to }: AttributeSearch): void {
  if (!attribute.isMasked) return;
  const isOnlyNull = [...from, ...to].every(one => one.kind === 'equal' && one.values.every(value => value === null));
  if (!isOnlyNull) throw new MaskedValueError(meta.className, attribute.name);
}
