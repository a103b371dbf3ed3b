import { attributeRows, subSelect } from '../competitors/attribute-sub-selects.mjs';
import { openLibrary } from '../support/library.mjs';
import { ms } from '../support/report.mjs';
import { median, milliseconds, sampleInTurn } from '../support/sampling.mjs';
import { query } from '../support/server.mjs';

/** What questions to the history cost as it grows, beside the same question about the present. */
export const reading = {
  name: 'reading',
  title: 'Reading the past, beside the present',
  async run({ serverUrl, pairs, isQuick }) {
    const sizes = isQuick
      ? [[1000, 10]]
      : [
          [10_000, 10],
          [10_000, 100],
          [1000, 1000],
          [100, 10_000],
          [100_000, 10],
        ];
    const results = [];
    for (const [articles, versions] of sizes) {
      const library = await openLibrary({ serverUrl, articles, versions });
      try {
        for (const sql of attributeRows.split(';')) await query(library.database.url, sql);
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
  const questions = {
    ...snapshotQuestions(library, SnapshotService),
    ...asOfQuestions(library, SnapshotService),
    ...historyQuestions(library, HistoryService),
  };
  const all = Object.fromEntries(
    Object.entries(questions).flatMap(([name, ways]) =>
      Object.entries(ways).map(([way, ask]) => [`${name}|${way}`, onceIfSlow(() => milliseconds(ask))]),
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

/** What takes seconds does not get steadier, and there are many questions. */
function onceIfSlow(ask) {
  let slow;
  return async () => {
    if (slow !== undefined) return slow;
    const time = await ask();
    if (time > 2000) slow = time;
    return time;
  };
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

const PEER = 'sub-selects, half ago';
const attributes = ['title', 'status', 'views', 'language', 'summary', 'author'];

/** The same by one correlated sub-select for each attribute. */
function peerOf({ orm, points }) {
  const { revision } = points['half of it ago'];
  const one = (attribute, key = 'o.id::text', type = 'Article') => subSelect({ type, key, attribute, revision });
  const ask = sql => orm.em.fork().getConnection().execute(sql);
  const values = attributes.map(attribute => `${one(attribute)} as ${attribute}`).join(', ');
  return {
    states: ids => ask(`select o.id, ${values} from unnest('{${ids.join(',')}}'::int[]) o(id)`),
    page: from =>
      ask(`select p.*, ${one('name', 'p.author', 'Author')} as name
           from (select o.id, ${values} from article o where o.id >= ${from} order by o.id limit 50) p`),
    count: (attribute, value) => ask(`select count(*) from article o where ${one(attribute)} = '${value}'`),
    children: author => ask(`select o.id, ${values} from article o where ${one('author')} = '${author}'`),
  };
}

/** Keys that lie apart. */
function keysOf(articles) {
  let n = 0;
  const some = () => 1 + ((n += 7919) % articles);
  return { some, keys: count => Array.from({ length: Math.min(count, articles) }, some) };
}

/** Questions to `at` and `many`. */
function snapshotQuestions(library, SnapshotService) {
  const { orm, Article, articles, points } = library;
  const { some, keys } = keysOf(articles);
  const peer = peerOf(library);
  const snapshots = () => new SnapshotService(orm.em.fork());
  const atPoints = ask => Object.fromEntries(Object.entries(points).map(([when, point]) => [when, () => ask(point)]));
  return {
    at: {
      now: () => orm.em.fork().findOneOrFail(Article, some()),
      ...atPoints(point => snapshots().at(Article, some(), point)),
      [PEER]: () => peer.states([some()]),
    },
    ...Object.fromEntries(
      [100, 1000].map(count => [
        `many, of ${count.toLocaleString('en')}`,
        {
          now: () => orm.em.fork().find(Article, { id: { $in: keys(count) } }),
          ...atPoints(point => snapshots().many(Article, keys(count), point)),
          [PEER]: () => peer.states(keys(count)),
        },
      ]),
    ),
  };
}

/** A question to the entity manager, asked of the present and as of two points. */
function asOfQuestions(library, SnapshotService) {
  const { orm, Article, Author, articles, points } = library;
  const { some, keys } = keysOf(articles);
  const peer = peerOf(library);
  const questions = {
    'one by its key': em => em.findOneOrFail(Article, some()),
    '100 by their keys': em => em.find(Article, { id: { $in: keys(100) } }),
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
  const peers = {
    'one by its key': () => peer.states([some()]),
    '100 by their keys': () => peer.states(keys(100)),
    'a page of 50, joined to parents': () => peer.page(some()),
    '100 children of a parent': () => peer.children(1),
    'count by a filter': () => peer.count('status', 'draft'),
  };
  const at = point => question => () => new SnapshotService(orm.em.fork()).asOf(point, question);
  return Object.fromEntries(
    Object.entries(questions).map(([name, question]) => [
      `asOf: ${name}`,
      {
        now: () => orm.em.fork().transactional(question),
        ...Object.fromEntries(Object.entries(points).map(([when, point]) => [when, at(point)(question)])),
        ...(peers[name] ? { [PEER]: peers[name] } : {}),
      },
    ]),
  );
}

/** Questions to the history of one object, beside reading its row. */
function historyQuestions(library, HistoryService) {
  const { orm, Article, articles, points } = library;
  const { some } = keysOf(articles);
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

const NOTE =
  'Articles by the hundred of one author; each has been changed as often as the others, in turns, three attributes of six at a time, ten articles to a revision. "Now" is the same question to the live table, in a transaction for `asOf`; of the history of one object, the live row by its key. "Half of it ago" everything has been changed since, "just before" one article in a hundred. Sub-selects: one correlated sub-select for each attribute, on a row for each attribute of each delta. What took more than two seconds was asked once.';

function report(results) {
  return {
    notes: [NOTE],
    tables: results.map(({ articles, versions, deltas, times }) => ({
      title: `${articles.toLocaleString('en')} articles of ${versions.toLocaleString('en')} versions: ${deltas.toLocaleString('en')} deltas. Milliseconds (medians), and times the present`,
      columns: ['question', 'now', 'just before', 'half of it ago', PEER],
      rows: Object.entries(times).map(([name, { now, ...ways }]) => [
        name,
        ms(now),
        ...['just before', 'half of it ago', PEER].map(way =>
          ways[way] === undefined ? '' : `${ms(ways[way])} (${(ways[way] / now).toFixed(1)})`,
        ),
      ]),
    })),
    targets: targetsOf(results),
    details: results,
  };
}

function targetsOf(results) {
  return [...growthTarget(results), ...results.flatMap(sizeTargets)];
}

/** How much longer one object takes with a thousand versions than with ten. */
function growthTarget(results) {
  const [few, many] = [10, 1000].map(versions => results.find(each => each.versions === versions));
  if (!few || !many) return [];
  const growth = when => many.times.at[when] / few.times.at[when];
  const value = Math.max(growth('just before'), growth('half of it ago'));
  return [{ id: 'at-growth', measure: '`at` by key at 1,000 versions, times that at 10', limit: 1.5, value }];
}

function sizeTargets({ articles, versions, deltas, times }) {
  const worst = name => Math.max(...['just before', 'half of it ago'].map(when => times[name][when] / times[name].now));
  const size = `${articles.toLocaleString('en')} × ${versions.toLocaleString('en')}`;
  const id = `${articles}-${versions}`;
  const target = (name, measure, limit, question) => ({
    id: `${name}-${id}`,
    measure: `${measure} at ${size} deltas, times the live read`,
    limit,
    value: worst(question),
  });
  return [
    ...(articles >= 1000 ? [target('many', '1,000 by `many`', 5, 'many, of 1,000')] : []),
    ...(deltas >= 1_000_000 ? [target('as-of-key', 'as-of by key', 3, 'asOf: one by its key')] : []),
  ];
}
