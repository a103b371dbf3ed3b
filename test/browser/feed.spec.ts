import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { Comment, Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `"><script>alert(1)</script>' onmouseover='x' \u202eevil\u0007 שלום 👩‍👩‍👧`;

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  await em.flush(); // revision 1
  const post = await RevisionContext.run({ actor: ann, revisionDescription: HOSTILE }, async () => {
    const made = em.create(Post, {
      title: HOSTILE,
      slug: 'x',
      views: 0,
      meta: { '<b>': 'x'.repeat(2 ** 20) },
      author: ann,
    });
    for (let i = 0; i < 5; i++) em.create(Comment, { text: `comment ${i}`, post: made });
    await em.flush(); // revision 2
    return made;
  });
  await RevisionContext.run({ actor: new SystemActor('importer'), revisionDescription: 'tidy' }, async () => {
    post.title = 'Hello';
    post.views = 3;
    await RevisionContext.run({ actor: ann }, async () => void (post.slug = 'hello'));
    await em.flush(); // revision 3
  });
  await em.remove(em.getReference(Post, post.id)).flush(); // revision 4
});

afterAll(() => blog.close());

/** What each entry says, without the time. */
function entries(page: string): string[] {
  const list = page.slice(page.indexOf('<ol'), page.indexOf('</ol>'));
  const items = list.split('<li id=').slice(1);
  return items.map(item =>
    textOf(`<main><li id=${item}`)
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, 'then')
      .replaceAll('\n', ' | '),
  );
}

