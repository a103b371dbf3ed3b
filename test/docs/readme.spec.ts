import fs from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { typeCheck } from '../types/type-check.js';
import { unknownCommands } from './commands.js';
import { type Step, readDocument } from './document.js';
import { comparable } from './expected-output.js';
import type { Block } from './markdown.js';
import { type Program, programsOf } from './program.js';
import { type Run, ROOT, Workshop } from './workshop.js';

// Every fenced block of README.md and docs/ does what the document says. CONTRIBUTING.md explains how to write one.
const names = fs
  .globSync(['README.md', 'docs/**/*.md'], { cwd: ROOT })
  .map(file => file.split(path.sep).join('/'))
  .filter(file => !file.startsWith('docs/adr/'))
  .toSorted();
const documents = names.map(name => readDocument(name, fs.readFileSync(path.join(ROOT, name), 'utf8')));
const programs = documents.flatMap(document => programsOf(document).map(program => ({ document, program })));

let workshop: Workshop;
beforeAll(() => {
  workshop = Workshop.open();
});
afterAll(() => workshop.close());

it('there is a README', () => {
  expect(names).toContain('README.md');
});

it('every TypeScript block compiles', () => {
  const sources = new Map(programs.map(({ program }) => [virtualFile(program), program.source]));
  const found = typeCheck(sources, ['node']);
  const wrong = programs.flatMap(({ document, program }) =>
    found.get(virtualFile(program))!.map(diagnostic => `${document.name}:${diagnostic}`),
  );
  expect(wrong).toEqual([]);
}, 60_000);

for (const document of documents) {
  describe(`${document.name}`, () => {
    it('has no block that nothing checks', () => {
      expect(document.problems).toEqual([]);
    });

    it('names commands that exist', () => {
      expect(document.commands.flatMap(block => unknownCommands(block))).toEqual([]);
    });

    it('shows JSON that parses', () => {
      expect(document.json.flatMap(block => jsonErrors(block))).toEqual([]);
    });

    for (const program of programsOf(document)) {
      describe(`program ${program.name}`, () => {
        itsStepsRun(program);
      });
    }
  });
}

function itsStepsRun(program: Program): void {
  let run: Run;
  beforeAll(async () => {
    run = await workshop.run(program);
  }, 120_000);

  for (const [i, step] of program.steps.entries()) {
    it(`line ${step.block.opens}: ${step.kind}`, () => {
      const { expected, actual } = outputOf(run, step, i);
      expect(actual).toBe(expected);
    });
  }
}

/** What the block says and what it printed, both headed by the line of the document, for a message that names it. */
function outputOf(run: Run, { block, output }: Step, i: number): { expected: string; actual: string } {
  const where = `${block.document}:${block.opens}`;
  if (i > run.outputs.length) throw new Error(`${where} was not reached.`);
  if (i === run.outputs.length) throw new Error(`${where} did not run to its end: ${run.failure}`);
  if (block.isHidden) return { expected: '', actual: '' };
  const says = output ? `${block.document}:${output.opens} shows` : `${where} prints what no block shows:`;
  const { expected, actual } = comparable(output?.code ?? '', run.outputs[i]!);
  return { expected: `${says}\n${expected}`, actual: `${says}\n${actual}` };
}

function jsonErrors(block: Block): string[] {
  const where = `${block.document}:${block.opens}`;
  if (block.language === 'json') return isJson(block.code) ? [] : [`${where} is not JSON.`];
  return ts.parseConfigFileTextToJson(where, block.code).error ? [`${where} is not JSON with comments.`] : [];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Nothing is written there: it only tells the compiler where to look for packages from. */
function virtualFile(program: Program): string {
  return path.join(ROOT, 'docs', `${program.name}.ts`);
}
