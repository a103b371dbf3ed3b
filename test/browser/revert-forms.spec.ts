import {
  ForeignFormError,
  RevertClosedError,
  RevertRefusedError,
  RevyBrowserModule,
  type RevyBrowserOptions,
  UnusableRevertError,
} from '@revy/browser';
import { RevyOptionError } from '@revy/mikro-orm';
import type { BlogApp, BlogAppOptions, Platform } from '../nest/blog-app.js';
import { Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser, textOf } from './browser-app.js';
import { Reader } from './reader.js';

const PATH = '/history/revert?revision=1';
const SECRET = 'a secret of at least thirty-two characters';
const OPEN: RevyBrowserOptions = { canActivate: () => true, canRevert: () => true };

let blog: TestOrm;
const running: BlogApp[] = [];

beforeEach(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  em.create(Tag, { name: 'red' });
  await em.flush();
});

afterEach(async () => {
  for (const { app } of running.splice(0)) await app.close();
  await blog.close();
});

async function start(
  platform: Platform,
  options: RevyBrowserOptions = {},
  more: Partial<BlogAppOptions> = {},
): Promise<BlogApp> {
  const app = await startBrowser({ url: blog.database.url, platform, ...more }, { ...OPEN, ...options });
  running.push(app);
  return app;
}

const tags = () => blog.database.query('select name from tag');

describe.each<Platform>(['express', 'fastify'])('a form that reverts, on %s', platform => {
  it('is good for whom it was shown, and sent by its own page', async () => {
    const { http, url } = await start(platform);
    const ann = new Reader(http);
    const { fields } = await ann.open(PATH);
    const sent = await ann.send(PATH, fields, { 'sec-fetch-site': 'same-origin', origin: url });
    expect([sent.status, await tags()]).toEqual([200, []]);
  });

  it.each([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another part of the site', { 'sec-fetch-site': 'same-site' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['no origin that it tells', { origin: 'null' }],
  ])('is refused if it comes from %s', async (_, headers) => {
    const { http } = await start(platform);
    const ann = new Reader(http);
    const { fields } = await ann.open(PATH);
    const { status, text } = await ann.send(PATH, fields, headers);
    expect(status).toBe(403);
    expect(textOf(text)).toBe(`Not allowed\n${new ForeignFormError('another site has sent it').message}`);
    expect(await tags()).toEqual([{ name: 'red' }]);
  });

  it('is refused without a token, with that of another reader, and with one that is made up', async () => {
    const { http } = await start(platform);
    const [ann, eve] = [new Reader(http), new Reader(http)];
    const [hers, eves] = [await ann.open(PATH), await eve.open(PATH)];
    expect(hers.fields['token']).not.toBe(eves.fields['token']);
    const { token: _, ...without } = hers.fields;
    const tokens = [without, { ...hers.fields, token: eves.fields['token']! }, { ...hers.fields, token: ann.cookie }];
    const answers = [];
    for (const fields of tokens) answers.push((await ann.send(PATH, fields)).status);
    const noCookie = await new Reader(http).send(PATH, hers.fields);
    expect([...answers, noCookie.status]).toEqual([403, 403, 403, 403]);
    expect(textOf(noCookie.text)).toContain('its token is missing, is not yours');
    expect(await tags()).toEqual([{ name: 'red' }]);
  });

  it('is nothing that a link could do', async () => {
    const { http } = await start(platform);
    const ann = new Reader(http);
    const { fields } = await ann.open(PATH);
    const query = new URLSearchParams(fields).toString();
    expect((await ann.open(`${PATH}&${query}`)).status).toBe(200);
    await http.head(`${PATH}&${query}`).set('cookie', ann.cookie);
    expect(await tags()).toEqual([{ name: 'red' }]);
  });

  it('comes with a cookie that no script reads and no other site sends, kept as long as it is known', async () => {
    const { http } = await start(platform);
    const { headers } = await http.get(PATH);
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(/^revy-browser=[\w-]{43}; HttpOnly; SameSite=Strict$/),
    ]);
    const again = await http.get(PATH).set('cookie', headers['set-cookie']![0]!.split(';')[0]!);
    expect(again.headers['set-cookie']).toBeUndefined();
    const forged = await http.get(PATH).set('cookie', 'revy-browser=x');
    expect(forged.headers['set-cookie']).toHaveLength(1);
  });

  it('is good in every process that has the same secret, and in no other', async () => {
    const [one, two, other] = [
      await start(platform, { secret: SECRET }),
      await start(platform, { secret: SECRET }),
      await start(platform),
    ];
    const ann = new Reader(one.http);
    const { fields } = await ann.open(PATH);
    const send = async ({ http }: BlogApp) => {
      const reader = new Reader(http);
      reader.cookie = ann.cookie;
      return (await reader.send(PATH, fields)).status;
    };
    expect([await send(other), await send(two)]).toEqual([403, 200]);
    expect(await tags()).toEqual([]);
  });

  it('works below a prefix, behind a proxy that says who was asked', async () => {
    const before = (app: BlogApp['app']) => app.setGlobalPrefix('api');
    const { http } = await start(platform, { path: 'admin/past' }, { before });
    const ann = new Reader(http);
    const path = `/api/admin/past/revert?revision=1`;
    const { fields, text } = await ann.open(path);
    expect(text).toContain('<form method="post" action="../past/revert?revision=1"');
    const headers = { host: 'books.example', origin: 'https://books.example' };
    expect((await ann.send(path, fields, headers)).status).toBe(200);
  });
});

it('a form says what is missing where the application parses none', async () => {
  const app = await start('express', {}, { bodyParser: false });
  const ann = new Reader(app.http);
  const { fields } = await ann.open(PATH);
  const { status, text } = await ann.send(PATH, fields);
  expect([status, textOf(text).includes('does not parse bodies of the type')]).toEqual([403, true]);
});

it('every failure says whole what to do', () => {
  expect(new RevertClosedError()).toMatchObject({
    code: 'REVY_BROWSER_REVERT_CLOSED',
    message:
      'Cannot revert for anybody: RevyBrowserModule has no "canRevert". Say who may put things back: ' +
      'RevyBrowserModule.forRoot({ canRevert: context => isAdmin(context.switchToHttp().getRequest()) }), or a guard ' +
      'class in place of the function.',
  });
  expect(new RevertRefusedError()).toMatchObject({
    code: 'REVY_BROWSER_REVERT_REFUSED',
    message: 'Cannot revert for you: "canRevert" of RevyBrowserModule refuses. Sign in as somebody who may.',
  });
  expect(new ForeignFormError('another site has sent it')).toMatchObject({
    code: 'REVY_BROWSER_FOREIGN_FORM',
    message:
      'Cannot revert: the form does not come from a page that was shown to you: another site has sent it. Nothing was ' +
      'changed. Open the plan again, and send its form.',
  });
  expect(new UnusableRevertError()).toMatchObject({
    code: 'REVY_BROWSER_UNUSABLE_REVERT',
    message:
      'Cannot plan a revert: the address does not say what to put back. It takes "revision", or "type" and "id" with ' +
      '"version", with "version" and "attribute", or with "undelete". The pages of revisions and objects link to it.',
  });
});

it.each([
  ['too short', 'a text of 9 characters'],
  [7, 'number'],
])('a secret that can be guessed is refused, and not told: %j', (secret, told) => {
  const expected = 'a text of at least 32 characters that nobody can guess';
  const options = { ...OPEN, secret: secret as string };
  expect(() => RevyBrowserModule.forRoot(options)).toThrow(new RevyOptionError('secret', told, expected));
});
