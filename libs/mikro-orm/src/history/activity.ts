import { type EntityManager, raw } from '@mikro-orm/core';
import type { QBFilterQuery, SqlEntityManager } from '@mikro-orm/sql';
import { Revision } from '../model/revision.entity.js';
import type { RevisionFilter } from './filter/history-filter.js';
import { revisionWhere } from './filter/revision-where.js';
import { UnusableFilterError } from './history.errors.js';

/** How many revisions were recorded in one step of time. */
export interface ActivityStep {
  /** When it begins, by the database's clock; it ends where the next one begins. */
  readonly from: Date;
  /** How many began in it. */
  readonly revisions: number;
}

/** How revisions are spread over time. */
export interface Activity {
  /** Length of each step, in seconds: of one second at least, and of so many days, weeks or years as fit. */
  readonly stepSeconds: number;
  /** From the first to the last with a revision in it, those between them without any as well. */
  readonly steps: readonly ActivityStep[];
}

/** Into how many steps {@link Activity} is divided. */
export interface ActivityOptions {
  /**
   * As many steps as there may be.
   *
   * @defaultValue 60
   */
  readonly steps?: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const LENGTHS = [
  1,
  2,
  5,
  10,
  30,
  ...[1, 2, 5, 10, 30].map(minutes => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map(hours => hours * HOUR),
  DAY,
  ...[1, 2, 4, 13, 26, 52, 104, 520, 5_200, 52_000, 520_000].map(weeks => weeks * WEEK),
];
/** The first Monday of the clock that counts from 1970: weeks begin with it, and all that is made of weeks. */
const FIRST_MONDAY = 4 * DAY;

interface Row {
  readonly step: string;
  readonly length: string;
  readonly revisions: string;
}

/** One SELECT. */
export async function readActivity<T extends object>(
  em: EntityManager,
  { steps = 60, ...filter }: RevisionFilter<T> & ActivityOptions,
): Promise<Activity> {
  if (!Number.isSafeInteger(steps) || steps < 2) throw new UnusableFilterError('steps', steps, 'a whole number from 2');
  const times = (em as SqlEntityManager)
    .createQueryBuilder(Revision, 'r')
    .select(raw('r.recorded_at as recorded_at'))
    .where({ $and: [{}, ...revisionWhere(em, filter)] } as QBFilterQuery<Revision>)
    .toRaw();
  const rows = await (em as SqlEntityManager).execute<Row[]>(activitySql(times.sql, steps), [...times.params]);
  const [first] = rows;
  if (!first) return { stepSeconds: LENGTHS[0]!, steps: [] };
  return { stepSeconds: Number(first.length), steps: withEmptySteps(rows, Number(first.length)) };
}

/** The shortest steps of which there are not too many; the ends of the time may lie anywhere within theirs. */
function activitySql(times: string, steps: number): string {
  const longest = LENGTHS.at(-1)!;
  // date_part, because extract computes with numeric, which takes several times as long
  const seconds = `date_part('epoch', recorded_at) - ${FIRST_MONDAY}`;
  return `
with times as (${times}),
length as (
  select coalesce(min(s), ${longest}) as s from unnest(array[${LENGTHS.join(', ')}]) s
  where s * ${steps - 1} > (select extract(epoch from max(recorded_at) - min(recorded_at)) from times)
)
select floor((${seconds}) / length.s) as step, length.s as length, count(*) as revisions
from times, length group by 1, 2 order by 1`;
}

function withEmptySteps(rows: readonly Row[], length: number): ActivityStep[] {
  const revisions = new Map(rows.map(row => [Number(row.step), Number(row.revisions)]));
  const [first, last] = [Number(rows[0]!.step), Number(rows.at(-1)!.step)];
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    from: new Date(((first + index) * length + FIRST_MONDAY) * 1000),
    revisions: revisions.get(first + index) ?? 0,
  }));
}
