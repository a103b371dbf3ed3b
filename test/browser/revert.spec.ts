import { jest } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { type ExecutionContext, Logger } from '@nestjs/common';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import {
  RevertClosedError,
  RevertRefusedError,
  RevyBrowserModule,
  type RevyBrowserOptions,
  UnusableRevertError,
} from '@revy/browser';
import { type BlogApp, type Platform, requestOf, startBlog } from '../nest/blog-app.js';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { textOf } from './browser-app.js';
import { Reader } from './reader.js';

const HOSTILE = `"><script>alert('1')</script> \u202eevil`;

class Account {
  id!: number;
  owner!: string;
  token!: string | null;
}

const AccountSchema = defineEntity({
  class: Account,
  revy: { mask: ['token'] },
  properties: { id: p.integer().primary().autoincrement(), owner: p.string(), token: p.string().nullable() },
});

const ENTITIES = [...BLOG, AccountSchema];

let blog: TestOrm;
let running: BlogApp | undefined;

beforeEach(async () => {
  blog = await createOrm(ENTITIES);
});

afterEach(async () => {
  await running?.app.close();
  running = undefined;
  await blog.close();
});

const rows = (sql: string) => blog.database.query<Record<string, unknown>>(sql);
const as = (name: string, work: () => Promise<unknown>) =>
  RevisionContext.run({ actor: new SystemActor(name), revisionDescription: `${name} at work` }, work);

/** Readers of a running application, who are called by a header. */
async function start(platform: Platform, options?: Partial<RevyBrowserOptions>): Promise<Reader> {
  const canRevert = (context: ExecutionContext) => requestOf(context).headers['x-user'] !== 'guest';
  const actor = (context: ExecutionContext) => new SystemActor(requestOf(context).headers['x-user']!);
  const browser = RevyBrowserModule.forRoot({ canActivate: () => true, canRevert, ...options });
  const revy = [RevyModule.forRoot({ actor }), browser];
  running = await startBlog({ url: blog.database.url, platform, revy, config: { entities: ENTITIES } });
  return new Reader(running.http, { 'x-user': 'ann' });
}

/** Revision 1 makes a post; 2 imports another title and views; 3 edits the title. */
async function makePost(): Promise<void> {
  const em = blog.orm.em.fork();
  const post = em.create(Post, { title: 'Hello', slug: 'hello', views: 1, meta: null, author: null });
  await em.flush();
  await as('importer', async () => {
    Object.assign(post, { title: 'HELLO', views: 2 });
    em.create(Tag, { name: 'imported' });
    await em.flush();
  });
  await as('editor', async () => {
    post.title = `Hello, ${HOSTILE}`;
    await em.flush();
  });
}

async function retitle(title: string): Promise<void> {
  const em = blog.orm.em.fork();
  (await em.findOneOrFail(Post, 1)).title = title;
  await em.flush();
}

