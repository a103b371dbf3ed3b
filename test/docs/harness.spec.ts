import { comparable } from './expected-output.js';
import { readDocument } from './document.js';
import { programsOf } from './program.js';
import { unknownCommands } from './commands.js';
import { blocksOf } from './markdown.js';
import { typeCheck } from '../types/type-check.js';
import { Workshop } from './workshop.js';

let workshop: Workshop;
beforeAll(() => {
  workshop = Workshop.open();
});
afterAll(() => workshop.close());

async function outputsOf(text: string) {
  const [program] = programsOf(readDocument('docs/example.md', text));
  return workshop.run(program!);
}

describe('a program', () => {
  it('runs the blocks of a document in order, each with the imports it shows', async () => {
    const run = await outputsOf(`
<!-- ts hidden
import pg from 'pg';
import { equal } from 'node:assert';
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
-->
~~~ts
import { equal, ok } from 'node:assert';
import { Post } from './post.js';
await client.query("create table post (id int, title text); insert into post values (10, 'Über')");
ok(true);
equal(1, 1);
~~~
~~~sql
select * from post;
~~~
~~~ts scoped
const { rows } = await client.query('select count(*)::int as n from post');
console.log(rows);
~~~
~~~ts scoped
const rows = 'another';
console.log(rows);
~~~
~~~bash run
echo from the shell
~~~
`);
    expect(run).toEqual({
      failure: undefined,
      outputs: [
        '',
        '',
        ' id | title\n----+-------\n 10 | Über\n(1 row)\n',
        '[ { n: 1 } ]\n',
        'another\n',
        'from the shell\n',
      ],
    });
  });

  it('stops at the block that throws, and names its line in the document', async () => {
    const run = await outputsOf(`# Title\n~~~ts\nconsole.log(1);\n~~~\n~~~ts\n\nthrow new Error('no');\n~~~\n`);
    expect(run.outputs).toEqual(['1\n']);
    expect(run.failure).toContain('docs/example.md:7:7');
  });

  it('compiles decorators with their metadata', async () => {
    const run = await outputsOf(
      `~~~ts
import 'reflect-metadata';
const seen: unknown[] = [];
function Noted(target: object, key: string): void {
  seen.push(Reflect.getMetadata('design:type', target, key));
}
class Post {
  @Noted title!: string;
}
console.log(seen);
~~~`,
    );
    expect(run).toEqual({ failure: undefined, outputs: ['[ [Function: String] ]\n'] });
  });

  it('is separate for each block marked alone', () => {
    const programs = programsOf(readDocument('a.md', `~~~ts\n1;\n~~~\n~~~ts alone\n2;\n~~~\n~~~ts\n3;\n~~~`));
    expect(programs.map(({ steps }) => steps.map(({ block }) => block.code))).toEqual([['1;', '3;'], ['2;']]);
  });

  it('reports what does not compile at its line in the document', () => {
    const [program] = programsOf(
      readDocument('a.md', `# Title\n~~~ts\nimport { ok } from 'node:assert';\nok(nothing);\n~~~`),
    );
    const found = typeCheck(new Map([[`${import.meta.dirname}/a.ts`, program!.source]]), ['node']);
    expect([...found.values()]).toEqual([["4: Cannot find name 'nothing'."]]);
  });
});

describe('a document', () => {
  it('is refused where a block runs nowhere, or an output follows nothing that runs', () => {
    const { problems } = readDocument('a.md', `~~~yaml\n~~~\n~~~text\n~~~\n~~~ts plain\n~~~\n~~~yaml plain\n~~~\n`);
    expect(problems).toEqual([
      'a.md:1 is a block of "yaml", which nothing checks. Add the word "plain" if it only shows something.',
      'a.md:5 shows ts that does not run. Take "plain" away, or show it as text.',
      'a.md:3 is the output of no block: the block before it under the same heading does not run. ' +
        'Put it after the block that prints it, or add the word "plain" if it only shows something.',
    ]);
  });

  it('keeps what stands in a comment, in a list or between longer fences apart', () => {
    const blocks = blocksOf(
      'a.md',
      `<!--\n~~~ts\n-->\n1. step\n   ~~~ts\n   if (a)\n     b();\n   ~~~\n~~~~text\n~~~\n~~~~\n`,
    );
    expect(blocks.map(({ language, code, opens, closes }) => ({ language, code, opens, closes }))).toEqual([
      { language: 'ts', code: 'if (a)\n  b();', opens: 5, closes: 8 },
      { language: 'text', code: '~~~', opens: 9, closes: 11 },
    ]);
  });

  it('may call scripts, binaries, files and packages of the repo, and nothing else', () => {
    const [block] = blocksOf(
      'a.md',
      `~~~bash
npm ci && npm test -- test/docs   # all of it
npm install --save-dev prettier @swc/core@1
DATABASE_URL=postgresql://localhost/test npm run lint
npm run nonsense
npm install left-pad-9000
make coffee
~~~`,
    );
    expect(unknownCommands(block!)).toEqual([
      'a.md:5 npm run nonsense',
      'a.md:6 npm install left-pad-9000',
      'a.md:7 make coffee',
    ]);
  });
});

describe('an output', () => {
  it('takes placeholders for what changes from run to run, and any width with them', () => {
    const expected = '| at     | n        |\n| ------ | -------- |\n| <time> | <number> |\nid <uuid>';
    const actual =
      '| at                       | n    |\n| ------------------------ | ---- |\n| 2026-03-04T05:06:07.089Z | 12.5 |\n' +
      'id 0195d7a4-8f3b-7c00-a1b2-c3d4e5f60718  \n';
    expect(comparable(expected, actual)).toEqual({ expected, actual: expected });
  });

  it('keeps its widths where the document holds no placeholder', () => {
    expect(comparable('a  b\n', 'a b\n')).toEqual({ expected: 'a  b', actual: 'a b' });
  });

  it('differs where the document says something else', () => {
    expect(comparable('a <number>\nb', 'a x\nb\n')).toEqual({ expected: 'a <number>\nb', actual: 'a x\nb' });
  });
});
