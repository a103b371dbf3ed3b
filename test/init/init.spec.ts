import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT, Workshop } from '../docs/workshop.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

const CONFIG = `import { Migrator } from '@mikro-orm/migrations';
import { defineConfig, defineEntity, p } from '@mikro-orm/postgresql';

const Post = defineEntity({ name: 'Post', properties: { id: p.integer().primary(), title: p.string() } });

export default defineConfig({
  clientUrl: process.env.DATABASE_URL,
  entities: [Post],
  extensions: [Migrator],
  migrations: { path: './migrations', emit: 'cjs', snapshot: false },
});
`;

let workshop: Workshop;
let project: string;
let database: TestDatabase;

beforeAll(async () => {
  workshop = Workshop.open();
  database = await createDatabase();
});

beforeEach(() => {
  project = fs.mkdtempSync(path.join(workshop.folder, 'project-'));
  write('package.json', '{ "type": "module" }');
});

afterAll(async () => {
  workshop.close();
  await database.drop();
});

const write = (file: string, text: string) => fs.writeFileSync(path.join(project, file), text);
const read = (file: string) => fs.readFileSync(path.join(project, file), 'utf8');

/** The project's own `node_modules/.bin`, with MikroORM's command line. */
function installCommandLine(): void {
  write('package.json', '{ "type": "module", "devDependencies": { "@mikro-orm/cli": "7.2.1" } }');
  fs.mkdirSync(path.join(project, 'node_modules/.bin'), { recursive: true });
  fs.symlinkSync(
    path.join(ROOT, 'node_modules/@mikro-orm/cli/cli.js'),
    path.join(project, 'node_modules/.bin/mikro-orm'),
  );
}

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const bin = path.join(workshop.folder, 'node_modules/@revy/mikro-orm/dist/init/command-line.js');
  const bins = path.join(ROOT, 'node_modules/.bin');
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    NO_COLOR: '1',
    DATABASE_URL: database.url,
    PATH: `${bins}${path.delimiter}${process.env['PATH']}`,
  };
  const options = { cwd: project, env };
  return promisify(execFile)(process.execPath, [bin, ...args], options).then(
    out => ({ code: 0, ...out }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe('revy init', () => {
  it('adds the extension, makes a migration that holds, and does nothing the second time', async () => {
    write('mikro-orm.config.js', CONFIG);
    installCommandLine();
    const first = await run('init');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('mikro-orm.config.js: added revy() to "extensions".');
    expect(first.stdout).toContain('Look at the migration, then run: npx mikro-orm migration:up');
    expect(read('mikro-orm.config.js')).toContain('extensions: [Migrator, revy()],');
    const [migration, ...others] = fs.readdirSync(path.join(project, 'migrations'));
    expect(others).toEqual([]);
    expect(read(`migrations/${migration}`)).toMatch(/create table "revy_revision"/);
    const cli = path.join(project, 'node_modules/.bin/mikro-orm');
    await promisify(execFile)(process.execPath, [cli, 'migration:up'], {
      cwd: project,
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
    });
    expect(await database.query(`select to_regclass('revy_attribute_delta') is not null as exists`)).toEqual([
      { exists: true },
    ]);

    const config = read('mikro-orm.config.js');
    const second = await run('init');
    expect(second.stdout).toContain('mikro-orm.config.js lists revy() already: nothing was changed.');
    expect(second.code).toBe(0);
    expect(read('mikro-orm.config.js')).toBe(config);
    expect(fs.readdirSync(path.join(project, 'migrations'))).toHaveLength(1);
  });

  it('takes a path, and says what to run where there is no command line or it is not wanted', async () => {
    write('orm.ts', CONFIG);
    const { code, stdout } = await run('init', '--config', 'orm.ts', '--no-migration');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'orm.ts: added revy() to "extensions".\n' +
        'Make the migration for its tables: npx mikro-orm migration:create (or orm.migrator.create())\n',
    });
    expect(read('orm.ts')).toContain('extensions: [Migrator, revy()],');
  });

  it('finds the file that package.json names', async () => {
    write('package.json', '{ "mikro-orm": { "configPaths": ["./dist/orm.js", "./orm.mjs"] } }');
    write('orm.mjs', CONFIG);
    expect((await run('init')).stdout).toMatch(/^\.\/orm\.mjs: added/);
  });

  it('keeps the extension where the migration fails, and says why', async () => {
    write('mikro-orm.config.js', CONFIG.replace(`'@mikro-orm/migrations'`, `'./missing.js'`));
    installCommandLine();
    const { code, stdout } = await run('init');
    expect(code).toBe(1);
    expect(stdout).toContain('missing.js');
    expect(stdout).not.toMatch(/--blank|^\s+at /m);
    expect(stdout).toContain(
      'The migration could not be made, for the reason above. revy() is in place: mend it, and run that again.',
    );
  });

  it.each([
    [['init'], /^Nothing was changed: there is no mikro-orm\.config\.ts here or in src\. Name it: --config/],
    [['init', '--config', 'none.ts'], /^Nothing was changed: there is no none\.ts\. Check the path\./],
    [['init', '--config', 'spread.ts'], /^Nothing was changed: the configuration spreads another one/],
    [['init', '--what'], /Unknown option '--what'/],
  ])('changes nothing for %j', async (args, reason) => {
    write('spread.ts', 'export default { ...base };');
    const { code, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(read('spread.ts')).toBe('export default { ...base };');
  });

  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^revy init \[--config FILE\]/),
    });
    expect((await run()).code).toBe(1);
  });
});