describe.each<Platform>(['express', 'fastify'])('reverting on %s', platform => {
  it('is shown as a plan, which changes nothing', async () => {
    await makePost();
    const ann = await start(platform);
    const before = await rows('select * from post, tag');
    const { status, text, conflicts } = await ann.open('/history/revert?revision=2');
    expect(status).toBe(200);
    expect(textOf(text)).toContain(
      'Post 1 will change\nAttribute\nNow\nPut back\n' +
        `title\nHello, "><script>alert('1')</script> ⟨U+202E⟩evil\nHello\nIn the way of title\n` +
        'Changed since by system editor in revision 3, ',
    );
    expect(textOf(text)).toContain('views\n2\n1');
    expect(textOf(text)).toContain('Tag 1 will be deleted');
    expect(text).not.toContain('<script>alert');
    expect(conflicts).toHaveLength(1);
    expect(await rows('select * from post, tag')).toEqual(before);
    expect(await blog.revisions()).toHaveLength(3);
  });

  it('keeps what a reader keeps, and is recorded with who and why', async () => {
    await makePost();
    const ann = await start(platform);
    const { fields, conflicts } = await ann.open('/history/revert?revision=2');
    const done = await ann.send('/history/revert?revision=2', { ...fields, [conflicts[0]!]: 'keep', reason: HOSTILE });
    expect(done.status).toBe(200);
    expect(textOf(done.text)).toContain('Done, and recorded as revision 4.\nTag 1 was deleted\nPost 1 changed');
    expect(textOf(done.text)).toContain('It was kept.');
    expect(done.text).toContain('href="../history/revisions/4"');
    expect(await rows('select title, views from post')).toEqual([{ title: `Hello, ${HOSTILE}`, views: 1 }]);
    expect(await rows('select * from tag')).toEqual([]);
    expect((await blog.revisions())[3]).toEqual({
      id: 4,
      description: HOSTILE,
      actor: 'system:ann',
      metadata: { revert: 'revision' },
    });
    expect(await rows('select reverts::int from revy_revision where id = 4')).toEqual([{ reverts: 2 }]);
    expect((await blog.deltas()).slice(-2)).toMatchObject([
      { object: 'Post:1', action: 'update', old: { views: 2 }, new: { views: 1 }, actor: 'system:ann' },
      { object: 'Tag:1', action: 'delete', actor: 'system:ann' },
    ]);
  });

  it('overwrites what a reader overwrites', async () => {
    await makePost();
    const ann = await start(platform);
    const { fields, conflicts } = await ann.open('/history/revert?revision=2');
    const done = await ann.send('/history/revert?revision=2', { ...fields, [conflicts[0]!]: 'overwrite' });
    expect(textOf(done.text)).toContain('It was overwritten.');
    expect(await rows('select title, views from post')).toEqual([{ title: 'Hello', views: 1 }]);
    expect((await blog.revisions())[3]).toMatchObject({ description: 'Reverts revision 2' });
  });

  it('does nothing while something is undecided', async () => {
    await makePost();
    const ann = await start(platform);
    const { fields, conflicts } = await ann.open('/history/revert?revision=2');
    const again = await ann.send('/history/revert?revision=2', { ...fields, reason: 'a mistake' });
    expect(again.status).toBe(409);
    expect(textOf(again.text)).toContain('something is in the way that nobody has decided on');
    expect(again.text).toContain('name="reason" value="a mistake"');
    expect(again.conflicts).toEqual(conflicts);
    expect(await blog.revisions()).toHaveLength(3);
  });

  it('shows the plan again when somebody has written since, and overwrites nothing unseen', async () => {
    await makePost();
    const ann = await start(platform);
    const { fields, conflicts } = await ann.open('/history/revert?revision=2');
    await retitle('Meanwhile');
    const again = await ann.send('/history/revert?revision=2', { ...fields, [conflicts[0]!]: 'overwrite' });
    expect(again.status).toBe(409);
    expect(textOf(again.text)).toContain('somebody has written since this plan was shown');
    expect(textOf(again.text)).toContain('title\nMeanwhile\nHello\n');
    expect(again.conflicts).not.toEqual(conflicts);
    expect(again.text).not.toContain('" checked');
    expect(await rows('select title, views from post')).toEqual([{ title: 'Meanwhile', views: 2 }]);
    const choice = { [again.conflicts[0]!]: 'overwrite' };
    expect((await ann.send('/history/revert?revision=2', { ...again.fields, ...choice })).status).toBe(200);
    expect(await rows('select title, views from post')).toEqual([{ title: 'Hello', views: 1 }]);
  });

  it('shows the plan again for an object that was changed since, though no conflict tells of it', async () => {
    await makePost();
    const ann = await start(platform);
    const path = '/history/revert?type=Post&id=1&version=1';
    const { fields, conflicts } = await ann.open(path);
    expect(conflicts).toEqual([]);
    await retitle('Meanwhile');
    const again = await ann.send(path, fields);
    expect([again.status, textOf(again.text).includes('title\nMeanwhile\nHello')]).toEqual([409, true]);
    expect(await rows('select title from post')).toEqual([{ title: 'Meanwhile' }]);
    expect((await ann.send(path, again.fields)).status).toBe(200);
    expect(await rows('select title, views from post')).toEqual([{ title: 'Hello', views: 1 }]);
  });

  it.each(['revision=1', 'type=Post&id=1&version=1', 'type=Comment&id=1&undelete=yes'])(
    'reverts once, however often the form of %s is sent',
    async question => {
      await makePost();
      const em = blog.orm.em.fork();
      const comment = em.create(Comment, { text: 'gone', post: em.getReference(Post, 1) });
      await em.flush();
      await em.remove(comment).flush();
      const ann = await start(platform);
      const path = `/history/revert?${question}`;
      const { fields, conflicts } = await ann.open(path);
      const form = { ...fields, ...Object.fromEntries(conflicts.map(name => [name, 'overwrite'])) };
      const answers = await Promise.all([1, 2, 3].map(() => ann.send(path, form)));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
      const revisions = await blog.revisions();
      expect(revisions.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, revisions.at(-1)!.id]);
      const late = textOf((await ann.send(path, form)).text);
      expect(late).toContain('There is nothing to put back: everything is so already.');
      expect(late).toContain(`Revision ${revisions.at(-1)!.id} has put it back.`);
    },
  );

  it('goes for chosen objects of a revision', async () => {
    await makePost();
    const ann = await start(platform);
    const all = await ann.open('/history/revert?revision=2');
    expect(all.text).toContain('name="object" value="[&quot;Tag&quot;,&quot;1&quot;]"');
    expect(textOf(all.text)).toContain('Revert revision 2: all 2 objects of this plan');
    const path = '/history/revert?revision=2&object=%5B%22Tag%22%2C%221%22%5D';
    const { text, fields } = await ann.open(path);
    expect([textOf(text).includes('Tag 1 will be deleted'), textOf(text).includes('Post 1')]).toEqual([true, false]);
    expect((await ann.send(path, fields)).status).toBe(200);
    expect(await rows('select title, views from post')).toEqual([{ title: `Hello, ${HOSTILE}`, views: 2 }]);
    expect(await rows('select * from tag')).toEqual([]);
  });

  it('goes for one attribute', async () => {
    await makePost();
    const ann = await start(platform);
    const path = '/history/revert?type=Post&id=1&version=1&attribute=title';
    const { text, fields } = await ann.open(path);
    expect(textOf(text)).toMatch(/^Put title of Post 1 back to version 1\n/);
    await ann.send(path, fields);
    expect(await rows('select title, views from post')).toEqual([{ title: 'Hello', views: 2 }]);
  });

  it('brings what is gone back, along with what went with it', async () => {
    await makePost();
    const em = blog.orm.em.fork();
    em.create(Comment, { text: 'First!', post: em.getReference(Post, 1) });
    await em.flush();
    await em.remove(await em.findOneOrFail(Post, 1)).flush();
    expect(await rows('select * from comment')).toEqual([]);
    const ann = await start(platform);
    const gone = await ann.open('/history/deleted');
    const [, link] = /href="([^"]*type=Post[^"]*)">bring it back/.exec(gone.text)!;
    const path = new URL(link!.replaceAll('&amp;', '&'), 'http://x/history/deleted');
    const { text } = await ann.open(`${path.pathname}${path.search}`);
    expect(text).toMatch(/name="along" value="comments"/);
    const along = `${path.pathname}${path.search}&along=comments`;
    const { fields } = await ann.open(along);
    expect((await ann.send(along, fields)).status).toBe(200);
    expect(await rows('select title, text from post, comment')).toEqual([
      { title: `Hello, ${HOSTILE}`, text: 'First!' },
    ]);
  });

  it('decides on many conflicts at once, but on none that was not there', async () => {
    const em = blog.orm.em.fork();
    const users = ['a', 'b', 'c'].map(name => em.create(User, { name, email: null }));
    await em.flush();
    for (const user of users) user.name += '1';
    await em.flush();
    for (const user of users.slice(0, 2)) user.name += '2';
    await em.flush();
    const ann = await start(platform);
    const path = '/history/revert?revision=2';
    const { fields, conflicts } = await ann.open(path);
    expect(conflicts).toHaveLength(2);
    users[2]!.name = 'c3';
    await em.flush();
    const again = await ann.send(path, { ...fields, [conflicts[0]!]: 'keep', rest: 'overwrite' });
    expect(again.status).toBe(409);
    expect(await rows('select name from "user" order by id')).toEqual([
      { name: 'a12' },
      { name: 'b12' },
      { name: 'c3' },
    ]);
    const decided = again.conflicts.map(name => again.fields[name]);
    expect(decided).toEqual(['keep', 'overwrite', undefined]);
    await ann.send(path, { ...again.fields, rest: 'keep' });
    expect(await rows('select name from "user" order by id')).toEqual([{ name: 'a12' }, { name: 'b' }, { name: 'c3' }]);
  });

  it('takes as many statements for the plan of many objects as for that of few', async () => {
    const em = blog.orm.em.fork();
    for (const count of [2, 40]) {
      for (let i = 0; i < count; i++) em.create(Tag, { name: `tag ${i}` });
      await em.flush();
    }
    const ann = await start(platform);
    await ann.open('/history'); // connects
    const [few, many] = [
      await statementsOf(() => ann.open('/history/revert?revision=1')),
      await statementsOf(() => ann.open('/history/revert?revision=2')),
    ];
    expect(many).toHaveLength(few.length);
  });

  it('shows no masked value, neither the stored nor the present one', async () => {
    const em = blog.orm.em.fork();
    const account = em.create(Account, { owner: 'Ann', token: 'hunter1' });
    await em.flush();
    Object.assign(account, { owner: 'Beth', token: 'hunter2' });
    await em.flush();
    account.token = 'hunter3';
    await em.flush();
    const ann = await start(platform);
    const plans = [
      'revision=1',
      'revision=2',
      'type=Account&id=1&version=1',
      'type=Account&id=1&version=1&attribute=token',
    ];
    for (const plan of plans) {
      const { text, fields } = await ann.open(`/history/revert?${plan}`);
      const refused = await ann.send(`/history/revert?${plan}`, { ...fields, seen: '' });
      expect([plan, text, refused.text].join('')).not.toContain('hunter');
    }
    const { text, fields, conflicts } = await ann.open('/history/revert?revision=2');
    expect(textOf(text)).toContain('token\nmasked\nmasked\nIn the way of token\nonly its mask is stored');
    const done = await ann.send('/history/revert?revision=2', { ...fields, [conflicts[0]!]: 'keep' });
    expect(done.text).not.toContain('hunter');
    expect(await rows('select owner, token from account')).toEqual([{ owner: 'Ann', token: 'hunter3' }]);
  });

  it('says what the database refuses, without its values, and changes nothing', async () => {
    await makePost();
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    await rows(`alter table post add check (title <> 'Hello') not valid`);
    const ann = await start(platform);
    const path = '/history/revert?type=Post&id=1&version=1';
    const { fields } = await ann.open(path);
    const again = await ann.send(path, fields);
    expect(again.status).toBe(409);
    expect(textOf(again.text)).toContain('Nothing was changed: the database refuses it');
    expect(again.text).not.toContain('post_title_check');
    expect(logged).toHaveBeenCalledTimes(1);
    logged.mockRestore();
    expect(await rows('select views from post')).toEqual([{ views: 2 }]);
  });

  it('is for whom the application lets, and shown to nobody else', async () => {
    await makePost();
    const ann = await start(platform);
    const guest = new Reader(running!.http, { 'x-user': 'guest' });
    const pages = ['/history/revisions/2', '/history/object?type=Post&id=1&at=1', '/history/deleted'];
    const em = blog.orm.em.fork();
    await em.remove(await em.findOneOrFail(Tag, 1)).flush();
    for (const path of pages) {
      const shown = [ann, guest].map(async reader => (await reader.open(path)).text.includes('/revert?'));
      expect([path, ...(await Promise.all(shown))]).toEqual([path, true, false]);
    }
    const { fields } = await ann.open('/history/revert?revision=3');
    guest.cookie = ann.cookie;
    const answers = [
      await guest.open('/history/revert?revision=3'),
      await guest.send('/history/revert?revision=3', fields),
    ];
    expect(answers.map(({ status, text }) => [status, textOf(text)])).toEqual(
      [1, 2].map(() => [403, `Not allowed\n${new RevertRefusedError().message}`]),
    );
    expect(await blog.revisions()).toHaveLength(4);
  });

  it('is for nobody until the application says for whom, and the log says so', async () => {
    await makePost();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const ann = await start(platform, { canRevert: undefined });
    const answers = [await ann.open('/history/revert?revision=2'), await ann.send('/history/revert?revision=2', {})];
    expect(answers.map(({ status, text }) => [status, textOf(text)])).toEqual(
      [1, 2].map(() => [403, `Not allowed\n${new RevertClosedError().message}`]),
    );
    expect(warn.mock.calls).toEqual([[new RevertClosedError().message]]);
    expect((await ann.open('/history/revisions/2')).text).not.toContain('/revert?');
    warn.mockRestore();
  });

  it('answers questions that make no sense with what to do', async () => {
    await makePost();
    const ann = await start(platform);
    const status = async (query: string) => (await ann.open(`/history/revert${query}`)).status;
    const asked = {
      '': 400,
      '?revision=9': 404,
      '?revision=x': 400,
      '?type=Post&id=1': 400,
      '?type=Nothing&id=1&version=1': 404,
      '?type=Post&id=1&version=9': 400,
      '?type=Post&id=x&version=1': 404,
      '?type=Post&id=1&version=1&attribute=nothing': 400,
      '?type=Post&id=1&undelete=yes': 404,
      '?type=Post&id=1&version=1&along=nothing': 400,
    };
    const answers = await Promise.all(Object.keys(asked).map(async query => [query, await status(query)]));
    expect(Object.fromEntries(answers)).toEqual(asked);
    expect(textOf((await ann.open('/history/revert')).text)).toContain(new UnusableRevertError().message);
  });
});
