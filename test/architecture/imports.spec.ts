import { type SourceFile, ROOT, readJson, resolveRelative, sourceFiles } from './source-tree.js';
import fs from 'node:fs';
import path from 'node:path';

/**
 * Who may import whom inside libs/mikro-orm/src: a folder is a stage, and a file beside them counts by its name
 * without `revy.`. `type x` allows `import type` only. Whoever is not listed may import nothing and fails below.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  // Below both halves.
  errors: [],
  database: [],
  options: ['model', 'errors'],
  // The command line, which edits a configuration and loads nothing of the library.
  init: [],
  // How the halves reach each other without an import: the extension fills it in, one for each ORM.
  runtime: ['type context', 'type model', 'type tracking', 'errors'],
  model: ['type context', 'runtime', 'errors'],
  context: ['type model', 'errors'],
  tracking: ['options', 'context', 'model', 'errors', 'type cascade'],

  // The write half.
  cascade: ['capture', 'context', 'tracking', 'model', 'errors'],
  capture: ['context', 'tracking', 'model', 'errors'],
  // what the ORM's statements on collections do; what those take along is the cascades' affair
  collections: ['cascade', 'capture', 'type context', 'type tracking', 'model'],
  delta: ['type capture', 'context', 'model', 'errors'],
  write: ['delta', 'context', 'tracking', 'database', 'model', 'errors'],
  // what the database records by itself, and what it has to be told for that
  triggers: ['context', 'tracking', 'database', 'model', 'errors'],
  bypass: [
    'triggers',
    'collections',
    'capture',
    'delta',
    'write',
    'context',
    'tracking',
    'options',
    'database',
    'model',
    'errors',
  ],
  baseline: ['write', 'context', 'runtime', 'tracking', 'database', 'model', 'errors'],
  'tracking-entity-manager': ['capture', 'bypass'],
  // What is tracked, for tools that know no class of the application.
  'tracked-types': ['runtime', 'tracking', 'type model'],
  // Takes a context to where a job runs; the actor's class and key are asked of its ORM.
  'captured-context': ['context', 'runtime', 'tracking', 'model', 'errors'],

  // The read half.
  history: ['context', 'runtime', 'tracking', 'database', 'model', 'errors'],
  live: ['runtime', 'tracking', 'database', 'model', 'errors'],
  'as-of': ['history', 'runtime', 'tracking', 'database', 'model', 'errors'],
  snapshot: ['as-of', 'history', 'live', 'runtime', 'tracking', 'database', 'model', 'errors'],
  versions: ['history', 'related', 'snapshot', 'context', 'runtime', 'tracking', 'database', 'model', 'errors'],
  related: ['history', 'live', 'runtime', 'tracking', 'database', 'model', 'errors'],
  // What users ask history for: it only hands the questions on to the stages that answer them.
  'history.service': ['history', 'versions', 'related', 'runtime', 'model'],
  revert: ['history', 'snapshot', 'context', 'runtime', 'tracking', 'database', 'model', 'errors'],

  // Above both: they put the halves together.
  subscriber: [
    'triggers',
    'collections',
    'cascade',
    'capture',
    'delta',
    'write',
    'context',
    'tracking',
    'model',
    'errors',
  ],
  // prettier-ignore
  extension: [
    'subscriber', 'triggers', 'tracking-entity-manager', 'collections', 'cascade', 'capture', 'write', 'baseline', 'bypass', 'history', 'snapshot', 'as-of', 'revert',
    'context', 'tracking', 'runtime', 'options', 'model', 'errors',
  ],
};

const WRITE_HALF = [
  'collections',
  'cascade',
  'capture',
  'delta',
  'write',
  'triggers',
  'baseline',
  'bypass',
  'tracking-entity-manager',
];
const READ_HALF = ['history', 'live', 'snapshot', 'versions', 'related', 'history.service', 'as-of', 'revert'];

/** Stages that compute and never touch the ORM: they may name its types, and load nothing of it. */
const PURE_STAGES = ['delta'];

const CORE = 'libs/mikro-orm/src/';
const LIBS = sourceFiles('libs/mikro-orm/src', 'libs/nestjs/src', 'libs/browser/src');
const OUTSIDE = sourceFiles('apps', 'test', 'bench');

describe('the table of imports', () => {
  it('keeps the write half and the read half apart', () => {
    const reaches = (from: string) => MAY_IMPORT[from]!.map(to => to.replace('type ', ''));
    expect(WRITE_HALF.filter(stage => reaches(stage).some(to => READ_HALF.includes(to)))).toEqual([]);
    expect(READ_HALF.filter(stage => reaches(stage).some(to => WRITE_HALF.includes(to)))).toEqual([]);
  });

  it('lets no stage load what loads it', () => {
    const loads = Object.entries(MAY_IMPORT).map(
      ([from, to]) => [from, to.filter(e => !e.startsWith('type '))] as const,
    );
    expect(cyclesIn(new Map(loads))).toEqual([]);
  });
});

