import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../apps/demo/src/command-line.js';
import { layOutTable } from '../../apps/demo/src/tour/lay-out-table.js';
import { Progress } from '../../apps/demo/src/tour/progress.js';
import { Terminal } from '../../apps/demo/src/tour/terminal.js';

function terminal(options: { isTTY?: boolean; columns?: number }, environment: NodeJS.ProcessEnv = {}) {
  const written: string[] = [];
  return { terminal: new Terminal({ ...options, write: text => written.push(text) }, environment), written };
}

describe('the command line', () => {
  it('replays the own repository, once or serving, by default', () => {
    expect(parseCommandLine([])).toEqual({
      repo: undefined,
      file: undefined,
      port: 3000,
      isOnce: false,
      isComparison: false,
      isCheck: false,
      isHelp: false,
    });
    expect(parseCommandLine(['--file', 'a.jsonl.gz', '--once', '--port=0'])).toMatchObject({
      file: 'a.jsonl.gz',
      isOnce: true,
      port: 0,
    });
  });

  it.each([
    [['--faster'], "Unknown option '--faster'."],
    [['somewhere'], "Unexpected argument 'somewhere'."],
    [['--repo'], "Option '--repo <value>' argument missing."],
    [['--port', '70000'], '--port takes a number from 0 to 65535, not "70000".'],
    [['--port', 'http'], '--port takes a number from 0 to 65535, not "http".'],
    [['--repo', 'a', '--file', 'b'], '--repo and --file exclude each other: there is one history to replay.'],
  ])('refuses %j', (argv, problem) => {
    expect(() => parseCommandLine(argv)).toThrow(`${problem} Run \`npm run demo -- --help\` for what there is.`);
  });
});

describe('a table', () => {
  it('aligns its columns and cuts the widest ones until it fits', () => {
    const columns = [
      { title: 'path', cut: 'start' },
      { title: 'bytes', align: 'right' },
    ] as const;
    expect(
      layOutTable(
        columns,
        [
          ['a/very/long/path.md', '7'],
          ['b', '1234'],
        ],
        20,
      ),
    ).toEqual(['path           bytes', '…long/path.md      7', 'b               1234']);
  });

  it('measures letters as a terminal shows them, and shows no control characters', () => {
    expect(
      layOutTable(
        [{ title: 'name' }, { title: 'x' }],
        [
          ['日本語', '1'],
          ['é\n', '2'],
        ],
        80,
      ),
    ).toEqual(['name    x', '日本語  1', 'é·      2']);
  });
});

describe('the terminal', () => {
  it('colours only where somebody watches and did not say no', () => {
    expect(terminal({ isTTY: true }).terminal.style('green', 'ok')).toBe('\x1b[32mok\x1b[39m');
    expect(terminal({ isTTY: true }, { NO_COLOR: '1' }).terminal.style('green', 'ok')).toBe('ok');
    expect(terminal({}).terminal.style('green', 'ok')).toBe('ok');
  });

  it('draws a bar for a person, and a line each tenth for a file', () => {
    const file = terminal({});
    const progress = new Progress(file.terminal, 'commits', 20);
    for (let done = 1; done <= 20; done++) {
      progress.update(done);
    }
    progress.end();
    expect(file.written).toHaveLength(10);
    expect(file.written[0]).toBe('   10 %  2 of 20 commits\n');
    const person = terminal({ isTTY: true }, { NO_COLOR: '1' });
    new Progress(person.terminal, 'commits', 2).update(2);
    expect(person.written).toEqual([`\r\x1b[2K  ${'█'.repeat(32)} 100 %  2 of 2 commits, 0 s left`]);
  });
});
