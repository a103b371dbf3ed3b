import { MikroORM } from '@mikro-orm/postgresql';
import { HistoryService, SnapshotService } from '@revy/mikro-orm';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { type Answer, type Call, describeApi } from './api-tests.js';
import { Article, ENTITIES, User } from './app/entities.js';
import { RunningApp } from './running-app.js';
import { TrackedAppModule } from './tracked-app.js';

interface Row {
  readonly revision: number;
  readonly actor: string | null;
  readonly action: string;
  readonly type: string;
  readonly id: string;
  readonly old: Record<string, unknown> | null;
  readonly new: Record<string, unknown> | null;
}

interface Logged {
  readonly call: Call;
  readonly status: number;
  /** What the history has of it. */
  readonly rows: readonly Row[];
}

let database: TestDatabase;
let running: RunningApp;
const log: Logged[] = [];

const rowsAfter = (revision: number) =>
  database.query<Row>(
    `select r.id::int as revision, u.username as actor, d.action, d.object_type as type, d.object_id as id,
       d.old_values as old, d.new_values as new
     from revy_revision r join revy_object_delta d on d.revision_id = r.id
     left join "user" u on r.actor_type = 'User' and r.actor_id = u.id::text
     where r.id > $1 order by d.id`,
    [revision],
  );

/** The API's tests send one request after the other, so that whatever is new in the history is of the last one. */
async function logged(call: Call): Promise<Answer> {
  const [{ last } = { last: 0 }] = await database.query<{ last: number }>(
    'select coalesce(max(id), 0)::int as last from revy_revision',
  );
  const answer = await running.call(call);
  log.push({ call, status: answer.status, rows: await rowsAfter(last) });
  return answer;
}

const calls = (method: Call['method'], pattern: RegExp) =>
  log.filter(({ call, status }) => call.method === method && pattern.test(call.path) && status < 300);

const summary = ({ call, rows }: Logged) => ({
  by: call.as ?? null,
  rows: rows.map(({ actor, action, type, new: values }) => [actor, action, type, ...Object.keys(values ?? {})]),
});

beforeAll(async () => {
  database = await createDatabase();
  running = await RunningApp.start(TrackedAppModule.on(database.url));
});

afterAll(async () => {
  await running.app.close();
  await database.drop();
});