describe.each<Platform>(['express', 'fastify'])('the feed on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform }, { pageSize: 3, canActivate: () => true });
  });

  afterAll(() => running.app.close());

  const get = async (query: string, status = 200) => {
    const { text } = await running.http.get(`/history${query}`).expect(status);
    return text;
  };

  it('shows revisions, newest first: who, why and what', async () => {
    expect(entries(await get(''))).toEqual([
      'Revision 4 · then · the system | deleted Comment 1, 2, 3 and 2 more | deleted Post 1',
      'Revision 3 · then · system importer | tidy | updated Post 1 (slug, title, views)',
      `Revision 2 · then · User 1 | "><script>alert(1)</script>' onmouseover='x' ⟨U+202E⟩evil\u2407 שלום 👩‍👩‍👧 | ` +
        'created Post 1 | created Comment 1, 2, 3 and 2 more',
    ]);
  });

  it('lets no value become markup', async () => {
    const page = await get(`?value=${encodeURIComponent(HOSTILE)}&type=Post&attribute=title`);
    expect(page).not.toContain('<script>');
    expect(page.replace(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\sonmouseover=/);
    expect(page).toContain(
      'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39; onmouseover=&#39;x&#39; ⟨U+202E⟩',
    );
    expect(page.match(/<script/g)).toHaveLength(1);
  });

  it('has pages that stay where they are, whatever is recorded meanwhile', async () => {
    const first = await get('');
    const [, older] = /rel="next" href="([^"]*)"/.exec(first)!;
    const second = await get(new URL(older!, 'http://host/history').search);
    expect(entries(second)).toEqual(['Revision 1 · then · the system | created User 1']);
    expect(second).toContain('<a href="./history">Newest</a>');
    expect(second).not.toContain('rel="next"');
  });

  it.each([
    ['type=Comment', [4, 2]],
    ['type=Tag', []],
    ['type=Gone', []],
    ['action=update', [3]],
    ['type=Post&action=create', [2]],
    ['actor=User:1', [3, 2]],
    ['actor=system:importer', [3]],
    ['actor=system', [4, 1]],
    ['type=Post&attribute=views&value=3', [3]],
    ['type=Post&attribute=title&value=Hello', [3]],
    ['type=Post&attribute=author&value=1', [2]],
    ['type=Post&attribute=author&value=null', [4]],
    ['since=2000-01-01&until=2001-01-01T00:00', []],
    ['since=2000-01-01T00:00&type=&action=&actor=&attribute=&value=&until=', [4, 3, 2]],
  ])('finds by %s', async (query, ids) => {
    const page = await get(`?${query}`);
    expect([...page.matchAll(/id="revision-(\d+)"/g)].map(([, id]) => Number(id))).toEqual(ids);
  });

  it.each([
    ['action=burn', `the filter "action" is 'burn'. Use one of create, update, delete.`],
    ['actor=Ann', 'a type and an id, such as "User:1", or "system"'],
    ['attribute=title', 'it with a type, whose attribute it is'],
    ['value=x', 'it with an attribute, whose value it is'],
    ['type=Post&attribute=nothing', 'nothing'],
    ['type=Post&attribute=views&value=many', 'a number'],
    ['since=yesterday', 'a time in UTC, such as "2026-01-31T12:00"'],
    ['after=zzz', 'zzz'],
  ])('says what is wrong with %s', async (query, what) => {
    const text = textOf(await get(`?${query}`, 400));
    expect(text).toMatch(/^Cannot be shown\n/);
    expect(text).toContain(what);
  });

  it('survives parameters that are repeated, nested or without sense', async () => {
    const page = await get('?type=Tag&type=Comment&type[a]=1&__proto__=1&value=%00&after=');
    expect(entries(page)).toHaveLength(2);
    expect(entries(await get('?type=%E0%A4%A'))).toEqual([]);
  });

  it('takes four statements, however much there is to show', async () => {
    expect(await statementsOf(() => get(''))).toHaveLength(4);
    expect(await statementsOf(() => get('?type=Tag'))).toHaveLength(2);
  });

  it('shows when it was, as bars that a table tells as well', async () => {
    await blog.database.query(
      `update revy_revision set recorded_at = timestamptz '2026-01-05T10:00:00Z' + id * id * interval '1 week'`,
    );
    const page = await get('?type=Post');
    const figure = page.slice(page.indexOf('<figure'), page.indexOf('</figure>'));
    expect(figure).toContain('aria-label="3 revisions from 2026-02-02 to 2026-04-27 UTC, at most 1 in week"');
    expect([...figure.matchAll(/<title>([^<]*: \d+)</g)].map(([, title]) => title)).toEqual([
      '2026-02-02: 1',
      '2026-03-09: 1',
      '2026-04-27: 1',
    ]);
    const [, link] = /<td><a href="([^"]*)">2026-03-09</.exec(figure)!;
    const week = await get(new URL(link!.replaceAll('&amp;', '&'), 'http://host/history').search);
    expect([...week.matchAll(/id="revision-(\d+)"/g)].map(([, id]) => id)).toEqual(['3']);
    expect(week).not.toContain('<figure');
  });

  it('asks again by itself, and is answered by one statement as long as nothing is new', async () => {
    const page = await get('?type=Post');
    const [, again] = /<div id="feed" hx-get="([^"]*)" hx-trigger="every 5s"/.exec(page)!;
    expect(again).toBe('./history?type=Post&amp;newest=4');
    const { search } = new URL(again!.replaceAll('&amp;', '&'), 'http://host/history');
    const sent = await statementsOf(() => running.http.get(`/history${search}`).expect(204).expect(''));
    expect(sent).toHaveLength(1);
    expect(await get('?type=Post&newest=3')).toContain('id="revision-4"');
    expect(await get('?live=off')).not.toContain('every 5s');
    expect(await get('?live=off')).toContain('<a href="./history">Show what comes as it comes</a>');
    expect(page).toContain('<a href="./history?type=Post&amp;live=off">Stop showing what comes</a>');
  });

  it('leads back to its start, and offers to the form what there is to choose', async () => {
    const page = await get('?type=Post');
    expect(page).toContain('<form class="filters" method="get" action="./history">');
    expect(page).toContain('<option value="Post" selected>Post</option>');
    expect([...page.matchAll(/<option value="(\w+)"><\/option>/g)].map(([, name]) => name)).toEqual([
      'title',
      'slug',
      'views',
      'meta',
      'author',
      'tags',
    ]);
  });
});

it('shows an empty history', async () => {
  const empty = await createOrm();
  const running = await startBrowser({ url: empty.database.url });
  const { text } = await running.http.get('/history').expect(200);
  expect(textOf(text)).toContain('Nothing has been recorded yet.');
  await running.app.close();
  await empty.close();
});
