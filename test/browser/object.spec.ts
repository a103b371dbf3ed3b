import { defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { NotInHistoryError } from '@revy/browser';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `"><script>alert('1')</script> \u202eevil שלום 👩‍👩‍👧`;

class Account {
  owner!: string;
  number!: number;
  token!: string | null;
  balance!: bigint;
  opened!: Date | null;
}

const AccountSchema = defineEntity({
  class: Account,
  revy: { mask: ['token'] },
  properties: {
    owner: p.string().primary(),
    number: p.integer().primary(),
    token: p.string().nullable(),
    balance: p.bigint('bigint'),
    opened: p.datetime().nullable(),
  },
});

const ENTITIES = [...BLOG, AccountSchema];
const LONG = 12;

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm(ENTITIES);
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  const [red, blue] = [em.create(Tag, { name: 'red' }), em.create(Tag, { name: 'blue' })];
  const post = em.create(Post, { title: 'The quick fox', views: 0, meta: { a: [1] }, author: ann });
  post.tags.add(red);
  em.create(Account, { owner: HOSTILE, number: 1, token: 'secret', balance: 2n ** 60n, opened: new Date(0) });
  await em.flush(); // revision 1
  await RevisionContext.run({ actor: ann, revisionDescription: HOSTILE }, async () => {
    post.title = 'The slow fox';
    post.tags.set([blue]);
    await em.flush(); // revision 2
  });
  post.views = 7;
  await em.flush(); // revision 3
  await em.remove(em.getReference(Account, [HOSTILE, 1] as never)).flush(); // revision 4
  const tag = em.create(Tag, { name: 'tag 1' });
  for (let i = 1; i <= LONG; i++) {
    tag.name = `tag ${i}`;
    await em.flush();
  }
  em.create(Comment, { text: 'never', post });
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('the page of an object on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    const options = { url: blog.database.url, platform, config: { entities: ENTITIES } };
    running = await startBrowser(options, { pageSize: 5, canActivate: () => true });
  });

  afterAll(() => running.app.close());

  const get = async (query: Record<string, string>, status = 200) => {
    const { text } = await running.http.get(`/history/object?${new URLSearchParams(query).toString()}`).expect(status);
    return text;
  };

  /** The rows of a table below a headline, each as its cells. */
  const rows = (page: string, headline: string) => {
    const table = page.slice(page.indexOf(headline)).split('<tbody>')[1]!.split('</tbody>')[0]!;
    return table
      .split('<tr>')
      .slice(1)
      .map(row => textOf(`<main>${row}`).split('\n'));
  };

  const post = { type: 'Post', id: '1' };

  it('shows the present state, and beside each value who set it', async () => {
    const page = await get(post);
    expect(rows(page, '<h2>Version 3')).toEqual([
      ['title', 'The slow fox', `User 1, version 2: "><script>alert('1')</script> ⟨U+202E⟩evil שלום 👩‍👩‍👧`],
      ['slug', 'null', 'the system, version 1'],
      ['views', '7', 'the system, version 3'],
      ['meta', '{', '"a": [', '1', ']', '}', 'the system, version 1'],
      ['author', '1', 'the system, version 1'],
      ['tags', '2'],
    ]);
  });

  it('shows the links that it had at any point', async () => {
    expect(rows(await get({ ...post, at: '1' }), '<h2>Version 1').at(-1)).toEqual(['tags', '1']);
    expect(rows(await get({ ...post, at: '2' }), '<h2>Version 2').at(-1)).toEqual(['tags', '2']);
  });

  it('shows any earlier version, and that of a time', async () => {
    const first = ['title', 'The quick fox', 'the system, version 1'];
    expect(rows(await get({ ...post, at: '1' }), '<h2>Version 1')[0]).toEqual(first);
    const [{ time }] = (await blog.database.query<{ time: string }>(
      `select to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') as time from revy_revision where id = 2`,
    )) as [{ time: string }];
    expect(rows(await get({ ...post, when: time }), '<h2>Version 2')[0]).toEqual([
      'title',
      'The slow fox',
      `User 1, version 2: "><script>alert('1')</script> ⟨U+202E⟩evil שלום 👩‍👩‍👧`,
    ]);
    expect(textOf(await get({ ...post, when: '2000-01-01T00:00' }))).toContain(
      'Nothing had been recorded of it by then.',
    );
  });

  it('goes through time by a slider that is a plain form, and by links', async () => {
    const page = await get({ ...post, at: '2' });
    expect(page).toContain('<input type="range" name="at" min="1" max="3" value="2" hx-get=');
    expect(page).toContain('<form class="filters travel" method="get" action="../history/object">');
    expect(page).toContain('rel="prev" href="../history/object?type=Post&amp;id=1&amp;at=1"');
    expect(page).toContain('rel="next" href="../history/object?type=Post&amp;id=1&amp;at=3"');
  });

  it('compares any two versions, in either direction', async () => {
    const page = await get({ ...post, from: '1', to: '3' });
    expect(rows(page, 'id="differences"')).toEqual([
      ['title', 'The quick fox', 'The slow fox'],
      ['views', '0', '7'],
      ['tags', 'removed 1', 'added 2'],
    ]);
    expect(page).toContain('The <del>quick</del> fox');
    const back = await get({ ...post, from: '3', to: '1' });
    expect(rows(back, 'id="differences"')[0]).toEqual(['title', 'The slow fox', 'The quick fox']);
    expect(textOf(await get({ ...post, from: '2', to: '2' }))).toContain('Nothing differs.');
  });

  it('shows what was deleted, by a key of any kind, and keeps masked values masked', async () => {
    const id = JSON.stringify([HOSTILE, 1]);
    const page = await get({ type: 'Account', id });
    expect(rows(page, '<h2>What version 2 deleted').map(([name, value]) => [name, value])).toEqual([
      ['token', 'masked'],
      ['balance', '1152921504606846976'],
      ['opened', '1970-01-01T00:00:00.000Z'],
    ]);
    const compared = await get({ type: 'Account', id, from: '1', to: '2' });
    for (const shown of [page, compared]) {
      expect(shown).not.toMatch(/secret|FILTERED|\u202e/);
      expect(shown.match(/<script/g)).toHaveLength(1);
      expect(textOf(shown)).toMatch(/ deleted$/m);
    }
  });

  it('lists its versions in pages', async () => {
    const tag = { type: 'Tag', id: '3' };
    const numbers = (page: string) =>
      [...page.matchAll(/<li><p[^>]*><a[^>]*>Version (\d+)</g)].map(([, n]) => Number(n));
    const first = await get(tag);
    const [, after] = /after=(\w+)"/.exec(first)!;
    const second = await get({ ...tag, after: after! });
    expect([numbers(first), numbers(second)]).toEqual([
      [12, 11, 10, 9, 8],
      [7, 6, 5, 4, 3],
    ]);
    expect(second).toContain('<h2>Version 12</h2>');
  });

  it('takes as many statements for a long history as for a short one', async () => {
    const long = await statementsOf(() => get({ type: 'Tag', id: '3' }));
    const short = await statementsOf(() => get({ type: 'Tag', id: '1' }));
    expect([long.length, short.length]).toEqual([4, 4]);
  });

  it.each([
    ['Post', '99'],
    ['Nothing', '1'],
    ['Account', '['],
    ['<script>', '..'],
  ])('says that there is no %s %s', async (type, id) => {
    const page = await get({ type, id }, 404);
    expect(textOf(page)).toBe(`Not found\n${new NotInHistoryError(`${type} ${id}`).message}`);
  });

  it.each([
    ['Post', 'x'],
    ['', ''],
    ['Account', '["only"]'],
    ['Account', '{}'],
  ])('finds nothing under what is no key: %s %s', async (type, id) => {
    expect(textOf(await get({ type, id }, 404))).toMatch(/^Not found\n/);
  });

  it.each([{ at: '0' }, { at: 'x' }, { at: '99' }, { when: 'x' }, { from: '1', to: '99' }, { from: 'x', to: '1' }])(
    'says what is wrong with %j',
    async more => {
      expect(textOf(await get({ ...post, ...(more as object) }, 400))).toMatch(/^Cannot be shown\n/);
    },
  );

  it('is where the feed and the revisions lead', async () => {
    const feed = await running.http.get('/history?type=Account').expect(200);
    const [, link] = /href="(\.\/history\/object[^"]*)"/.exec(feed.text)!;
    const { search } = new URL(link!.replaceAll('&amp;', '&'), 'http://host/history');
    expect((await running.http.get(`/history/object${search}`).expect(200)).text).toContain('What version 2 deleted');
    const revision = await running.http.get('/history/revisions/3').expect(200);
    expect(revision.text).toContain('<a href="../../history/object?type=Post&amp;id=1">');
  });
});
