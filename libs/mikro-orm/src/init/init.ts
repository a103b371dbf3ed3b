import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { addExtension } from './add-extension.js';
import type { TypeScript } from './config-object.js';
import { BY_HAND, InitRefusal } from './init.errors.js';

const NAMES = ['ts', 'mts', 'js', 'mjs'].map(extension => `mikro-orm.config.${extension}`);

/** What `init` is asked to do. */
export interface InitRequest {
  readonly folder: string;
  /** Path of the configuration, from the folder; without one, the usual places are looked at. */
  readonly config?: string | undefined;
  /** Whether the migration is made as well. */
  readonly withMigration: boolean;
  readonly say: (line: string) => void;
}

/**
 * Adds `revy()` to a MikroORM configuration, and has MikroORM's own command line make the migration.
 *
 * @returns whether everything that was asked for is done
 * @throws {InitRefusal} if nothing was changed, with the reason
 */
export function init({ folder, config, withMigration, say }: InitRequest): boolean {
  const file = findConfig(folder, config);
  const source = fs.readFileSync(path.join(folder, file), 'utf8');
  const changed = addExtension(loadTypeScript(folder), file, source);
  if (changed === undefined) {
    say(`${file} lists revy() already: nothing was changed.`);
    say('If the database lacks its tables: npx mikro-orm migration:create');
    return true;
  }
  fs.writeFileSync(path.join(folder, file), changed);
  say(`${file}: added revy() to "extensions".`);
  return withMigration ? createMigration(folder, say) : sayMigration(say);
}

function findConfig(folder: string, given: string | undefined): string {
  const candidates =
    given === undefined ? [...listedPaths(folder), ...NAMES.map(name => `src/${name}`), ...NAMES] : [given];
  const found = candidates.find(file => fs.existsSync(path.join(folder, file)));
  if (found !== undefined) return found;
  if (given !== undefined) throw new InitRefusal(`there is no ${given}`, 'Check the path.');
  throw new InitRefusal('there is no mikro-orm.config.ts here or in src', 'Name it: --config path/to/the/file.ts');
}

/** Sources that package.json names for MikroORM's own command line. */
function listedPaths(folder: string): string[] {
  const file = path.join(folder, 'package.json');
  if (!fs.existsSync(file)) return [];
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8')) as { 'mikro-orm'?: { configPaths?: string[] } };
  return (manifest['mikro-orm']?.configPaths ?? []).filter(one => !/(^|\/)(dist|build)\//.test(one));
}

function loadTypeScript(folder: string): TypeScript {
  try {
    const typescript = createRequire(path.join(folder, 'package.json'))('typescript') as Partial<TypeScript>;
    if (typescript.createSourceFile) return typescript as TypeScript;
  } catch {
    // said below, with what to do
  }
  throw new InitRefusal('reading the file takes the package typescript, in version 5 or 6, in this project', BY_HAND);
}

function createMigration(folder: string, say: (line: string) => void): boolean {
  const cli = path.join(folder, 'node_modules/.bin/mikro-orm');
  if (!fs.existsSync(cli)) return sayMigration(say);
  say('npx mikro-orm migration:create');
  const { status, stdout, stderr } = spawnSync(cli, ['migration:create'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const lines = `${stdout}${stderr}`.split('\n').filter(text => text.trim() !== '');
  for (const line of status === 0 ? lines : withoutUsage(lines)) say(`  ${line}`);
  if (status === 0) say('Look at the migration, then run: npx mikro-orm migration:up');
  else say('The migration could not be made, for the reason above. revy() is in place: mend it, and run that again.');
  return status === 0;
}

/** Where it fails, MikroORM's command line prints all of its options before the reason. */
function withoutUsage(lines: readonly string[]): string[] {
  const usage = lines.findIndex(line => line.startsWith('mikro-orm migration:create'));
  const reason = lines.findIndex(line => /^\w*Error\b/.test(line));
  const kept = usage < 0 || reason < usage ? lines : [...lines.slice(0, usage), ...lines.slice(reason)];
  return kept.filter(line => !/^\s+at /.test(line));
}

function sayMigration(say: (line: string) => void): boolean {
  say('Make the migration for its tables: npx mikro-orm migration:create (or orm.migrator.create())');
  return true;
}
