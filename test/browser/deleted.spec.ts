import { RevisionContext } from '@revy/mikro-orm';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `"><script>alert('1')</script>`;

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  const post = em.create(Post, { title: 'gone', views: 0, meta: null });
  em.create(Comment, { text: 'gone along', post });
  const [red, blue, green] = ['red', 'blue', 'green'].map(name => em.create(Tag, { name })) as [Tag, Tag, Tag];
  await em.flush(); // revision 1
  await RevisionContext.run({ actor: ann, revisionDescription: HOSTILE }, () => em.remove(red).flush()); // revision 2
  em.create(Tag, { id: red.id, name: 'red again' });
  await em.flush(); // revision 3
  await em.remove(blue).flush(); // revision 4
  await RevisionContext.run(
    { actor: ann, revisionDescription: HOSTILE, deletionDescription: 'went along' },
    () => em.remove(em.getReference(Post, post.id)).flush(), // revision 5
  );
  await em.remove(green).flush(); // revision 6
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('the page of what is gone on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform }, { pageSize: 3, canActivate: () => true });
  });

  afterAll(() => running.app.close());

  const get = async (query: string, status = 200) => {
    const { text } = await running.http.get(`/history/deleted${query}`).expect(status);
    return text;
  };

  const items = (page: string) =>
    page
      .split('<li>')
      .slice(1)
      .map(item =>
        textOf(`<main>${item.split('</ol>')[0]}`)
          .replace(/\d{4}\S+ \S+ UTC/, 'then')
          .split('\n'),
      );

  it('lists what nothing has made again, newest first, in pages', async () => {
    const first = await get('');
    expect(items(first)).toEqual([
      ['Tag 3', 'deleted then by the system', '· revision 6'],
      ['Post 1', 'deleted then by User 1', '· revision 5', HOSTILE],
      ['Comment 1', 'deleted then by the system', '· revision 5', 'went along'],
    ]);
    const [, older] = /rel="next" href="([^"]*)"/.exec(first)!;
    const second = await get(new URL(older!.replaceAll('&amp;', '&'), 'http://host/history/deleted').search);
    expect(items(second)).toEqual([['Tag 2', 'deleted then by the system', '· revision 4']]);
    expect(second).not.toContain('rel="next"');
    expect(first.match(/<script/g)).toHaveLength(1);
  });

  it('is found from every page, and leads to what the objects were', async () => {
    const feed = await running.http.get('/history').expect(200);
    expect(feed.text).toContain('<a href="./history/deleted">Deleted</a>');
    expect(await get('?type=Post')).toContain('<a href="../history/object?type=Post&amp;id=1">');
  });

  it('is narrowed to a type', async () => {
    expect(items(await get('?type=Post')).map(([name]) => name)).toEqual(['Post 1']);
    expect(textOf(await get('?type=User'))).toContain('Nothing that was recorded is gone.');
    expect(textOf(await get('?type=Nothing', 400))).toContain('Use one of Comment, Post, Tag, User.');
  });

  it('takes one statement', async () => {
    expect(await statementsOf(() => get(''))).toHaveLength(1);
  });
});