describe('the core', () => {
  const core = LIBS.filter(file => file.path.startsWith(CORE));

  it('has no stage that the table does not name', () => {
    const unknown = core.filter(file => stageOf(file.path) !== 'index' && !(stageOf(file.path) in MAY_IMPORT));
    expect(unknown.map(file => file.path)).toEqual([]);
  });

  it('imports in the directions of the table only', () => {
    expect(core.flatMap(file => wrongDirections(file))).toEqual([]);
  });

  it('loads nothing of MikroORM in its pure stages', () => {
    const loads = core
      .filter(file => PURE_STAGES.includes(stageOf(file.path)))
      .flatMap(file => at(file, i => i.specifier.startsWith('@mikro-orm/') && !i.isTypeOnly));
    expect(loads).toEqual([]);
  });

  it('knows nothing of Nest', () => {
    expect(core.flatMap(file => at(file, i => /^@(nestjs|revy)\//.test(i.specifier)))).toEqual([]);
  });
});

describe.each(['libs/nestjs/src/', 'libs/browser/src/'])('the Nest modules of %s', folder => {
  it('import the core by its package name, and nothing else outside their own folder', () => {
    const nest = LIBS.filter(file => file.path.startsWith(folder));
    const leaves = nest.flatMap(file =>
      at(file, ({ specifier }) =>
        specifier.startsWith('.')
          ? !resolveRelative(file.path, specifier).startsWith(folder)
          : specifier.startsWith('@revy/') && specifier !== '@revy/mikro-orm',
      ),
    );
    expect(leaves).toEqual([]);
  });
});

describe('every library', () => {
  it('has no import cycle', () => {
    const graph = new Map(LIBS.map(file => [file.path, valueTargets(file)]));
    expect(cyclesIn(graph)).toEqual([]);
  });

  it('loads nothing of a peer that need not be there', () => {
    const loads = LIBS.flatMap(file =>
      at(file, ({ specifier, isTypeOnly }) => !isTypeOnly && optionalPeers(file).includes(specifier)),
    );
    expect(loads).toEqual([]);
    // npm takes a peer that is not optional in its latest release, which then asks for the latest core
    expect(optionalPeers(LIBS.find(file => file.path.startsWith(CORE))!)).toContain('@mikro-orm/sql');
  });

  it('imports files that exist, and packages that its package.json names', () => {
    expect(LIBS.flatMap(file => at(file, ({ specifier }) => !isProvided(file, specifier)))).toEqual([]);
  });
});

describe('the demo, the tests and the benchmark', () => {
  it('use the public API; only the specs of a stage reach into that stage', () => {
    const deep = OUTSIDE.flatMap(file =>
      at(file, ({ specifier }) => isDeep(file, specifier) && !isOwnStage(file, specifier)),
    );
    expect(deep).toEqual([]);
  });
});

function stageOf(file: string): string {
  const [first, ...rest] = file.slice(CORE.length).split('/');
  return rest.length > 0 ? first! : first!.replace(/^revy\./, '').replace(/\.ts$/, '');
}

function wrongDirections(file: SourceFile): string[] {
  const from = stageOf(file.path);
  const allowed = MAY_IMPORT[from] ?? [];
  return at(file, ({ specifier, isTypeOnly }) => {
    if (!specifier.startsWith('.') || from === 'index') return false;
    const to = stageOf(resolveRelative(file.path, specifier));
    return to !== from && !allowed.includes(to) && !(isTypeOnly && allowed.includes(`type ${to}`));
  });
}

/** `path:line imports what`, for each import that the predicate picks. */
function at(file: SourceFile, isPicked: (found: SourceFile['imports'][number]) => boolean): string[] {
  return file.imports
    .filter(isPicked)
    .map(i => `${file.path}:${i.line} imports ${i.isTypeOnly ? 'type ' : ''}${i.specifier}`);
}

function valueTargets(file: SourceFile): string[] {
  return file.imports
    .filter(i => !i.isTypeOnly && i.specifier.startsWith('.'))
    .map(i => resolveRelative(file.path, i.specifier));
}

function isProvided(file: SourceFile, specifier: string): boolean {
  if (specifier.startsWith('.')) return fs.existsSync(path.join(ROOT, resolveRelative(file.path, specifier)));
  if (specifier.startsWith('node:')) return true;
  const manifest = readJson<Record<string, Record<string, string> | undefined>>(
    `${file.path.split('/').slice(0, 2).join('/')}/package.json`,
  );
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return name in { ...manifest.dependencies, ...manifest.peerDependencies };
}

function optionalPeers(file: SourceFile): string[] {
  const { peerDependenciesMeta = {} } = readJson<{ peerDependenciesMeta?: Record<string, { optional?: boolean }> }>(
    `${file.path.split('/').slice(0, 2).join('/')}/package.json`,
  );
  return Object.keys(peerDependenciesMeta).filter(name => peerDependenciesMeta[name]!.optional);
}

function isDeep(file: SourceFile, specifier: string): boolean {
  return specifier.startsWith('.')
    ? resolveRelative(file.path, specifier).startsWith('libs/')
    : /^@revy\/[^/]+\/(?!package\.json$)/.test(specifier);
}

function isOwnStage(file: SourceFile, specifier: string): boolean {
  const [, stage] = file.path.match(/^test\/([^/]+)\//) ?? [];
  const target = resolveRelative(file.path, specifier);
  if (stage === 'nest') return target.startsWith('libs/nestjs/src/');
  if (stage === 'browser') return target.startsWith('libs/browser/src/');
  return target.startsWith(CORE) && stageOf(target) === stage;
}

/** One path for each cycle, as `a → b → a`. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const start = trail.indexOf(node);
    if (start >= 0) cycles.push([...trail.slice(start), node].join(' → '));
    if (start >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return cycles;
}
