import { HistoryService, RevisionContext, type RevisionFilter, UnusableFilterError } from '@revy/mikro-orm';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

describe('how revisions are spread over time', () => {
  let test: TestOrm;
  let ann: User;
  const history = () => new HistoryService(test.orm.em.fork());

  beforeAll(async () => {
    test = await createOrm();
    const em = test.orm.em.fork();
    ann = em.create(User, { name: 'Ann' });
    await em.flush(); // 1
    const post = em.create(Post, { title: 'one', views: 0, meta: null });
    await RevisionContext.run({ actor: ann }, () => em.flush()); // 2
    post.views = 1;
    await em.flush(); // 3
    em.create(Tag, { name: 'red' });
    await em.flush(); // 4
  });
  afterAll(() => test.close());

  /** As if the four revisions had been recorded then. */
  const recordedAt = async (...times: string[]) => {
    for (const [index, time] of times.entries()) {
      await test.database.query(`update revy_revision set recorded_at = $1 where id = $2`, [time, index + 1]);
    }
  };

  it('is told in steps as short as fit, empty ones among them', async () => {
    await recordedAt(
      '2026-01-01T10:00:00.9Z',
      '2026-01-01T10:00:01Z',
      '2026-01-01T10:00:01.5Z',
      '2026-01-01T10:00:03Z',
    );
    expect(await history().activity()).toEqual({
      stepSeconds: 1,
      steps: [
        { from: new Date('2026-01-01T10:00:00Z'), revisions: 1 },
        { from: new Date('2026-01-01T10:00:01Z'), revisions: 2 },
        { from: new Date('2026-01-01T10:00:02Z'), revisions: 0 },
        { from: new Date('2026-01-01T10:00:03Z'), revisions: 1 },
      ],
    });
  });

  it('begins days at midnight and weeks on Mondays', async () => {
    await recordedAt('2026-01-01T23:59:59Z', '2026-01-02T00:00:00Z', '2026-01-03T12:00:00Z', '2026-02-01T12:00:00Z');
    const days = await history().activity();
    expect([days.stepSeconds, days.steps.length]).toEqual([86_400, 32]);
    expect(days.steps.slice(0, 2)).toEqual([
      { from: new Date('2026-01-01'), revisions: 1 },
      { from: new Date('2026-01-02'), revisions: 1 },
    ]);
    const weeks = await history().activity({ steps: 6 });
    expect(weeks).toEqual({
      stepSeconds: 604_800,
      steps: ['2025-12-29', '2026-01-05', '2026-01-12', '2026-01-19', '2026-01-26'].map((day, index) => ({
        from: new Date(day),
        revisions: [3, 0, 0, 0, 1][index]!,
      })),
    });
  });

  it.each([2, 3, 7, 60])('has %i steps at most, over seconds and over centuries', async steps => {
    for (const last of [
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:01:00Z',
      '2031-06-01T00:00:00Z',
      '4026-01-01T00:00:00Z',
    ]) {
      await recordedAt('2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', last);
      const activity = await history().activity({ steps });
      expect(activity.steps.length).toBeLessThanOrEqual(steps);
      expect(activity.steps.reduce((sum, { revisions }) => sum + revisions, 0)).toBe(4);
    }
  });

  it('counts what a filter leaves, and nothing as nothing', async () => {
    const sum = async (filter: RevisionFilter<Post>) =>
      (await history().activity(filter)).steps.reduce((all, { revisions }) => all + revisions, 0);
    expect(await sum({ type: Post })).toBe(2);
    expect(await sum({ type: Post, changed: { views: { to: 1 } } })).toBe(1);
    expect(await sum({ actor: ann })).toBe(1);
    expect(await sum({ type: Post, keys: [1], action: 'create' })).toBe(1);
    expect(await history().activity({ type: Post, keys: [2] })).toEqual({ stepSeconds: 1, steps: [] });
  });

  it('takes one statement, sees what its own transaction changed, and refuses what are no steps', async () => {
    expect(await statementsOf(() => history().activity())).toHaveLength(1);
    await test.orm.em.fork().transactional(async em => {
      em.create(Tag, { name: 'blue' });
      await em.flush();
      const { steps } = await new HistoryService(em).activity({ type: Tag });
      expect(steps.reduce((sum, { revisions }) => sum + revisions, 0)).toBe(2);
      em.clear();
    });
    await expect(history().activity({ steps: 1 })).rejects.toThrow(
      new UnusableFilterError('steps', 1, 'a whole number from 2'),
    );
  });
});