describe('the same application, with one import and one decorator', () => {
  describeApi(logged);

  describe('the history of its API’s tests', () => {
    it('has one revision of whoever called for each request that changed something', () => {
      const changing = log.filter(({ rows }) => rows.length > 0);
      expect(changing).toHaveLength(24);
      for (const { call, rows } of changing) {
        expect(new Set(rows.map(({ revision }) => revision)).size).toBe(1);
        expect({ path: call.path, by: rows[0]!.actor }).toEqual({ path: call.path, by: call.as ?? null });
      }
    });

    it('has nothing of requests that read, failed, or changed nothing', () => {
      const silent = log.filter(({ rows }) => rows.length === 0);
      const isExpected = ({ call, status }: Logged) =>
        call.method === 'GET' || status >= 400 || call.path === '/users/login';
      expect(log.filter(entry => isExpected(entry) && entry.rows.length > 0)).toEqual([]);
      // following whom one follows already
      expect(silent.filter(entry => !isExpected(entry)).map(({ call }) => call.path)).toEqual(['/profiles/bob/follow']);
    });

    it('knows that passwords were set, and nothing of them', async () => {
      const users = calls('POST', /^\/users$/).map(({ rows }) => rows[0]!.new!['password']);
      expect(users).toEqual(users.map(() => '[FILTERED]'));
      expect(users.length).toBeGreaterThan(2);
      const passwords = await database.query<{ password: string }>('select password from "user"');
      const everything = await database.query<{ text: string }>(
        'select json_agg(d)::text as text from revy_object_delta d',
      );
      expect(passwords.filter(({ password }) => everything[0]!.text.includes(password))).toEqual([]);
      expect(everything[0]!.text).toContain('[FILTERED]');
    });

    it('has follows as links of the one who follows', () => {
      expect(calls('POST', /follow$/).map(summary)).toEqual([
        { by: 'ann', rows: [['ann', 'update', 'User', 'following']] },
        { by: 'ann', rows: [] },
        { by: 'ann', rows: [['ann', 'update', 'User', 'following']] },
      ]);
      const [unfollowed] = calls('DELETE', /follow$/);
      const [followed] = calls('POST', /eve\/follow$/);
      const { added } = followed!.rows[0]!.new!['following'] as { added: unknown[] };
      expect(unfollowed!.rows).toMatchObject([{ actor: 'ann', new: { following: { added: [], removed: added } } }]);
    });

    it('has favourites as links of the one who favours, readable from the article', async () => {
      expect(calls('POST', /favorite$/).map(summary)).toEqual(
        ['eve', 'ann', 'bob'].map(by => ({ by, rows: [[by, 'update', 'User', 'favorites']] })),
      );
      expect(calls('DELETE', /favorite$/).map(summary)).toEqual([
        { by: 'ann', rows: [['ann', 'update', 'User', 'favorites']] },
      ]);
      const em = running.app.get(MikroORM).em.fork();
      const pears = await em.findOneOrFail(Article, { title: 'Pears' });
      const [{ revision } = { revision: 0 }] = calls('POST', /favorite$/).at(-1)!.rows;
      const then = await new SnapshotService(em).asOf({ revision }, async past => {
        const found = await past.findOneOrFail(Article, pears.id, { populate: ['favoritedBy'] });
        return found.favoritedBy.getItems().map(({ username }) => username);
      });
      expect(new Set(then)).toEqual(new Set(['ann', 'bob']));
    });

    it('has articles with their new tags, and what goes with them', () => {
      const [first] = calls('POST', /^\/articles$/);
      expect(summary(first!).rows.map(([actor, action, type]) => [actor, action, type])).toEqual(
        expect.arrayContaining([
          ['bob', 'create', 'Article'],
          ['bob', 'create', 'Tag'],
        ]),
      );
      const removed = calls('DELETE', /^\/articles\/[^/]+$/).at(-1)!;
      expect(removed.rows.map(({ action, type }) => `${action} ${type}`)).toEqual(
        expect.arrayContaining(['delete Article', 'delete Comment']),
      );
    });

    it('has the versions of a user, with the links of each', async () => {
      const em = running.app.get(MikroORM).em.fork();
      const ann = await em.findOneOrFail(User, { username: 'ann' });
      const versions = await new HistoryService(em).versions(User, ann.id);
      const changed = versions.map(({ changed: names }) => names);
      expect(changed.slice(1)).toEqual([
        ['bio', 'image'],
        ['following'],
        ['following'],
        ['following'],
        ['favorites'],
        ['favorites'],
      ]);
      const first = versions.find(({ number }) => number === 1)!;
      expect(await first.state()).toMatchObject({ username: 'ann', bio: '', image: null });
    });

    it('has the right author of each of many comments that are made at once', async () => {
      const { body } = await running.call({ method: 'GET', path: '/articles?author=eve&limit=1' });
      const path = `/articles/${(body as { articles: { slug: string }[] }).articles[0]!.slug}/comments`;
      const names = Array.from({ length: 30 }, (_, i) => ['ann', 'bob', 'eve'][i % 3]!);
      const comment = (as: string) =>
        running.call({ method: 'POST', path, as, body: { comment: { body: `by ${as}` } } });
      const answers = await Promise.all(names.map(comment));
      expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
      const rows = await database.query<{ body: string; actor: string }>(`
        select d.new_values ->> 'body' as body, 'by ' || u.username as actor from revy_object_delta d
        join revy_revision r on r.id = d.revision_id join "user" u on r.actor_type = 'User' and r.actor_id = u.id::text
        where d.object_type = 'Comment' and d.new_values ->> 'body' like 'by %'`);
      expect(rows).toHaveLength(names.length);
      expect(rows.filter(({ body: text, actor }) => text !== actor)).toEqual([]);
    });

    it('ends where the tables are', async () => {
      const { em: global } = running.app.get(MikroORM);
      const em = global.fork();
      const snapshots = new SnapshotService(em);
      for (const entity of ENTITIES as (new () => { id: number })[]) {
        const live = await em.find(entity, {});
        const past = await snapshots.asOf(new Date(Date.now() + 60_000), reader => reader.find(entity, {}));
        expect(plain(past)).toEqual(plain(live));
        for (const { id } of live) {
          const snapshot = await snapshots.at(entity, id, new Date(Date.now() + 60_000));
          expect(snapshot).toMatchObject({ unknown: entity === User ? ['password'] : [], isDeleted: false });
        }
      }
    });
  });
});

function plain(objects: readonly { id: number }[]): unknown[] {
  return objects.map(object => JSON.parse(JSON.stringify(object)) as { id: number }).toSorted((a, b) => a.id - b.id);
}
