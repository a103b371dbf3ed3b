/**
 * Whether a row version was made by the transaction at hand or one of its savepoints, by its `xmin`. A row that one has
 * just changed was made by a transaction that is over, or by one's own.
 *
 * `xmin` has 32 bits of the id: the rest is that of the nearest id to one's own.
 */
export function isOwn(xmin: string): string {
  const id = `${xmin}::text::bigint`;
  const nearest = `v_this + ((${id} - v_this % 4294967296 + 6442450944) % 4294967296) - 2147483648`;
  // the first two ids stand for what has always been there
  return `(case when ${id} > 2 then coalesce(pg_xact_status((${nearest})::text::xid8) = 'in progress', false) else false end)`;
}
