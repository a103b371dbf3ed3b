import { median, sampleInTurn } from '../support/sampling.mjs';

const depths = [1, 10, 1000];

/** What asking for the actor and entering a frame cost, in nanoseconds; no database. */
export const context = {
  name: 'context',
  title: 'The context',
  async run({ pairs, isQuick }) {
    const { RevisionContext } = await import('@revy/mikro-orm');
    const times = isQuick ? 20_000 : 200_000;
    const lookups = Object.fromEntries(
      depths.map(depth => [
        depth,
        () => nested(RevisionContext, depth, () => nanoseconds(times, () => RevisionContext.get('actor'))),
      ]),
    );
    const entries = Object.fromEntries(
      depths.map(depth => [
        depth,
        () => nested(RevisionContext, depth - 1, () => nanoseconds(times / 10, enter(RevisionContext))),
      ]),
    );
    for (const sample of [...Object.values(lookups), ...Object.values(entries)]) sample();
    return report(await sampleInTurn(lookups, pairs), await sampleInTurn(entries, pairs));
  },
};

/** The actor stands in the outermost frame: the farthest that a lookup can have to go. */
function nested(RevisionContext, depth, fn) {
  const into = level =>
    level === depth
      ? fn()
      : RevisionContext.run(level === 0 ? { actor: null } : { revisionDescription: 'x' }, () => into(level + 1));
  return into(0);
}

const enter = RevisionContext => () => RevisionContext.run({ revisionDescription: 'x' }, () => {});

function nanoseconds(times, fn) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) fn();
  return Number(process.hrtime.bigint() - start) / times;
}

function report(lookups, entries) {
  const [lookup, entry] = [lookups, entries].map(samples => depths.map(depth => median(samples[depth])));
  const shown = numbers => numbers.map(each => each.toFixed(0));
  const times = lookup.at(-1) / lookup[0];
  return {
    tables: [
      {
        title: 'Nanoseconds, by depth',
        columns: ['', ...depths.map(String)],
        rows: [
          ["`RevisionContext.get('actor')`", ...shown(lookup)],
          ['entering and leaving a frame with `run`', ...shown(entry)],
        ],
      },
    ],
    targets: [
      {
        id: 'context-depth',
        measure: 'context: lookup at depth 1,000 by that at depth 1',
        wanted: 'equal within noise (≤ 1.2)',
        limit: 1.2,
        value: times,
      },
      {
        id: 'context-enter',
        measure: 'context: entering a frame',
        wanted: 'under 1 µs',
        limit: 1000,
        value: Math.max(...entry),
        shown: `${Math.max(...entry).toFixed(0)} ns`,
      },
    ],
    details: { depths, lookupNs: lookup, enterNs: entry },
  };
}
