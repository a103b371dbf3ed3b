import fs from 'node:fs';
import { createRequire } from 'node:module';
import { RevisionContext } from '@revy/mikro-orm';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { BlogApp } from '../nest/blog-app.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser } from './browser-app.js';

// In a real browser, where there is one: Debian's (apt-get install chromium), or that of CHROMIUM.
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PLACES.find(place => place && fs.existsSync(place));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(2)</script>' onfocus=alert(3) autofocus=' \u202eevil שלום 👩‍👩‍👧`;
const PAGES = ['', '?type=Post', '/revisions/1', '/revisions/2', '/object?type=Post&id=1&from=1&to=2'];
const ALL_PAGES = [...PAGES, '/deleted'];

const describeInChromium = executablePath ? describe : describe.skip;
const reason = executablePath ? '' : ' (skipped: there is no Chromium at any usual place, and CHROMIUM names none)';

describeInChromium(`the pages in Chromium${reason}`, () => {
  let blog: TestOrm;
  let running: BlogApp;
  let browser: Browser;
  let context: BrowserContext | undefined;
  const noise: string[] = [];

  beforeAll(async () => {
    blog = await createOrm();
    const em = blog.orm.em.fork();
    const ann = em.create(User, { name: HOSTILE });
    const post = em.create(Post, { title: HOSTILE, views: 0, meta: { [HOSTILE]: 'x'.repeat(2 ** 20) }, author: ann });
    await RevisionContext.run({ revisionDescription: HOSTILE, metadata: { [HOSTILE]: HOSTILE } }, () => em.flush());
    await RevisionContext.run({ actor: ann, revisionDescription: 'retitled' }, async () => {
      post.title = `${HOSTILE} again`;
      post.tags.add(em.create(Tag, { name: 'red' }));
      await em.flush();
    });
    running = await startBrowser({ url: blog.database.url });
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
  });

  beforeEach(() => void noise.splice(0));

  afterEach(() => context?.close());

  afterAll(async () => {
    await browser?.close();
    await running?.app.close();
    await blog?.close();
  });

  /** A page of which everything that should not happen is noted: errors, refusals of the policy, and dialogs. */
  const open = async (path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> => {
    context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('console', message => noise.push(message.text()));
    page.on('pageerror', error => noise.push(error.message));
    page.on('request', request => void (request.url().startsWith(running.url) || noise.push(request.url())));
    page.on('dialog', dialog => {
      noise.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(`${running.url}/history${path}`);
    return page;
  };

  it.each(PAGES)('run nothing of what values hold, and load nothing from elsewhere: %s', async path => {
    const page = await open(path);
    await page.waitForLoadState('networkidle');
    expect(noise).toEqual([]);
    expect(await page.textContent('main')).toContain('onerror=alert(1)');
  });

  it('lead from one to the next without a reload, by addresses of their own', async () => {
    const page = await open('');
    await page.evaluate('window.isKept = true');
    await page.click('text=Revision 2');
    await page.waitForSelector('h1:has-text("Revision 2")');
    await page.click('h3 a:has-text("Post 1")');
    await page.waitForSelector('input[type=range]');
    await page.fill('input[name=from]', '2');
    await page.fill('input[name=to]', '1');
    await page.click('button:has-text("Compare")');
    await page.waitForSelector('#differences');
    expect(await page.evaluate('window.isKept')).toBe(true);
    expect(page.url()).toBe(`${running.url}/history/object?type=Post&id=1&from=2&to=1`);
    expect(noise).toEqual([]);
  });

  it('do the same without JavaScript', async () => {
    const page = await open('', { javaScriptEnabled: false });
    await page.click('summary');
    await page.selectOption('select[name=action]', 'update');
    await page.click('button:has-text("Show")');
    expect(await page.locator('ol.feed > li').count()).toBe(1);
    await page.click('text=Revision 2');
    await page.click('h3 a:has-text("Post 1")');
    await page.focus('input[type=range]');
    await page.keyboard.press('ArrowLeft');
    await page.click('button:has-text("Go to the version")');
    expect(page.url()).toBe(`${running.url}/history/object?type=Post&id=1&at=1`);
    expect(await page.textContent('h2')).toBe('Version 1');
  });

  it('begin, for a keyboard, with a way past what they have in common', async () => {
    const page = await open('');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  it.each(ALL_PAGES)('fit on a phone: %s', async path => {
    const page = await open(path, { viewport: { width: 360, height: 740 } });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  it.each(['light', 'dark'] as const)('have nothing that axe finds wrong when %s', async colorScheme => {
    const page = await open('', { colorScheme, bypassCSP: true });
    const found: string[] = [];
    for (const path of ALL_PAGES) {
      await page.goto(`${running.url}/history${path}`);
      await page.addScriptTag({ path: AXE });
      const violations = await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))');
      found.push(...(violations as string[]).map(id => `${path}: ${id}`));
    }
    expect(found).toEqual([]);
  });
});
