import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './source-tree.js';

// docs/conformance.md says where each behaviour is tested. What it says has to be so.

interface Row {
  readonly number: string;
  readonly text: string;
}

const rows = [...read('docs/conformance.md').matchAll(/^\| ([A-Z]\d{1,2}) +\| (.*?) *\|$/gm)].map(
  ([, number, text]): Row => ({ number: number!, text: text! }),
);

/** Says why there is no test, or that one is to come; files that it names are for further reading. */
const REASON = /^(Issue \d|Does not apply|Not offered|`bench\/`)/;

describe('docs/conformance.md', () => {
  it('has a row for each number of a section, once and in order', () => {
    const sections = Map.groupBy(rows, ({ number }) => number[0]!);
    const inOrder = [...sections].flatMap(([letter, some]) => some.map((_, index) => `${letter}${index + 1}`));
    expect(rows.map(({ number }) => number)).toEqual(inOrder);
    expect(rows.length).toBeGreaterThan(150);
  });

  it('names a test or a reason for each', () => {
    expect(rows.filter(({ text }) => testsIn(text).length === 0 && !REASON.test(text))).toEqual([]);
  });

  it('names no file that has no test of the number', () => {
    const wrong = rows
      .filter(({ text }) => !REASON.test(text))
      .flatMap(({ number, text }) => testsIn(text).map(file => ({ number, file })))
      .filter(({ number, file }) => !numbersIn(file).has(number));
    expect(wrong).toEqual([]);
  });
});

function read(file: string): string {
  return fs.readFileSync(path.join(ROOT, file), 'utf8');
}

function testsIn(text: string): string[] {
  return [...text.matchAll(/`(test\/[^`]+\.spec\.ts)`/g)].map(([, file]) => file!);
}

/** The numbers that titles in a file begin with: `'A1: …'`, `'A16, A17: …'`. */
function numbersIn(file: string): Set<string> {
  if (!fs.existsSync(path.join(ROOT, file))) return new Set();
  const titles = read(file).matchAll(/['"`]((?:[A-Z]\d{1,2}, )*[A-Z]\d{1,2}): /g);
  return new Set([...titles].flatMap(([, numbers]) => numbers!.split(', ')));
}
