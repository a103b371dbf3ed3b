import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/**
 * Times `baseline` and `entrant` in turn, so that whatever else the machine does hits both.
 *
 * One pair is the sum of `repeats` of each; who begins alternates. Both functions return the milliseconds of the part
 * that counts: what they prepare is not timed.
 *
 * @returns {Promise<{ baseline: number[], entrant: number[] }>} milliseconds of one repeat, one number for each pair
 */
export async function samplePairs({ baseline, entrant, pairs, repeats = 1, betweenPairs = async () => {} }) {
  const samples = { baseline: [], entrant: [] };
  for (let pair = 0; pair < pairs; pair++) {
    await betweenPairs();
    collectGarbage();
    const sum = { baseline: 0, entrant: 0 };
    for (let i = 0; i < repeats; i++) {
      const isBaselineFirst = (pair + i) % 2 === 0;
      if (isBaselineFirst) sum.baseline += await baseline();
      sum.entrant += await entrant();
      if (!isBaselineFirst) sum.baseline += await baseline();
    }
    samples.baseline.push(sum.baseline / repeats);
    samples.entrant.push(sum.entrant / repeats);
  }
  return samples;
}

/** Samples each function in turn, `rounds` times, in rotating order. */
export async function sampleInTurn(functions, rounds) {
  const names = Object.keys(functions);
  const samples = Object.fromEntries(names.map(name => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length];
      collectGarbage();
      samples[name].push(await functions[name]());
    }
  }
  return samples;
}

export async function milliseconds(fn) {
  const start = performance.now();
  await fn();
  return performance.now() - start;
}

export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at % 1);
}

export const median = numbers => quantile(numbers, 0.5);

/** The ratios of each pair: their median, and the quartiles as the spread. */
export function ratio(samples) {
  const ratios = samples.entrant.map((ms, i) => ms / samples.baseline[i]);
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75), pairs: ratios.length };
}
