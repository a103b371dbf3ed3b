import { openLibrary } from '../support/library.mjs';
import { ms } from '../support/report.mjs';
import { median, milliseconds, sampleInTurn } from '../support/sampling.mjs';

/** What questions to the history cost as it grows, beside the same question about the present. */
export const reading = {
  name: 'reading',
  title: 'Reading the past, beside the present',
  async run({ serverUrl, pairs, isQuick }) {
    const sizes = isQuick
      ? [[1000, 10]]
      : [
          [10_000, 10],
          [1000, 100],
          [100_000, 10],
          [1000, 1000],
        ];
    const results = [];
    for (const [articles, versions] of sizes) {
      const library = await openLibrary({ serverUrl, articles, versions });
      try {
        results.push({ articles, versions, deltas: library.deltas, times: await measure(library, pairs) });
      } finally {
        await library.close();
      }
    }
    return report(results);
  },
};

async function measure(library, pairs) {
  const { SnapshotService, HistoryService } = await import('@revy/mikro-orm');
  const questions = { ...asOfQuestions(library, SnapshotService), ...historyQuestions(library, HistoryService) };
  const all = Object.fromEntries(
    Object.entries(questions).flatMap(([name, ways]) =>
      Object.entries(ways).map(([way, ask]) => [`${name}|${way}`, () => milliseconds(ask)]),
    ),
  );
  // prepared at the second time, and planned at the third
  const first = await sampleInTurn(all, 4);
  const samples = await sampleInTurn(repeated(all, first), pairs);
  return Object.fromEntries(
    Object.entries(questions).map(([name, ways]) => [
      name,
      Object.fromEntries(Object.keys(ways).map(way => [way, median(samples[`${name}|${way}`])])),
    ]),
  );
}

/** What takes a moment is asked several times over, up to a tenth of a second: the mean of them is steadier. */
function repeated(all, first) {
  const times = name => Math.max(1, Math.min(20, Math.round(100 / Math.min(...first[name]))));
  return Object.fromEntries(
    Object.entries(all).map(([name, ask]) => [
      name,
      async () => {
        let total = 0;
        for (let i = 0; i < times(name); i++) total += await ask();
        return total / times(name);
      },
    ]),
  );
}

/** A question to the entity manager, asked of the present and as of two points. */
function asOfQuestions({ orm, Article, Author, articles, points }, SnapshotService) {
  let n = 0;
  const some = () => 1 + ((n += 7919) % articles);
  const questions = {
    'one by its key': em => em.findOneOrFail(Article, some()),
    '100 by their keys': em => em.find(Article, { id: { $in: Array.from({ length: 100 }, some) } }),
    'a page of 50, joined to parents': em =>
      em.find(
        Article,
        { id: { $gte: some() } },
        { limit: 50, orderBy: { id: 'asc' }, populate: ['author'], strategy: 'joined' },
      ),
    'a filter, joined to parents': em =>
      em.find(Article, { author: { name: `Author ${1 + (some() % Math.ceil(articles / 100))}` } }),
    '100 children of a parent': em => em.find(Article, { author: 1 + (some() % Math.ceil(articles / 100)) }),
    'a parent with its children': em =>
      em.findOneOrFail(Author, 1 + (some() % Math.ceil(articles / 100)), { populate: ['articles'] }),
    'all that a filter finds, 1 in 10': em => em.find(Article, { language: 'fr' }, { limit: 1000 }),
    'count by a filter': em => em.count(Article, { status: 'draft' }),
  };
  const at = point => question => () => new SnapshotService(orm.em.fork()).asOf(point, question);
  return Object.fromEntries(
    Object.entries(questions).map(([name, question]) => [
      name,
      {
        now: () => orm.em.fork().transactional(question),
        ...Object.fromEntries(Object.entries(points).map(([when, point]) => [when, at(point)(question)])),
      },
    ]),
  );
}

/** Questions to the history of one object, beside reading its row. */
function historyQuestions({ orm, Article, articles, points }, HistoryService) {
  let n = 0;
  const some = () => 1 + ((n += 7919) % articles);
  const history = () => new HistoryService(orm.em.fork());
  const point = points['half of it ago'];
  const beside = ask => ({ now: () => orm.em.fork().findOneOrFail(Article, some()), 'half of it ago': ask });
  return {
    'page of 20 versions': beside(() => history().versions(Article, some(), { limit: 20, order: 'desc' })),
    "one attribute's last 20 changes": beside(() =>
      history().deltas(Article, some(), { changed: 'title', limit: 20, order: 'desc' }),
    ),
    'diff with the present': beside(() => history().diff(Article, some(), point)),
    blame: beside(() => history().blame(Article, some())),
  };
}

function report(results) {
  return {
    notes: [
      'Articles by the hundred of one author; each has been changed as often as the others, in turns, three attributes of six at a time, ten articles to a revision. "Now" is the same question to the live table, in a transaction; of the history of one object, the live row by its key. "Half of it ago" everything has been changed since, "just before" one article in a hundred.',
    ],
    tables: results.map(({ articles, versions, deltas, times }) => ({
      title: `${articles.toLocaleString('en')} articles of ${versions.toLocaleString('en')} versions: ${deltas.toLocaleString('en')} deltas. Milliseconds (medians), and times the present`,
      columns: ['question', 'now', 'just before', 'half of it ago'],
      rows: Object.entries(times).map(([name, { now, 'just before': before, 'half of it ago': ago }]) => [
        name,
        ms(now),
        ...[before, ago].map(time => (time === undefined ? '' : `${ms(time)} (${(time / now).toFixed(1)})`)),
      ]),
    })),
    targets: results
      .filter(({ deltas }) => deltas >= 1_000_000)
      .map(({ articles, versions, times }) => ({
        id: `as-of-key-${articles}`,
        measure: `as-of by key at ${articles.toLocaleString('en')} × ${versions.toLocaleString('en')} deltas, times the live read`,
        limit: 3,
        value: Math.max(
          ...['just before', 'half of it ago'].map(when => times['one by its key'][when] / times['one by its key'].now),
        ),
      })),
    details: results,
  };
}
