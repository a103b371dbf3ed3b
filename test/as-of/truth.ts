import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { deepStrictEqual } from 'node:assert';
import { SnapshotService } from '@revy/mikro-orm';
import type { TestOrm } from '../support/orm.js';

export type Row = Record<string, unknown>;

/** What tables held, by their names. */
export type Dump = Record<string, Row[]>;

/** A table, or one with columns that are left out. */
export type Looked = string | readonly [table: string, ...without: string[]];

/** The tables as they are, read on a connection that knows nothing of Revy. */
export async function dumpLive({ database }: Pick<TestOrm, 'database'>, tables: readonly Looked[]): Promise<Dump> {
  return dump(tables, sql => database.query<{ row: Row }>(sql));
}

/**
 * The tables as a reader of `asOf` sees them by SQL: read whole, which goes by what has changed since, and with a limit,
 * which goes row by row.
 */
export async function dumpAsOf(em: object, tables: readonly Looked[]): Promise<Dump> {
  const execute = async (sql: string) => (em as SqlEntityManager).execute<{ row: Row }[]>(sql);
  const whole = await dump(tables, execute);
  const limited = await dump(tables, sql => execute(`${sql} limit 10000`));
  deepStrictEqual(whole, limited);
  return whole;
}

/** Rows as JSON of the database's own making, so that each value is compared as its column's type prints it. */
async function dump(tables: readonly Looked[], query: (sql: string) => Promise<{ row: Row }[]>): Promise<Dump> {
  const contents: Dump = {};
  for (const looked of tables) {
    const [table, ...without] = [looked].flat() as [string, ...string[]];
    const left = ['revy_unknown', ...without].map(name => ` - '${name}'`).join('');
    const rows = await query(`select to_jsonb(t)${left} as row from ${table} t`);
    contents[table] = rows.map(({ row }) => row).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return contents;
}

/** What was there after a revision. */
export interface Moment {
  readonly revision: number;
  readonly recordedAt: Date;
  readonly contents: Dump;
  /** What the ORM loaded then. */
  readonly loaded: unknown;
}

export interface MemoryOptions {
  readonly tables: readonly Looked[];
  /** Asked of the present then, and of the past later. */
  readonly load?: (em: SqlEntityManager) => Promise<unknown>;
}

/** Remembers what there was after each revision, and compares it with what `asOf` says later. */
export class Memory {
  readonly moments: Moment[] = [];
  readonly #test: Pick<TestOrm, 'database' | 'orm'>;
  readonly #options: MemoryOptions;

  constructor(test: Pick<TestOrm, 'database' | 'orm'>, options: MemoryOptions) {
    this.#test = test;
    this.#options = options;
  }

  async remember(): Promise<Moment> {
    const { tables, load } = this.#options;
    const [last] = await this.#test.database.query<{ id: number; at: Date }>(
      `select id::int, date_trunc('milliseconds', recorded_at) as at from revy_revision order by id desc limit 1`,
    );
    const contents = await dumpLive(this.#test, tables);
    const loaded = await load?.(this.#test.orm.em.fork() as SqlEntityManager);
    const moment = { revision: last?.id ?? 0, recordedAt: last?.at ?? new Date(0), contents, loaded };
    if (this.moments.at(-1)?.revision === moment.revision) this.moments.pop();
    this.moments.push(moment);
    return moment;
  }

  /** All ways to name a moment; dates only where no later revision has the same. */
  pointsAt(index: number) {
    const { revision, recordedAt } = this.moments[index]!;
    const next = this.moments[index + 1];
    const isDateClear = this.moments.findLast(moment => +moment.recordedAt === +recordedAt) === this.moments[index];
    return [
      ...(revision > 0 ? [{ revision }, { after: revision }] : []),
      ...(next ? [{ before: next.revision }] : []),
      ...(revision > 0 && isDateClear ? [recordedAt] : []),
    ];
  }

  /**
   * Every moment by all of its names, as `asOf` has it and as it was; `times` each, because what comes again is
   * prepared.
   */
  async compare(times = 1): Promise<{ readonly seen: unknown[]; readonly truth: unknown[] }> {
    const { tables, load } = this.#options;
    const snapshots = new SnapshotService(this.#test.orm.em.fork() as SqlEntityManager);
    const seen: unknown[] = [];
    const truth: unknown[] = [];
    for (const [index, { contents, loaded }] of this.moments.entries()) {
      for (const point of Array.from({ length: times }, () => this.pointsAt(index)).flat()) {
        truth.push({ point, contents, loaded });
        seen.push(
          await snapshots.asOf(point, async em => ({
            point,
            contents: await dumpAsOf(em, tables),
            loaded: await load?.(em),
          })),
        );
      }
    }
    return { seen, truth };
  }
}
