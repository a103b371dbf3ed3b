import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `"><script>alert(1)</script> \u202eevil`;

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  await em.flush(); // revision 1
  const post = em.create(Post, { title: 'one', views: 0, meta: null });
  em.create(Tag, { name: 'red' });
  em.create(Tag, { name: 'blue' });
  await RevisionContext.run({ actor: ann, revisionDescription: HOSTILE }, () => em.flush()); // revision 2
  post.views = 1;
  await RevisionContext.run({ actor: new SystemActor(HOSTILE) }, async () => {
    await RevisionContext.run({ actor: ann }, async () => void (post.title = 'two'));
    await em.flush(); // revision 3
  });
  await RevisionContext.run({ actor: ann }, () => em.remove(post).flush()); // revision 4
  await blog.database.query(
    `update revy_revision set recorded_at = timestamptz '2026-01-01T00:00:00Z' + id * interval '1 day'`,
  );
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('the page of an actor on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform }, { pageSize: 2, canActivate: () => true });
  });

  afterAll(() => running.app.close());

  const get = async (query: string, status = 200) =>
    (await running.http.get(`/history/actor${query}`).expect(status)).text;
  const lines = (page: string) => textOf(page).split('\n');

  it('counts what it did, by type, and leads to each of it', async () => {
    const page = await get('?actor=User:1');
    const found = lines(page);
    expect(found.slice(0, 14)).toEqual(
      ['User 1', 'What was done to it', 'Objects', 'created', 'updated', 'deleted'].concat(
        ['Post', '1', '–', '1'],
        ['Tag', '2', '–', '–'],
      ),
    );
    expect(page).toContain('<a href="../history?type=Post&amp;action=delete&amp;actor=User%3A1">1</a>');
    expect(page).toContain('<a href="../history/object?type=User&amp;id=1">What was done to it</a>');
    expect(page).toContain('<title>User 1 · History</title>');
  });

  it('lists its revisions, newest first, in pages: also those in which it only set an attribute', async () => {
    const ids = (page: string) => [...page.matchAll(/id="revision-(\d+)"/g)].map(([, id]) => Number(id));
    const first = await get('?actor=User:1');
    const [, older] = /rel="next" href="([^"]*)"/.exec(first)!;
    const { search } = new URL(older!.replaceAll('&amp;', '&'), 'http://host/history/actor');
    expect([ids(first), ids(await get(search))]).toEqual([[4, 3], [2]]);
  });

  it('shows when it did it, as a picture and as a table', async () => {
    const page = await get('?actor=User:1');
    expect(page).toContain('aria-label="3 revisions from 2026-01-03 to 2026-01-05 UTC, at most 1 in hour"');
    const days = [...page.matchAll(/<rect [^>]*><title>([^<]*)<\/title>/g)].map(([, title]) => title);
    expect(days).toEqual(['2026-01-03: 1', '2026-01-04: 1', '2026-01-05: 1']);
    expect(page).toContain(
      '<a href="../history?actor=User%3A1&amp;since=2026-01-04T00%3A00%3A00.000Z&amp;until=2026-01-04T00%3A59%3A59.999Z">',
    );
  });

  it('is there for the system, for named systems, and for who never did anything', async () => {
    expect(lines(await get('')).slice(0, 6)).toEqual([
      'the system',
      'Objects',
      'created',
      'updated',
      'deleted',
      'User',
    ]);
    const hostile = await get(`?actor=${encodeURIComponent(`system:${HOSTILE}`)}`);
    expect(lines(hostile)[0]).toBe(`system "><script>alert(1)</script> ⟨U+202E⟩evil`);
    expect(hostile.match(/<script/g)).toHaveLength(1);
    expect(hostile).toContain('id="revision-3"');
    expect(textOf(await get('?actor=User:99'))).toContain('Nothing that was recorded was done by it.');
    expect(textOf(await get('?actor=Ann', 400))).toMatch(/^Cannot be shown\n/);
  });

  it('takes five statements, and is where every mention of an actor leads', async () => {
    expect(await statementsOf(() => get('?actor=User:1'))).toHaveLength(5);
    for (const [path, root] of [
      ['/history', './history'],
      ['/history/revisions/4', '../../history'],
      ['/history/object?type=Post&id=1', '../history'],
      ['/history/deleted', '../history'],
    ]) {
      const { text } = await running.http.get(path!).expect(200);
      expect(text).toContain(`<a href="${root}/actor?actor=User%3A1">`);
    }
  });
});
