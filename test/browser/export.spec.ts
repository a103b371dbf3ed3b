import { defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { type BlogApp, type Platform } from '../nest/blog-app.js';
import { BLOG, Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { startBrowser } from './browser-app.js';

const Secret = defineEntity({
  name: 'Secret',
  revy: { mask: ['word'] },
  properties: { id: p.integer().primary(), word: p.string() },
});
const ENTITIES = [...BLOG, Secret];

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm(ENTITIES);
  const em = blog.orm.em.fork();
  const ann = em.create(User, { name: 'Ann' });
  await em.flush(); // revision 1
  await RevisionContext.run({ actor: ann, revisionDescription: '=1+1, "quoted"\nand more' }, async () => {
    em.create(Post, { title: '@SUM(A1)', slug: '<b>', views: -3, meta: { a: [1, '"'] } });
    em.create(Secret, { id: 1, word: 'hunter2' });
    await em.flush(); // revision 2
  });
});

afterAll(() => blog.close());

describe.each<Platform>(['express', 'fastify'])('an export on %s', platform => {
  let running: BlogApp;

  beforeAll(async () => {
    running = await startBrowser({ url: blog.database.url, platform, config: { entities: ENTITIES } });
  });

  afterAll(() => running.app.close());

  it('has the deltas that the filters leave, as JSON', async () => {
    const { body, headers } = await running.http.get('/history/export.json?type=Post').expect(200);
    const [{ recorded }] = (await blog.database.query<{ recorded: Date }>(
      'select recorded_at as recorded from revy_revision where id = 2',
    )) as [{ recorded: Date }];
    expect(body).toEqual({
      next: null,
      deltas: [
        {
          revision: 2,
          recordedAt: recorded.toISOString(),
          objectType: 'Post',
          objectId: '1',
          version: 1,
          action: 'create',
          actorType: 'User',
          actorId: '1',
          description: '=1+1, "quoted"\nand more',
          changes: [
            { attribute: 'meta', after: { a: [1, '"'] } },
            { attribute: 'slug', after: '<b>' },
            { attribute: 'title', after: '@SUM(A1)' },
            { attribute: 'views', after: -3 },
          ],
        },
      ],
    });
    expect(headers).toMatchObject({
      'content-disposition': 'attachment; filename="history.json"',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(headers.link).toBeUndefined();
  });

  it('has a row for each attribute as CSV, in which no spreadsheet calculates', async () => {
    const { text, headers } = await running.http.get('/history/export.csv?type=Post').expect(200);
    const head = (attribute: string) =>
      new RegExp(`^2,[^,]+,Post,1,1,create,User,1,"'=1\\+1, ""quoted""\\nand more",${attribute},,(.*)$`, 'm');
    expect(text.split('\r\n')[0]).toBe(
      'revision,recorded_at,type,id,version,action,actor_type,actor_id,description,attribute,before,after',
    );
    const found = ['meta', 'slug', 'title', 'views'].map(name => head(name).exec(text.replaceAll('\r', ''))?.[1]);
    expect(found).toEqual(['"{""a"":[1,""\\""""]}"', '<b>', "'@SUM(A1)", '-3']);
    expect(headers['content-type']).toMatch(/^text\/csv; charset=utf-8/);
  });

  it('keeps masked values masked', async () => {
    const json = await running.http.get('/history/export.json?type=Secret').expect(200);
    expect(json.body.deltas[0].changes).toEqual([{ attribute: 'word', isMasked: true }]);
    const csv = await running.http.get('/history/export.csv?type=Secret').expect(200);
    expect(csv.text).toContain(',word,masked,masked\r\n');
    expect(`${json.text}${csv.text}`).not.toMatch(/hunter|FILTERED/);
  });

  it('does so everywhere for what was stored before the mask, and in other schemas', async () => {
    await blog.database.query(
      `insert into revy_object_delta (revision_id, version, action, object_type, object_id, new_values)
       values (1, 1, 'create', 'Secret@south', '1', '{"word": "hunter3"}')`,
    );
    const paths = ['/export.json?type=Secret@south', '/export.csv?type=Secret@south', '/revisions/1'];
    const answers = await Promise.all(paths.map(path => running.http.get(`/history${path}`).expect(200)));
    expect(answers.map(({ text }) => [/hunter/.test(text), /[mM]asked/.test(text)])).toEqual([
      [false, true],
      [false, true],
      [false, true],
    ]);
    await blog.database.query(`delete from revy_object_delta where object_type = 'Secret@south'`);
  });

  it('goes on in the next file, in one statement each', async () => {
    await blog.database.query(
      `insert into revy_object_delta (revision_id, version, action, object_type, object_id, new_values, old_values)
       select 1, i, 'update', 'Tag', '7', '{"name": "a"}', '{"name": "b"}' from generate_series(1, 1001) i`,
    );
    const open = (path: string) => running.http.get(`/history/${path}`).expect(200);
    const first = await open('export.json?type=Tag&action=update');
    expect(first.headers.link).toBe(`<${first.body.next}>; rel="next"`);
    const second = await open(first.body.next as string);
    expect([first, second].map(({ body }) => body.deltas.length)).toEqual([1000, 1]);
    expect(second.body.next).toBeNull();
    expect(await statementsOf(() => open('export.csv?type=Tag'))).toHaveLength(1);
    await blog.database.query(`delete from revy_object_delta where object_type = 'Tag'`);
  });

  it('is offered by the feed with the same filters, and refuses what the feed refuses', async () => {
    const { text } = await running.http.get('/history?type=Post&action=create').expect(200);
    expect(text).toContain('<a download href="./history/export.csv?type=Post&amp;action=create">CSV</a>');
    expect(text).toContain('<a download href="./history/export.json?type=Post&amp;action=create">JSON</a>');
    const refused = await running.http.get('/history/export.csv?action=burn').expect(400);
    expect(refused.headers['content-type']).toBe('text/html; charset=utf-8');
    expect((await running.http.get('/history/export.json?type=Gone').expect(200)).body.deltas).toEqual([]);
  });
});

it('is refused with everything else where nobody may look', async () => {
  const { app, http } = await startBrowser(
    { url: blog.database.url, config: { entities: ENTITIES } },
    {
      canActivate: () => false,
    },
  );
  const paths = ['', '/revisions/1', '/object?type=Post&id=1', '/deleted', '/export.csv', '/export.json'];
  const answers = await Promise.all(paths.map(path => http.get(`/history${path}`)));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 403));
  await app.close();
});
