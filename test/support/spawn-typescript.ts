import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';

const LOADER = path.join(import.meta.dirname, 'typescript.mjs');

/** Starts a file of TypeScript as a process of its own. What it prints is piped, and what it complains of is shown. */
export function spawnTypescript(file: string, args: readonly string[]): ChildProcess {
  const options = ['--disable-warning=ExperimentalWarning', '--import', LOADER];
  return spawn(process.execPath, [...options, file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}
