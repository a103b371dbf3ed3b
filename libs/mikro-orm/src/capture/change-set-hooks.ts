import type { UnitOfWork } from '@mikro-orm/core';
import type { AnyChangeSet } from './flush-capture.js';

/** Hears of each change set of a unit of work. */
export interface ChangeSetListener {
  /** Before the SQL, once the application's hooks have had their say, and what they set is in the payload. */
  before(changeSet: AnyChangeSet): Promise<void> | undefined;
  /** After the SQL of an insert or an update, before the application's hooks. */
  after(changeSet: AnyChangeSet): void;
}

type EntityHook = `${'before' | 'after'}${'Create' | 'Update' | 'Delete'}`;

/** MikroORM 7.2 keeps this to itself (UnitOfWork.js:846), and leaves private methods to be overridden. */
interface HookRunner {
  runHooks(type: EntityHook, changeSet: AnyChangeSet, isBefore?: boolean): Promise<void>;
}

/**
 * Tells a listener of the change sets of a unit of work, in each of its flushes. A subscriber hears of them as well, and
 * the ORM then copies the entity before and after each of its `before` hooks, to compare the two. Idempotent.
 */
export function aroundChangeSets(uow: UnitOfWork, listener: ChangeSetListener): void {
  const runner = uow as unknown as HookRunner;
  if (Object.hasOwn(runner, 'runHooks')) return;
  const runHooks = runner.runHooks.bind(uow);
  runner.runHooks = async (type, changeSet, isBefore) => {
    if (type === 'afterCreate' || type === 'afterUpdate') listener.after(changeSet);
    await runHooks(type, changeSet, isBefore);
    const asked = isBefore && listener.before(changeSet);
    if (asked) await asked;
  };
}
