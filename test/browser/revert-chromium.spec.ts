import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { BlogApp } from '../nest/blog-app.js';
import { Comment, Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser } from './browser-app.js';
import { describeInChromium, launchChromium, skipped, violationsOf, watchedPage } from './chromium.js';

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(2)</script>' onfocus=alert(3) \u202eevil שלום`;
const PLANS = [
  '/revert?revision=2',
  '/revert?type=Post&id=1&version=1',
  '/revert?type=Comment&id=1&undelete=yes&along=post',
  '/revert?revision=9',
];

describeInChromium(`reverting in Chromium${skipped}`, () => {
  let browser: Browser;
  let blog: TestOrm;
  let running: BlogApp;
  let context: BrowserContext | undefined;
  const noise: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  /** Revision 1 makes a post, 2 imports another title and views, 3 edits the title, 4 deletes a comment. */
  beforeEach(async () => {
    noise.splice(0);
    blog = await createOrm();
    const em = blog.orm.em.fork();
    const post = em.create(Post, {
      title: 'Hello',
      slug: null,
      views: 1,
      meta: { long: 'x'.repeat(5000) },
      author: null,
    });
    const comment = em.create(Comment, { text: HOSTILE, post });
    await em.flush();
    Object.assign(post, { title: HOSTILE, views: 2, meta: null });
    post.tags.add(em.create(Tag, { name: 'imported' }));
    await em.flush();
    await RevisionContext.run({ actor: new SystemActor(HOSTILE), revisionDescription: HOSTILE }, async () => {
      post.title += ' again';
      await em.flush();
    });
    await em.remove(comment).flush();
    running = await startBrowser({ url: blog.database.url }, { canActivate: () => true, canRevert: () => true });
  });

  afterEach(async () => {
    await context?.close();
    await running?.app.close();
    await blog?.close();
  });

  const open = async (path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> => {
    context = await browser.newContext(options);
    const page = await watchedPage(context, running.url, noise);
    await page.goto(`${running.url}/history${path}`);
    return page;
  };
  const post = () => blog.database.query('select title, views from post');

  it.each([true, false])('goes by links, choices and one form; with JavaScript: %j', async javaScriptEnabled => {
    const page = await open('', { javaScriptEnabled });
    await page.click('a:has-text("Revision 2")');
    await page.click('text=Revert this revision');
    await page.waitForSelector('h1:has-text("Revert revision 2")');
    await page.focus('input[type=radio][value=keep]');
    await page.keyboard.press('ArrowDown');
    expect(await page.isChecked('input[type=radio][value=overwrite]')).toBe(true);
    await page.fill('input[name=reason]', HOSTILE);
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=status]');
    await page.click('[role=status] a');
    await page.waitForSelector('h1:has-text("Revision 5")');
    expect(await page.textContent('main')).toContain('onerror=alert(1)');
    expect(await post()).toEqual([{ title: 'Hello', views: 1 }]);
    expect((await blog.revisions())[4]).toMatchObject({
      id: 5,
      description: HOSTILE,
      metadata: { revert: 'revision' },
    });
    expect(noise).toEqual([]);
  });

  it('asks again, and remembers what was decided, where somebody has written meanwhile', async () => {
    const page = await open('/revert?revision=2');
    await page.check('input[type=radio][value=overwrite]');
    await page.fill('input[name=reason]', 'a mistake');
    const em = blog.orm.em.fork();
    (await em.findOneOrFail(Post, 1)).views = 7;
    await em.flush();
    await page.click('button:has-text("Revert revision 2")');
    await page.waitForSelector('[role=alert]');
    expect(await page.inputValue('input[name=reason]')).toBe('a mistake');
    const [title, views] = await page.locator('fieldset.conflict').all();
    expect(await title!.locator('[value=overwrite]').isChecked()).toBe(true);
    expect(await post()).toEqual([{ title: `${HOSTILE} again`, views: 7 }]);
    await views!.locator('[value=keep]').check();
    await page.click('button:has-text("Revert revision 2")');
    await page.waitForSelector('[role=status]');
    expect(await post()).toEqual([{ title: 'Hello', views: 7 }]);
    // the browser itself says that a form was answered by a 409
    expect(noise.filter(one => !one.includes('409'))).toEqual([]);
  });

  it('goes for checked objects of a revision only', async () => {
    const page = await open('/revert?revision=2', { javaScriptEnabled: false });
    await page.check('[aria-label="Choose Tag 1"]');
    await page.click('text=Plan for the checked objects only');
    expect(await page.locator('main h2').allTextContents()).toEqual([' Tag 1 will be deleted']);
    await page.click('text=All that revision 2 changed');
    expect(await page.locator('main h2').count()).toBe(2);
  });

  it('gives its cookie to the pages alone', async () => {
    await open('/revert?revision=2');
    const cookies = await context!.cookies(`${running.url}/history`);
    expect(cookies).toMatchObject([{ name: 'revy-browser', path: '/history', httpOnly: true, sameSite: 'Strict' }]);
    expect(await context!.cookies(running.url)).toEqual([]);
  });

  it('is out of reach for other sites', async () => {
    const page = await open('/revert?revision=1');
    const fields = await page
      .locator('form[method=post] input[type=hidden]')
      .evaluateAll(inputs => inputs.map(input => input.outerHTML).join(''));
    const form = `<form method="post" action="${running.url}/history/revert?revision=1">${fields}</form>`;
    const foreign: Server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(form));
    await new Promise<void>(resolve => foreign.listen(0, resolve));
    await page.goto(`http://localhost:${(foreign.address() as AddressInfo).port}/`);
    const answer = page.waitForResponse(response => response.url().includes('/history/revert'));
    await page.evaluate('document.forms[0].submit()');
    expect((await answer).status()).toBe(403);
    await page.waitForSelector('text=another site has sent it');
    expect(await blog.revisions()).toHaveLength(4);
    foreign.closeAllConnections();
    foreign.close();
  });

  it('fits on a phone', async () => {
    const page = await open('', { viewport: { width: 360, height: 740 } });
    for (const path of PLANS) {
      await page.goto(`${running.url}/history${path}`);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 360]);
    }
  });

  it.each(['light', 'dark'] as const)('has nothing that axe finds wrong when %s', async colorScheme => {
    const page = await open('', { colorScheme, bypassCSP: true });
    const found: string[] = [];
    for (const path of PLANS) {
      await page.goto(`${running.url}/history${path}`);
      found.push(...(await violationsOf(page)).map(id => `${path}: ${id}`));
    }
    await page.goto(`${running.url}/history/revert?revision=2`);
    await page.click('button:has-text("Revert revision 2")');
    await page.waitForSelector('[role=alert]');
    found.push(...(await violationsOf(page)).map(id => `undecided: ${id}`));
    await page.check('input[value=keep]');
    await page.click('button:has-text("Revert revision 2")');
    await page.waitForSelector('[role=status]');
    found.push(...(await violationsOf(page)).map(id => `done: ${id}`));
    expect(found).toEqual([]);
  });
});
