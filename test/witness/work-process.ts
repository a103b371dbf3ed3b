import { joinStage } from './stage.js';
import { work } from './work.js';

// A process of several workers: `work-process.ts URL SHIFT`, where the shift is JSON. Prints what it came to.

const [url, shift] = process.argv.slice(2);
const orm = await joinStage(url!, { min: 0, max: 8 });
const worked = await work(orm, JSON.parse(shift!) as Parameters<typeof work>[1]);
await orm.close(true);
process.stdout.write(JSON.stringify(worked));
