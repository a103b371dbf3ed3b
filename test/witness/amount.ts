const minutes = Number(process.env['SOAK_MINUTES'] ?? 0);
const isSoak = minutes > 0;
const isCI = process.env['CI'] !== undefined;

function numRuns(): number {
  const said = process.env['FC_RUNS'];
  if (said !== undefined) return Number(said);
  if (isSoak) return 1e9;
  return isCI ? 2000 : 1000;
}

/** How much random work there is. `FC_RUNS` says how often, `SOAK_MINUTES` how long. */
export const amount = {
  /** `FC_PATH` repeats what failed, and `FC_SHRINK=0` does not look for less that fails as well. */
  property: {
    numRuns: numRuns(),
    endOnFailure: process.env['FC_SHRINK'] === '0',
    ...(isSoak && { interruptAfterTimeLimit: minutes * 60_000 }),
    ...(process.env['FC_PATH'] && { path: process.env['FC_PATH'] }),
  },
  /** The share of histories whose past is looked at. */
  pastShare: 0.1,
  /** Connections that are cut, and processes that are killed. */
  cuts: isSoak ? 400 : isCI ? 480 : 100,
  kills: isSoak ? 100 : isCI ? 20 : 3,
  /** How long the workers work. */
  workSeconds: isSoak ? 30 : 3,
  /** Processes of their own that workers work in besides. */
  workProcesses: isSoak ? 3 : 1,
} as const;
