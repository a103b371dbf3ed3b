import type { Activity, ActivityStep } from '@revy/mikro-orm';
import { type Html, markup } from './markup.js';

const HEIGHT = 60;
const SLOT = 10;
const BAR = 8;
/** A few bars are not to fill the whole width: before the first of them there was nothing. */
const FEWEST_BARS = 24;
/** Seconds, from the longest; a step of 14 days is 2 weeks. */
const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** How many revisions there were when, as bars; as a table as well, for those who do not see or point at them. */
export function activityPicture(
  { steps, stepSeconds }: Activity,
  linkTo: (since: string, until: string) => string,
): Html | false {
  if (steps.length < 2) return false;
  const most = Math.max(...steps.map(({ revisions }) => revisions));
  const total = steps.reduce((sum, { revisions }) => sum + revisions, 0);
  const unit = unitOf(stepSeconds);
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const name = `${total} revisions from ${when(first.from)} to ${when(last.from)} UTC, at most ${most} in ${unit}`;
  const before = Math.max(0, FEWEST_BARS - steps.length);
  const begin = new Date(first.from.getTime() - before * stepSeconds * 1000);
  const width = (before + steps.length) * SLOT;
  return markup`<figure class="activity">
<svg role="img" aria-label="${name}" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none">
<title>${name}</title>${steps.map((step, index) => bar(step, before + index, most))}</svg>
<figcaption><span>${when(begin)}</span> <span>${total} revisions, by ${unit}</span> <span>${when(last.from)}</span></figcaption>
<details><summary>As a table</summary><div class="table"><table>
<thead><tr><th scope="col">From (UTC)</th><th scope="col">Revisions</th></tr></thead>
<tbody>${steps.filter(({ revisions }) => revisions > 0).map(step => row(step, stepSeconds, linkTo))}</tbody></table></div></details>
</figure>`;
}

function bar({ from, revisions }: ActivityStep, index: number, most: number): Html | false {
  if (revisions === 0) return false;
  const height = Math.max(2, Math.round((revisions / most) * HEIGHT));
  return markup`<rect x="${index * SLOT}" y="${HEIGHT - height}" width="${BAR}" height="${height}"><title>${when(from)}: ${revisions}</title></rect>`;
}

function row({ from, revisions }: ActivityStep, seconds: number, linkTo: (since: string, until: string) => string) {
  const until = new Date(from.getTime() + seconds * 1000 - 1);
  return markup`<tr><td><a href="${linkTo(from.toISOString(), until.toISOString())}">${when(from)}</a></td><td>${revisions}</td></tr>
`;
}

function unitOf(seconds: number): string {
  const [name, length] = UNITS.find(([, one]) => seconds % one === 0)!;
  const count = seconds / length;
  return count === 1 ? name : `${count} ${name}s`;
}

/** As short as it can be said. */
function when(time: Date): string {
  const iso = time.toISOString();
  if (iso.endsWith('T00:00:00.000Z')) return iso.slice(0, 10);
  return `${iso.slice(0, 10)} ${iso.slice(11, iso.endsWith(':00.000Z') ? 16 : 19)}`;
}
