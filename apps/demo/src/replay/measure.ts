import 'reflect-metadata';
import { MikroORM } from '@mikro-orm/postgresql';
import { libraryConfig, untrackedConfig } from '../mikro-orm.config.js';
import { chooseHistory, type HistoryChoice } from './choose-history.js';
import { replay } from './replay.js';
import { revisionFrame } from './revision-frame.js';

/** What one replay took. */
export interface Measurement {
  readonly seconds: number;
  /** Of the Node process alone: what the database spends is not in it. */
  readonly cpuSeconds: number;
  readonly commits: number;
  readonly changes: number;
  /** Resident memory at the end of each tenth of the commits, in bytes. */
  readonly residentBytes: readonly number[];
  /** The most memory the process ever took, in bytes. */
  readonly peakBytes: number;
}

export interface MeasureOrder {
  readonly databaseUrl: string;
  readonly isTracked: boolean;
  readonly choice: HistoryChoice;
}

/** One replay in a process of its own, so that neither its memory nor its warmth reaches the next. */
async function measure({ databaseUrl, isTracked, choice }: MeasureOrder): Promise<Measurement> {
  const history = await chooseHistory(choice);
  const orm = await MikroORM.init(isTracked ? libraryConfig(databaseUrl) : untrackedConfig(databaseUrl));
  await orm.schema.create();
  const total = await history.countCommits();
  const residentBytes: number[] = [];
  const onCommit = ({ number }: { number: number }) => {
    if (Math.floor((number * 10) / total) > residentBytes.length) {
      residentBytes.push(process.memoryUsage.rss());
    }
  };
  const options = isTracked ? { frame: revisionFrame, onCommit } : { onCommit };
  const startedCpu = process.cpuUsage();
  const { seconds, commits, changes } = await replay(orm, history, options);
  const { user, system } = process.cpuUsage(startedCpu);
  await orm.close();
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  return { seconds, cpuSeconds: (user + system) / 1e6, commits, changes, residentBytes, peakBytes };
}

process.once('message', (order: MeasureOrder) => {
  measure(order).then(
    measurement => process.send?.(measurement, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
