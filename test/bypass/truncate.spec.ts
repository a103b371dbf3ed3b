import { type RevyOptions, UnsafeBypassError } from '@revy/mikro-orm';
import { Post, Tag } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let t: TestOrm;
const warnings: string[] = [];

async function start(revy: RevyOptions = {}): Promise<void> {
  t = await createOrm(undefined, { revy });
  t.orm.config.getLogger().warn = (_, message) => void warnings.push(message);
  const em = t.orm.em.fork();
  em.create(Tag, { name: 'news' });
  em.create(Post, { title: 'one', slug: null, views: 0, meta: null });
  await em.flush();
}

afterEach(async () => {
  warnings.length = 0;
  await t.close();
});

const TRUNCATES: Record<string, (orm: TestOrm['orm']) => Promise<unknown>> = {
  'em.execute': orm => orm.em.fork().execute('truncate tag cascade'),
  'em.execute of several tables': orm =>
    orm.em.fork().execute('TRUNCATE TABLE ONLY "post_tags", public.tag restart identity cascade'),
  'em.getConnection().execute': orm => orm.em.fork().getConnection().execute('/* all */ truncate table tag cascade'),
};

/** What is truncated, in the order in which it is first said. */
const targets = () => [...new Set(warnings.map(text => /TRUNCATE by \S+ on ((?:the table )?\S+)/.exec(text)?.[1]))];

it.each(Object.entries(TRUNCATES))(
  'P8: %s is warned of, once for each table, with what to use instead',
  async (_, run) => {
    await start();
    await run(t.orm);
    expect(await t.database.query('select 1 from tag')).toEqual([]);
    expect(targets()).toContain('Tag');
    const [ofTags] = warnings.filter(text => text.includes('on Tag'));
    expect(ofTags).toMatch(
      /which is recorded\. Where the history need not know, run it in RevisionContext\.runDisabled\(\)\.$/,
    );
    expect(ofTags).toContain('Use em.nativeDelete(Tag, {})');
  },
);

it.each(Object.entries(TRUNCATES))('P8: %s is refused with bypass: throw, and nothing is gone', async (_, run) => {
  await start({ bypass: { query: 'throw' } });
  await expect(run(t.orm)).rejects.toThrow(UnsafeBypassError);
  expect(await t.database.query('select name from tag')).toEqual([{ name: 'news' }]);
  expect(await t.deltas()).toHaveLength(2);
});
