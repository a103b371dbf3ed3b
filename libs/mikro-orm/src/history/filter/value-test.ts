import type { Json } from '../../model/json.js';
import { allOf, joined, sql, Sql } from './sql.js';
import type { Comparison } from './value-comparison.js';

/** Whether a stored value, an expression of type `jsonb`, passes the comparisons. What is unknown passes none. */
export function valueTest(stored: Sql, comparisons: readonly Comparison[]): Sql {
  return allOf(
    comparisons.map(comparison => {
      switch (comparison.kind) {
        case 'equal':
          return equality(stored, comparison.values, comparison.isNegated);
        case 'range':
          return range(stored, comparison);
        case 'pattern':
          return sql`${ifText(stored)} ${new Sql(comparison.operator)} ${comparison.pattern}`;
      }
    }),
  );
}

/** Whether null passes the comparisons. */
export function admitsNull(comparisons: readonly Comparison[]): boolean {
  return comparisons.every(one => one.kind === 'equal' && one.values.includes(null) !== one.isNegated);
}

function equality(stored: Sql, values: readonly Json[], isNegated: boolean): Sql {
  const [first, ...others] = values.map(value => sql`${JSON.stringify(value)}::jsonb`);
  if (!first) return isNegated ? sql`${stored} is not null` : sql`false`;
  if (others.length === 0) return isNegated ? sql`${stored} <> ${first}` : sql`${stored} = ${first}`;
  const list = joined([first, ...others], ', ');
  return isNegated ? sql`${stored} not in (${list})` : sql`${stored} in (${list})`;
}

/** Numbers may be stored as text, which keeps all their digits. Texts are compared in the database's own order. */
function range(stored: Sql, { operator, value, order }: Extract<Comparison, { kind: 'range' }>): Sql {
  const compare = new Sql(operator);
  const text = sql`(${stored} #>> '{}')`;
  const operand = typeof value === 'number' ? String(value) : value;
  switch (order) {
    case 'number':
      return sql`case when ${text} ~ ${NUMBER} then ${text}::numeric ${compare} ${operand}::numeric end`;
    case 'date':
      return sql`${ifText(stored)} collate "C" ${compare} ${operand}`;
    case 'text':
      return sql`${ifText(stored)} ${compare} ${operand}`;
  }
}

const NUMBER = '^-{0,1}[0-9]+([.][0-9]+){0,1}$';

/** JSON of another kind than text, which is null or left from when the attribute had another type, compares as null. */
function ifText(stored: Sql): Sql {
  return sql`(case jsonb_typeof(${stored}) when 'string' then ${stored} #>> '{}' end)`;
}
