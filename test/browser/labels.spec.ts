import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { markup, RevyBrowserModule, type RevyBrowserOptions } from '@revy/browser';
import { RevisionContext, RevyOptionError, SystemActor } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import { type BlogApp, type Platform, startBlog } from '../nest/blog-app.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser, textOf } from './browser-app.js';

const HOSTILE = `"><script>alert(1)</script>`;

const options: RevyBrowserOptions = {
  canActivate: () => true,
  labels: {
    Post: { label: `Article ${HOSTILE}`, attributes: { title: `Headline ${HOSTILE}`, views: 'Readers' } },
    User: { label: 'Person', name: (user: User) => `${user.name} <${user.email}>` },
    system: { label: 'the' },
    Tag: { name: (tag: Tag) => `#${tag.name}` },
  },
  render: {
    Post: {
      title: value => `“${String(value)}”`,
      views: value => markup`<meter value="${String(value)}" max="10">${String(value)}</meter>`,
      slug: () => {
        throw new Error('no slug like that');
      },
      meta: () => undefined,
    },
  },
};

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm();
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: HOSTILE, email: 'ann@example.org' });
  const bob = em.create(User, { name: 'Bob', email: 'bob@example.org' });
  await em.flush(); // revision 1
  const post = em.create(Post, { title: `the quick ${HOSTILE}`, slug: 'slug', views: 3, meta: { a: 1 }, author: ann });
  await RevisionContext.run({ actor: ann }, () => em.flush()); // revision 2
  post.title = 'the slow';
  post.views = 4;
  await RevisionContext.run({ actor: bob }, () => em.flush()); // revision 3
  em.create(Tag, { name: 'red' });
  await RevisionContext.run({ actor: new SystemActor('importer') }, () => em.flush()); // revision 4
  await em.remove(bob).flush(); // revision 5
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('labels and renderers on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform }, options);
  });

  afterAll(() => running.app.close());

  const get = async (path: string) => (await running.http.get(`/history${path}`).expect(200)).text;

  it('say in the feed what types, attributes and actors are called, in one statement more', async () => {
    const page = await get('');
    const lines = textOf(page)
      .split('\n')
      .map(line => line.replace(/\d{4}\S+ \S+ UTC/, 'then'));
    expect(lines).toContain(`Revision 2 · then · ${HOSTILE} <ann@example.org>`);
    expect(lines).toContain('Revision 3 · then · Person 2'); // who is gone has no name any more
    expect(lines).toContain('Revision 4 · then · the importer');
    expect(lines).toContain('created Tag #red');
    expect(lines).toContain(`created Person ${HOSTILE} <ann@example.org>, 2`);
    expect(lines).toContain(`updated Article ${HOSTILE} 1 (Headline ${HOSTILE}, Readers)`);
    expect(page).toContain('<option value="Post">Article &quot;&gt;&lt;script');
    expect(await get('?type=Post')).toContain('<option value="views">Readers</option>');
    expect(await statementsOf(() => get(''))).toHaveLength(6); // revisions, objects twice, activity, people, tags
  });

  it('show values on the pages of revisions and objects as the application shows them', async () => {
    const revision = await get('/revisions/3');
    expect(revision).toContain('>“the <del>quick');
    expect(revision).toContain('>“the <ins>slow</ins>”');
    expect(revision).toContain('<meter value="3" max="10">3</meter>');
    const object = await get('/object?type=Post&id=1&from=1&to=2');
    expect(object.match(/<meter value="4" max="10">4<\/meter>/g)).toHaveLength(2);
    expect(textOf(object)).toContain('Readers\n4\nPerson 2, version 2');
  });

  it('never let a value become markup, nor a failing renderer take a page away', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    for (const path of ['', '/revisions/2', '/revisions/3', '/object?type=Post&id=1&at=1', '/deleted']) {
      expect((await get(path)).match(/<script/g)).toHaveLength(1);
    }
    expect(textOf(await get('/revisions/2'))).toContain('slug\n–\nslug\nHeadline');
    expect(warn.mock.calls[0]).toEqual([
      'The renderer of Post.slug failed, so that its value is shown as it is stored: Error: no slug like that',
    ]);
    warn.mockRestore();
  });

  it('leave files as they were recorded', async () => {
    expect(await get('/export.csv?type=Post&action=update')).toMatch(/,Post,1,2,update,User,2,,title,/);
  });
});

it('options come from other providers', async () => {
  const revy = [
    RevyModule.forRoot(),
    RevyBrowserModule.forRootAsync({
      path: 'past',
      imports: [{ module: class Titles {}, providers: [{ provide: 'TITLE', useValue: 'Ours' }], exports: ['TITLE'] }],
      inject: ['TITLE'],
      useFactory: async (title: string) => ({ title, canActivate: () => true }),
    }),
  ];
  const { app, http } = await startBlog({ url: blog.database.url, revy });
  const { text } = await http.get('/past').expect(200);
  expect(text).toContain('<title>What happened · Ours</title>');
  await app.close();
});

it('options that other providers give are checked as well', async () => {
  const started = startBlog({
    url: blog.database.url,
    revy: [RevyModule.forRoot(), RevyBrowserModule.forRootAsync({ useFactory: () => ({ pageSize: 0 }) })],
  });
  await expect(started).rejects.toThrow(new RevyOptionError('pageSize', 0, 'a whole number from 1'));
});

it.each([
  [{ labels: { Post: { title: 'x' } } }, 'labels.Post.title', 'x', 'one of label, attributes, name'],
  [{ labels: { Post: { label: 1 } } }, 'labels.Post.label', 1, 'a value of type string'],
  [{ render: { Post: { title: 'b' } } }, 'render.Post.title', 'b', 'a function'],
])('the options %j are refused', (given, option, value, expected) => {
  expect(() => RevyBrowserModule.forRoot(given as object)).toThrow(new RevyOptionError(option, value, expected));
});
