import { transformSync } from '@swc/core';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createDatabase } from '../support/database.js';
import type { Program } from './program.js';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const LIBS = {
  '@revy/mikro-orm': 'libs/mikro-orm',
  '@revy/nestjs': 'libs/nestjs',
  '@revy/browser': 'libs/browser',
};
const LIMIT_MS = 90_000;

export interface Run {
  /** What each step printed; shorter than the program's steps if it stopped early. */
  readonly outputs: readonly string[];
  /** Why it stopped early: its last words. */
  readonly failure: string | undefined;
}

/**
 * A folder in which a document's program finds `@revy/*` as an installed package.
 *
 * The libraries are compiled here, from `src` and by swc, as Jest does it: whether and when `dist` was built makes no
 * difference. The folder lies below node_modules, so every other package resolves to the one that the libraries use.
 */
export class Workshop {
  private constructor(readonly folder: string) {}

  static open(): Workshop {
    const parent = path.join(ROOT, 'node_modules/.cache/revy-docs');
    fs.mkdirSync(parent, { recursive: true });
    const workshop = new Workshop(fs.mkdtempSync(path.join(parent, 'run-')));
    fs.copyFileSync(path.join(import.meta.dirname, 'runtime.mjs'), path.join(workshop.folder, 'runtime.mjs'));
    for (const [name, source] of Object.entries(LIBS)) workshop.installLibrary(name, source);
    return workshop;
  }

  /** Runs a program in a Node process and on a database of its own. */
  async run(program: Program): Promise<Run> {
    const file = path.join(this.folder, `${program.name}.mjs`);
    fs.writeFileSync(file, compile(program.runnable, path.join(ROOT, program.steps[0]!.block.document)));
    const database = await createDatabase();
    try {
      return await execute(file, database.url);
    } finally {
      await database.drop();
    }
  }

  close(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private installLibrary(name: string, library: string): void {
    const source = path.join(ROOT, library);
    const target = path.join(this.folder, 'node_modules', name);
    fs.cpSync(path.join(source, 'package.json'), path.join(target, 'package.json'));
    for (const entry of fs.readdirSync(path.join(source, 'src'), { recursive: true, encoding: 'utf8' })) {
      const from = path.join(source, 'src', entry);
      const to = path.join(target, 'dist', entry);
      if (fs.statSync(from).isDirectory()) continue;
      fs.mkdirSync(path.dirname(to), { recursive: true });
      if (entry.endsWith('.ts'))
        fs.writeFileSync(to.replace(/\.ts$/, '.js'), compile(fs.readFileSync(from, 'utf8'), from));
      else fs.copyFileSync(from, to);
    }
  }
}

function compile(code: string, filename: string): string {
  return transformSync(code, {
    filename,
    sourceFileName: filename,
    sourceMaps: 'inline',
    swcrc: false,
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
  }).code;
}

function execute(file: string, databaseUrl: string): Promise<Run> {
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    REVY_ROOT: ROOT,
    NO_COLOR: '1',
    TZ: 'UTC',
    NODE_OPTIONS: '',
  };
  const child = spawn(process.execPath, ['--enable-source-maps', '--disable-warning=ExperimentalWarning', file], {
    cwd: path.dirname(file),
    env: Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'FORCE_COLOR')),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr]: string[][] = [[], []];
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout!.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr!.push(text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const pieces = stdout!.join('').split(/<<end of block \d+>>/);
      const ended = signal ? `killed after ${LIMIT_MS / 1000} s` : `ended with ${code}`;
      const lastWords = `${pieces.at(-1)}\n${stderr!.join('')}`.trim().slice(-4_000);
      resolve({ outputs: pieces.slice(0, -1), failure: code === 0 ? undefined : `${ended}\n${lastWords}` });
    });
  });
}
