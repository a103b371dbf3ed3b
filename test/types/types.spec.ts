import fs from 'node:fs';
import path from 'node:path';
import { typeCheck } from './type-check.js';

// Jest compiles with swc, which drops types unread. These files are checked, not run: a line under `@ts-expect-error`
// must fail to compile, every other line must compile.
const files = fs.readdirSync(import.meta.dirname).filter(file => file.endsWith('.test-d.ts'));
const diagnostics = typeCheck(new Map(files.map(file => [path.join(import.meta.dirname, file), null])));

it('finds type tests', () => {
  expect(files).not.toEqual([]);
});

for (const file of files) {
  it(`${file} holds`, () => {
    expect(diagnostics.get(path.join(import.meta.dirname, file))).toEqual([]);
  });
}
