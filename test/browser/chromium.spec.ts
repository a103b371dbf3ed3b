import { RevisionContext } from '@revy/mikro-orm';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { BlogApp } from '../nest/blog-app.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser } from './browser-app.js';
import { describeInChromium, launchChromium, skipped, violationsOf, watchedPage } from './chromium.js';

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(2)</script>' onfocus=alert(3) autofocus=' \u202eevil שלום 👩‍👩‍👧`;
const PAGES = ['', '?type=Post', '/revisions/1', '/revisions/2', '/object?type=Post&id=1&from=1&to=2'];
const ALL_PAGES = [...PAGES, '/deleted', '/actor?actor=User%3A1', '/actor?actor=system'];

describeInChromium(`the pages in Chromium${skipped}`, () => {
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
    browser = await launchChromium();
  });

  beforeEach(() => void noise.splice(0));

  afterEach(() => context?.close());

  afterAll(async () => {
    await browser?.close();
    await running?.app.close();
    await blog?.close();
  });

  const open = async (path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> => {
    context = await browser.newContext(options);
    const page = await watchedPage(context, running.url, noise);
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

  it('follow the slider through time', async () => {
    const page = await open('/object?type=Post&id=1');
    await page.focus('input[type=range]');
    await page.keyboard.press('ArrowLeft');
    await page.waitForSelector('#state h2:has-text("Version 1")');
    expect(page.url()).toBe(`${running.url}/history/object?type=Post&id=1&at=1`);
    await page.keyboard.press('ArrowRight');
    await page.waitForSelector('#state h2:has-text("Version 2")');
    expect(await page.evaluate('document.activeElement.name')).toBe('at');
    expect(noise).toEqual([]);
  });

  it('show by themselves what is recorded, and stop when they are told to', async () => {
    const record = async (reason: string) => {
      const em = blog.orm.em.fork();
      em.create(Tag, { name: reason });
      await RevisionContext.run({ revisionDescription: reason }, () => em.flush());
    };
    const page = await open('?type=Tag');
    await page.waitForLoadState('networkidle');
    for (const reason of ['comes while somebody looks', 'comes after that']) {
      await record(reason);
      await page.waitForSelector(`ol.feed > li:first-child:has-text("${reason}")`);
    }
    expect(await page.locator('#feed').count()).toBe(1);
    expect(page.url()).toBe(`${running.url}/history?type=Tag`);
    await page.click('text=Stop showing what comes');
    await page.waitForSelector('text=Show what comes as it comes');
    expect(await page.locator('[hx-trigger^=every]').count()).toBe(0);
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
    await page.goto(`${running.url}/history`);
    expect(await page.isVisible('text=Stop showing what comes')).toBe(false);
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
      found.push(...(await violationsOf(page)).map(id => `${path}: ${id}`));
    }
    expect(found).toEqual([]);
  });
});
