/** Transactions in which everything is read at a point, with the transaction in which the present is read. */
const live = new WeakMap<object, object>();

/** Notes that `past` reads another time than `present`, in the same transaction of the database. */
export function notePast(past: object, present: object): void {
  live.set(past, present);
}

/** The transaction, if any, in which what `ctx` reads is the present. */
export function liveContext<Context extends object | undefined>(ctx: Context): Context {
  return (ctx && (live.get(ctx) as Context | undefined)) ?? ctx;
}

/** Whether this transaction reads another time than the present. */
export function isPast(ctx: object | undefined): boolean {
  return ctx !== undefined && live.has(ctx);
}
