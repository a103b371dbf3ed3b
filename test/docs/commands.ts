import fs from 'node:fs';
import path from 'node:path';
import type { Block } from './markdown.js';
import { ROOT } from './workshop.js';

/** Commands that no machine without a network or a terminal can check, each with the reason to believe it. */
const TAKEN_ON_TRUST: readonly RegExp[] = [
  /^git clone \S+/, // what .ci/run was started from
  /^cd \S+$/,
  /^export [A-Z_]+=\S+$/,
  /^docker run .*\bpostgres(:\d+)?\b/,
];

/** The commands of a shell block that name no script, program, file or package of this repo. */
export function unknownCommands(block: Block): string[] {
  return commandsOf(block.code)
    .filter(({ command }) => !isKnown(command))
    .map(({ command, line }) => `${block.document}:${block.opens + line} ${command}`);
}

function commandsOf(code: string): { command: string; line: number }[] {
  return code
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((text, i) => ({ text: text.replace(/(^|\s)#.*$/, '').replace(/^\s*\$ /, ''), line: i + 1 }))
    .flatMap(({ text, line }) => text.split(/&&|;/).map(part => ({ command: withoutVariables(part.trim()), line })))
    .filter(({ command }) => command !== '');
}

function withoutVariables(command: string): string {
  return command.replace(/^([A-Z_]+=\S+\s+)+/, '');
}

function isKnown(command: string): boolean {
  if (TAKEN_ON_TRUST.some(pattern => pattern.test(command))) return true;
  const [program, ...rest] = command.split(/\s+/);
  const [first = ''] = rest;
  if (program === 'npm') return isNpm(rest);
  if (program === 'npx') return exists(`node_modules/.bin/${first}`) || hasProgram(first);
  if (program === 'node') return exists(first);
  return program!.includes('/') && exists(program!);
}

function isNpm([verb = '', ...rest]: string[]): boolean {
  const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
  const names = rest.filter(word => !word.startsWith('-'));
  if (verb === 'ci') return names.length === 0;
  if (verb === 'test' || verb === 'start') return scripts.includes(verb);
  if (verb === 'run') return scripts.includes(names[0] ?? '');
  return (
    ['install', 'i'].includes(verb) && names.every(name => exists(`node_modules/${name.replace(/(?<=.)@.*$/, '')}`))
  );
}

/** `npx PACKAGE` runs its one program; a workspace's own is not linked before it is built. */
function hasProgram(name: string): boolean {
  const manifest = `node_modules/${name}/package.json`;
  return name !== '' && exists(manifest) && 'bin' in (JSON.parse(read(manifest)) as object);
}

function exists(file: string): boolean {
  return file !== '' && fs.existsSync(path.join(ROOT, file));
}

function read(file: string): string {
  return fs.readFileSync(path.join(ROOT, file), 'utf8');
}
