#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { init } from './init.js';
import { InitRefusal } from './init.errors.js';

const USAGE = `revy init [--config FILE] [--no-migration]

Adds revy() to the MikroORM configuration of this project, and makes the migration for its tables with MikroORM's
command line, where that is installed. Changes nothing where it is not clear what to change, and nothing twice.`;

process.exitCode = run();

function run(): number {
  try {
    const { values, positionals } = parseArgs({
      options: { config: { type: 'string' }, migration: { type: 'boolean', default: true }, help: { type: 'boolean' } },
      allowPositionals: true,
      allowNegative: true,
    });
    if (values.help || positionals.length !== 1 || positionals[0] !== 'init') {
      console.log(USAGE);
      return values.help ? 0 : 1;
    }
    const say = (line: string) => console.log(line);
    return init({ folder: process.cwd(), config: values.config, withMigration: values.migration, say }) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof InitRefusal) && !(error instanceof TypeError)) throw error;
    console.error(error.message);
    return 1;
  }
}
