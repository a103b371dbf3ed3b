// The child process of the memory measure: flushes, collects, and says how much it still holds.
import { setTimeout as wait } from 'node:timers/promises';
import { CustomerWork } from './customer-work.mjs';
import { allDesigns } from './entrants.mjs';
import { query } from './server.mjs';

const { REVY_BENCH_URL: url, REVY_BENCH_DESIGN: name, REVY_BENCH_FLUSHES: flushes } = process.env;
const entrant = await allDesigns.find(design => design.name === name).open(url);
const ids = (await query(url, 'select id from customer order by id')).map(({ id }) => id);
const work = new CustomerWork(entrant, { ids, counter: 2_000_000 });

const points = [];
const step = Math.ceil(Number(flushes) / 5);
for (let done = 0; done <= Number(flushes); done += step) {
  for (let i = 0; done > 0 && i < step; i++) await work.update(1);
  // Two turns of the loop let finalisers run between the collections.
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await wait(20);
  }
  points.push({ flushes: done, heapUsed: process.memoryUsage().heapUsed });
}
await entrant.orm.close();
process.stdout.write(JSON.stringify(points));
