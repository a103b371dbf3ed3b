import { quoteText } from './quote.js';

/** PostgreSQL takes a hundred arguments. */
const MOST_PAIRS = 50;

/** SQL for a `jsonb` object of values by name, each an SQL text of its own. */
export function recordSql(values: readonly (readonly [name: string, value: string])[]): string {
  const pairs = values.map(([name, value]) => `${quoteText(name)}, ${value}`);
  const objects = chunksOf(pairs).map(chunk => `jsonb_build_object(${chunk.join(', ')})`);
  return objects.join(' || ') || `'{}'::jsonb`;
}

function chunksOf(pairs: readonly string[]): string[][] {
  const count = Math.ceil(pairs.length / MOST_PAIRS);
  return Array.from({ length: count }, (_, index) => pairs.slice(index * MOST_PAIRS, (index + 1) * MOST_PAIRS));
}
