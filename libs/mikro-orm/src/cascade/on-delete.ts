/** What {@link SET} may set: an entity, or a key as `em.getReference` takes it; `null` unsets. */
export type SetValue = object | string | number | bigint | null;

/** What becomes of the rows that refer to a row which is deleted. Made by {@link SET} and its like. */
export interface OnDeleteHandler {
  /** What is done to those rows. */
  readonly action: 'cascade' | 'set null' | 'set default' | 'set';
  /** Called once for each group of deletions that has anything to set. */
  readonly value?: () => SetValue | Promise<SetValue>;
}

/**
 * Deletes the rows that refer to a deleted row, and what refers to them in turn, where the database does not:
 * `revy: { onDelete: CASCADE }` on a relation. One read and one DELETE for each relation and level, whatever the rows.
 */
export const CASCADE: OnDeleteHandler = Object.freeze({ action: 'cascade' });

/** Unsets the relation of the rows that refer to a deleted row. One read and one UPDATE, whatever the rows. */
export const SET_NULL: OnDeleteHandler = Object.freeze({ action: 'set null' });

/**
 * Gives the rows that refer to a deleted row the default of the relation's column, or null where it has none.
 * One read, one SELECT of the default and one UPDATE, whatever the rows.
 */
export const SET_DEFAULT: OnDeleteHandler = Object.freeze({ action: 'set default' });

/**
 * Lets the rows that refer to a deleted row refer to something else: `revy: { onDelete: SET(() => sentinel) }`.
 * One read and one UPDATE, whatever the rows.
 *
 * @param value an entity, its key, or a function of these, which is called once for each group of deletions
 */
export function SET(value: SetValue | (() => SetValue | Promise<SetValue>)): OnDeleteHandler {
  return { action: 'set', value: typeof value === 'function' ? (value as () => SetValue) : () => value };
}
