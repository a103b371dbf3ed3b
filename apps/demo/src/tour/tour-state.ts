import type { MikroORM } from '@mikro-orm/postgresql';
import type { History } from '../replay/commit.js';
import type { ReplayResult } from '../replay/replay.js';
import type { Terminal } from './terminal.js';

/** What every part of the tour starts from. */
export interface TourState {
  readonly orm: MikroORM;
  readonly terminal: Terminal;
  readonly history: History;
  readonly replayed: ReplayResult;
}
