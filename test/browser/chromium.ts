import fs from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

// In a real browser, where there is one: Debian's (apt-get install chromium), or that of CHROMIUM.
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PLACES.find(place => place && fs.existsSync(place));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Why tests in Chromium are skipped, for their title. */
export const skipped = executablePath
  ? ''
  : ' (skipped: there is no Chromium at any usual place, and CHROMIUM names none)';

export const describeInChromium = executablePath ? describe : describe.skip;

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
}

/** A page of which everything that should not happen is noted: errors, refusals of the policy, and dialogs. */
export async function watchedPage(context: BrowserContext, origin: string, noise: string[]): Promise<Page> {
  const page = await context.newPage();
  page.on('console', message => noise.push(message.text()));
  page.on('pageerror', error => noise.push(error.message));
  page.on('request', request => void (request.url().startsWith(origin) || noise.push(request.url())));
  page.on('dialog', dialog => {
    noise.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  return page;
}

/** What axe finds wrong with a page whose policy is bypassed. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE });
  return (await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))')) as string[];
}
