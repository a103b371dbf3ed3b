// Takes the picture in docs/browser.md from a running demo, whose history is a file beside this one:
//   npm run demo -- --file docs/images/library.jsonl
//   node docs/images/take.mjs http://127.0.0.1:3000/history
import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const [address = 'http://127.0.0.1:3000/history'] = process.argv.slice(2);
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PLACES.find(place => place && fs.existsSync(place));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  await changeDocuments(new URL(address).origin);
  const page = await browser.newPage({ viewport: { width: 1000, height: 640 }, colorScheme: 'light' });
  await page.goto(address);
  await page.screenshot({ path: fileURLToPath(new URL('history.png', import.meta.url)) });
} finally {
  await browser.close();
}

/** Some people at work for a while, so that there is activity to see. */
async function changeDocuments(demo) {
  for (let n = 1; n <= 40; n++) {
    const document = 1 + ((n * 7) % 11);
    await fetch(`${demo}/documents/${document}`, {
      method: 'PATCH',
      headers: { 'x-author': String(1 + ((n * 3) % 4)), 'content-type': 'application/json' },
      body: JSON.stringify({ size: 900 + n * 37 }),
    });
    await setTimeout(120 + 700 * Math.sin(n / 3) ** 2);
  }
}
