import { Collection, defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { NotInHistoryError } from '@revy/browser';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `</bdi><script>alert("1")</script> \u202eevil שלום 👩‍👩‍👧`;

class Folder {
  id!: number;
  name!: string;
  secret!: string | null;
  parent!: Folder | null;
  children = new Collection<Folder>(this);
  cover!: Post | null;
}

const FolderSchema = defineEntity({
  class: Folder,
  revy: { mask: ['secret'] },
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    secret: p.string().nullable(),
    parent: () => p.manyToOne(Folder).nullable().deleteRule('cascade'),
    children: () => p.oneToMany(Folder).mappedBy('parent'),
    cover: () => p.manyToOne(Post).nullable().deleteRule('set null'),
  },
});

const ENTITIES = [...BLOG, FolderSchema];

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm(ENTITIES);
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  const [red, blue] = [em.create(Tag, { name: 'red' }), em.create(Tag, { name: 'blue' })];
  const post = em.create(Post, { title: 'The quick brown fox', views: 1, meta: { a: 1, b: [1, 2] }, author: ann });
  post.tags.add(red);
  em.create(Comment, { text: HOSTILE, post });
  em.create(Folder, { id: 1, name: 'top', secret: 'hunter2' });
  em.create(Folder, { id: 2, name: 'middle', parent: em.getReference(Folder, 1), cover: post });
  em.create(Folder, { id: 3, name: 'low', parent: em.getReference(Folder, 2) });
  await em.flush(); // revision 1
  await RevisionContext.run({ actor: ann, revisionDescription: HOSTILE, metadata: { ip: '<1>' } }, async () => {
    post.title = 'The slow brown fox';
    post.meta = { a: 2, b: [1, 2] };
    await RevisionContext.run({ actor: null, attributeDeltaDescription: 'counted' }, async () => void (post.views = 2));
    post.tags.set([blue]);
    (await em.findOneOrFail(Folder, 1)).secret = 'hunter3';
    await em.flush(); // revision 2
  });
  await RevisionContext.run({ actor: ann }, () => em.remove(post).flush()); // revision 3
  const other = blog.orm.em.fork(); // which knows none of the rows that the rule of the database takes along
  const top = await other.findOneOrFail(Folder, 1);
  await RevisionContext.run({ actor: ann }, () => other.remove(top).flush()); // revision 4
  em.create(User, { name: 'x'.repeat(255), email: 'y' });
  em.create(Comment, { text: 'z'.repeat(2 ** 20), post: em.create(Post, { title: 'Long', views: 0, meta: null }) });
  await em.flush(); // revision 5
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('the page of a revision on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform, config: { entities: ENTITIES } });
  });

  afterAll(() => running.app.close());

  const get = async (path: string, status = 200) => {
    const { text } = await running.http.get(`/history/revisions/${path}`).expect(status);
    return text;
  };

  const lines = async (path: string) => textOf(await get(path)).split('\n');

  it('shows what it changed, old beside new, with the words that differ', async () => {
    const page = await get('2');
    expect(page).toContain('<bdi class="value">The <del>quick</del> brown fox</bdi>');
    expect(page).toContain('<bdi class="value">The <ins>slow</ins> brown fox</bdi>');
    expect(page).toContain('&quot;a&quot;: <del>1</del>,');
    expect(page).toContain('&quot;a&quot;: <ins>2</ins>,');
    expect(page).toContain('<del>removed</del> <bdi class="value code">1</bdi>');
    expect(page).toContain('<ins>added</ins> <bdi class="value code">2</bdi>');
  });

  it('says who set an attribute, and why, where that is somebody else', async () => {
    const found = await lines('2');
    expect(found.slice(found.indexOf('views'), found.indexOf('views') + 4)).toEqual([
      'views',
      'by the system: counted',
      '1',
      '2',
    ]);
  });

  it('keeps masked values masked', async () => {
    for (const id of [1, 2, 4]) {
      const page = await get(String(id));
      expect(page).not.toMatch(/hunter|FILTERED/);
      expect(page).toContain('<span class="dim">masked</span>');
    }
  });

  it('lets no value become markup', async () => {
    for (const id of ['1', '2', '3', '1?full=yes']) {
      const page = await get(id);
      expect(page.match(/<script/g)).toHaveLength(1);
      expect(page).not.toContain('\u202e');
    }
    expect(await get('2')).toContain('&quot;ip&quot;: &quot;&lt;1&gt;&quot;');
  });

  it('shows what the database took along under what was deleted', async () => {
    const outline = async (id: string) =>
      (await lines(id)).filter(line => /^(created|updated|deleted) |^Along/.test(line));
    expect(await outline('3')).toEqual(['deleted Post 1', 'Along with it:', 'deleted Comment 1', 'updated Folder 2']);
    expect(await outline('4')).toEqual([
      'deleted Folder 1',
      'Along with it:',
      'deleted Folder 2',
      'Along with it:',
      'deleted Folder 3',
    ]);
  });

  it('cuts long values, unless they are asked for', async () => {
    const page = await get('5');
    expect(page.length).toBeLessThan(100_000);
    expect(textOf(page)).toContain(`… and ${2 ** 20 - 20_000} more characters`);
    expect(await get('5?full=yes')).toContain('z'.repeat(2 ** 20));
  });

  it('takes two statements', async () => {
    expect(await statementsOf(() => get('1'))).toHaveLength(2);
  });

  it('leads back to the list, and to whoever made it', async () => {
    const page = await get('2');
    expect(page).toContain('<a href="../../history">History</a>');
    expect(page).toContain('<a href="../../history/actor?actor=User%3A1">');
  });

  it.each(['99', '0', 'x', '-1', '1e3', '99999999999999999999999', '%3Cscript%3E'])(
    'says that there is no %s',
    async id => {
      const page = await get(id, 404);
      expect(textOf(page)).toBe(`Not found\n${new NotInHistoryError(`revision ${decodeURIComponent(id)}`).message}`);
      expect(page.match(/<script/g)).toHaveLength(1);
      expect(page).toContain('<a href="../../history">History</a>');
    },
  );
});
