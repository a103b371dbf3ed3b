import pg from 'pg';

type Query = (this: pg.Client, ...args: unknown[]) => unknown;

/** The SQL that reaches the server while `fn` runs, over every connection of this process, in order. */
export async function statementsOf(fn: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  prototype.query = function (this: pg.Client, ...args) {
    sent.push(textOf(args[0]));
    return query.apply(this, args);
  };
  try {
    await fn();
  } finally {
    prototype.query = query;
  }
  return sent;
}

/** The history's statement travels in one message with the COMMIT, as a query object of its own. */
function textOf(query: unknown): string {
  if (typeof query === 'string') return query.trim();
  const text: unknown = (query as { text?: unknown }).text;
  return typeof text === 'string' ? text.trim() : `[${(query as object).constructor.name}]`;
}
