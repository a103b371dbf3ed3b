// `npm run soak -- MINUTES [PATTERN]`: the work of test/witness for longer, an hour unless told. Seeds are printed.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const [minutes = '60', ...patterns] = process.argv.slice(2);
const home = path.resolve(import.meta.dirname, '../..');
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const env = { ...process.env, SOAK_MINUTES: minutes };
const specs = patterns.length > 0 ? patterns : ['test/witness'];
const { status } = spawnSync(process.execPath, [...jest, '--runInBand', ...specs], {
  cwd: home,
  env,
  stdio: 'inherit',
});
process.exit(status ?? 1);
