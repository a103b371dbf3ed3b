import { type EntityManager, IsolationLevel, TransactionContext } from '@mikro-orm/core';
import { isPast, liveContext } from '../database/live-context.js';
import { type Client, execute, isWireConnection, statement, withConnection } from '../database/statement.js';
import { type Point, pointCondition, type PointCondition } from '../history/point.js';
import { UnknownRevisionError, UnusablePointError } from '../history/point.errors.js';
import { runtimeOf } from '../runtime.js';
import { AsOfBeforeHistoryError, AsOfVersionError } from './as-of.errors.js';
import { KnownTables } from './known-tables.js';
import { pastDriver } from './past-driver.js';
import { pastEntityManager } from './past-entity-manager.js';
import { pastReading } from './past-reading.js';
import { type PastReading, pastTransaction } from './past-transaction.js';
import { type BoundsRow, boundsStatement } from './point-bounds.query.js';

/** Options of {@link SnapshotService.asOf}. */
export interface AsOfOptions {
  /**
   * What becomes of reads of tables that are not tracked: they read the present, or they throw an
   * {@link AsOfUntrackedError}.
   *
   * @defaultValue `'live'`
   */
  readonly untracked?: 'live' | 'throw';
}

/** As much of MikroORM's SQL connection as is needed. */
interface SqlConnection {
  begin(options: object): Promise<object>;
  rollback(transaction: object): Promise<void>;
}

/** Runs `read` with an entity manager that reads everything at the point, in a transaction that only reads. */
export async function readAsOf<Em extends EntityManager, Result>(
  em: Em,
  point: Point,
  read: (em: Em) => Promise<Result>,
  { untracked = 'live' }: AsOfOptions,
): Promise<Result> {
  const condition = conditionOf(point);
  await runtimeOf(em).writePending(em);
  const connection = em.getDriver().getConnection('read') as unknown as SqlConnection;
  const current = em.getTransactionContext() as object | undefined;
  if (isPast(current)) await withConnection(current as Client, async () => {}); // refuses if that one has ended
  const outer = liveContext(current);
  const transaction = await connection.begin(
    outer
      ? { ctx: outer }
      : {
          isolationLevel: IsolationLevel.REPEATABLE_READ,
          readOnly: true,
          sessionContext: em.getTransactionSessionContext(),
        },
  );
  let reading: PastReading | undefined;
  try {
    const tables = tablesOf(em);
    const bounds = await findBounds(em, { transaction, point: condition, isNested: outer !== undefined, tables });
    const prepared = bounds.isWire ? tables.prepared : undefined;
    const calm = tables.calm(bounds.since, bounds.sizes);
    reading = pastReading({ tables, calm, bounds, schema: bounds.schema, untracked, prepared });
    const reader = pastEntityManager(em, driverOf(em), pastTransaction(transaction, reading));
    return await TransactionContext.create(reader, () => read(reader));
  } finally {
    if (reading) reading.hasEnded = true;
    await connection.rollback(transaction);
  }
}

function conditionOf(point: Point): PointCondition {
  if (typeof point === 'object' && point !== null && 'version' in point) throw new AsOfVersionError(point);
  const condition = pointCondition(point);
  if (condition.kind === 'latest') throw new UnusablePointError(point);
  return condition;
}

const ONLY_READ = statement('set transaction isolation level repeatable read, read only');

interface BoundsSearch {
  readonly transaction: object;
  readonly point: PointCondition;
  readonly isNested: boolean;
  readonly tables: KnownTables;
}

async function findBounds(
  em: EntityManager,
  { transaction, point, isNested, tables }: BoundsSearch,
): Promise<BoundsRow & { readonly isWire: boolean }> {
  const select = boundsStatement(runtimeOf(em).tables, point);
  const bounds = await withConnection(transaction as Client, async connection => {
    const isWire = isWireConnection(connection);
    // Kysely's dialect for PGlite begins a transaction like any other
    if (!isNested && !isWire) await execute(connection, ONLY_READ, []);
    const { rows } = await execute(connection, select, [point.value, isNested, ...tables.sized]);
    return { ...(rows[0] as BoundsRow), isWire };
  });
  if (!bounds.point_exists) throw new UnknownRevisionError(point.value);
  refuseBeforeHistory(point, bounds.began === null ? new Date() : new Date(bounds.began));
  return bounds;
}

/** As `snapshots.at` does it: what is older than its history is not known to have been there before it. */
function refuseBeforeHistory({ kind, value }: PointCondition, since: Date): void {
  if (kind === 'date' && new Date(value!) < since) throw new AsOfBeforeHistoryError(since);
}

/** What is worked out once for each ORM, and for its driver. */
const known = new WeakMap<object, KnownTables>();
const drivers = new WeakMap<object, object>();

function tablesOf(em: EntityManager): KnownTables {
  const metadata = em.getMetadata();
  let tables = known.get(metadata);
  if (!tables || tables.isOutdated(em)) known.set(metadata, (tables = new KnownTables(em)));
  return tables;
}

function driverOf(em: EntityManager): object {
  const driver = em.getDriver();
  const made = drivers.get(driver) ?? pastDriver(driver, meta => tablesOf(em).hasUnknown(meta));
  drivers.set(driver, made).set(made, made);
  return made;
}
