import { UnusableFilterError } from '../history.errors.js';
import type { TextFilter } from './history-filter.js';
import { allOf, joined, type Sql, sql } from './sql.js';

/** Whether a text passes a filter. */
export function textTest(text: Sql, filter: TextFilter): Sql {
  const operators: Readonly<Record<string, unknown>> =
    typeof filter === 'object' && filter !== null ? filter : { $eq: filter };
  return allOf(Object.entries(operators).map(([operator, operand]) => operatorTest(text, operator, operand)));
}

function operatorTest(text: Sql, operator: string, operand: unknown): Sql {
  switch (operator) {
    case '$eq':
      return sql`${text} is not distinct from ${operand}`;
    case '$ne':
      return sql`${text} is distinct from ${operand}`;
    case '$in': {
      const texts = joined(
        (operand as readonly string[]).map(one => sql`${one}`),
        ', ',
      );
      return texts.text ? sql`${text} in (${texts})` : sql`false`;
    }
    case '$like':
      return sql`${text} like ${operand}`;
    case '$ilike':
      return sql`${text} ilike ${operand}`;
    default:
      throw new UnusableFilterError('description', { [operator]: operand }, '$eq, $ne, $in, $like or $ilike');
  }
}
