import os from 'node:os';
import { readFileSync } from 'node:fs';

export const ms = number => String(Number(number.toPrecision(3)));
export const spread = ({ median, low, high }) => `**${median.toFixed(2)}** (${low.toFixed(2)}–${high.toFixed(2)})`;

const loadNow = () =>
  os
    .loadavg()
    .map(load => load.toFixed(2))
    .join(' ');

/** What a reader must know to judge the numbers. */
export function describeRun({ command, server }) {
  return {
    date: new Date().toISOString(),
    command,
    machine: `${os.cpus().length} × ${os.cpus()[0].model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    packages: Object.fromEntries(
      ['@mikro-orm/postgresql', 'pg', '@revy/mikro-orm'].map(name => [name, versionOf(name)]),
    ),
    postgres: server.settings,
    loadBefore: loadNow(),
  };
}

export const finishRun = run => ({ ...run, loadAfter: loadNow() });

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
}

/** The whole report: targets first, then each measure with its own tables. */
export function toMarkdown({ run, results, reasons }) {
  return [
    `# Measured on ${run.date.slice(0, 10)}`,
    runTable(run),
    '## Against the targets of the design',
    targetTable(results, reasons),
    ...results.map(measureSection),
    '',
  ].join('\n\n');
}

function runTable(run) {
  const { version, fsync, synchronousCommit, fullPageWrites } = run.postgres;
  return table(
    ['', ''],
    [
      ['command', `\`${run.command}\``],
      ['machine', run.machine],
      ['system', run.system],
      ['Node', run.node],
      [
        'PostgreSQL',
        `${version}; fsync ${fsync}, synchronous_commit ${synchronousCommit}, full_page_writes ${fullPageWrites}`,
      ],
      [
        'packages',
        Object.entries(run.packages)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      ['load before / after', `${run.loadBefore} / ${run.loadAfter}`],
      ['began', run.date],
    ],
  );
}

export function targetTable(results, reasons) {
  const targets = results.flatMap(result => result.targets);
  return table(
    ['measure', 'target', 'measured', '', 'reason of a miss'],
    targets.map(target => {
      const isMet = passes(target);
      return [
        target.measure,
        target.wanted ?? `≤ ${target.limit}`,
        target.shown ?? String(Number(target.value.toPrecision(3))),
        isMet ? 'pass' : '**miss**',
        isMet ? '' : (reasons[target.id] ?? '*not yet known*'),
      ];
    }),
  );
}

export const passes = target => target.value <= target.limit;

function measureSection(result) {
  const tables = result.tables.flatMap(each => [
    ...(each.title ? [each.title + ':'] : []),
    table(each.columns, each.rows),
  ]);
  return [`## ${result.title}`, ...(result.notes ?? []), ...tables].join('\n\n');
}

function table(columns, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
