import {
  Collection,
  ConstraintViolationException,
  defineEntity,
  type EntityManager,
  p,
  ValidationError,
} from '@mikro-orm/core';
import fc from 'fast-check';
import { asDeltas, installWitness, type Seen, sorted, withoutLinks, witnessed } from '../cascade/witness.js';
import { folded, type Links, live } from '../collections/links.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

// Random operations on collections, loaded and not, from both sides, in random transactions of several entity managers:
// what is recorded has to add up to the tables, pivots included, and to be what row triggers saw.

const RUNS = Number(process.env['FC_RUNS'] ?? 150);
const COUNT = 4;

class Topic {
  id!: number;
  name!: string;
  tags = new Collection<Tag>(this);
  related = new Collection<Topic>(this);
  relatedBy = new Collection<Topic>(this);
  ranked = new Collection<Tag>(this);
  rated = new Collection<Tag>(this);
  notes = new Collection<Note>(this);
  drafts = new Collection<Draft>(this);
}

class Tag {
  id!: number;
  name!: string;
  topics = new Collection<Topic>(this);
  rankedIn = new Collection<Topic>(this);
  ratedIn = new Collection<Topic>(this);
}

/** A pivot entity with columns of its own. */
class Rating {
  topic!: Topic;
  tag!: Tag;
  stars!: number;
}

class Note {
  id!: number;
  name!: string;
  topic!: Topic | null;
}

/** Goes when it has no topic. */
class Draft {
  id!: number;
  name!: string;
  topic!: Topic | null;
}

/** Goes with its draft. */
class Line {
  id!: number;
  draft!: Draft;
}

/** Stays when its draft goes. */
class Quote {
  id!: number;
  draft!: Draft | null;
}

const id = () => p.integer().primary().autoincrement();
const name = p.string();
const ENTITIES = [
  defineEntity({
    class: Topic,
    properties: {
      id: id(),
      name,
      tags: () => p.manyToMany(Tag).owner(),
      related: () => p.manyToMany(Topic).owner(),
      relatedBy: () => p.manyToMany(Topic).mappedBy('related'),
      ranked: () => p.manyToMany(Tag).owner().fixedOrder().pivotTable('ranking'),
      rated: () =>
        p
          .manyToMany(Tag)
          .owner()
          .pivotEntity(() => Rating),
      notes: () => p.oneToMany(Note).mappedBy('topic'),
      drafts: () => p.oneToMany(Draft).mappedBy('topic').orphanRemoval(),
    },
  }),
  defineEntity({
    class: Tag,
    properties: {
      id: id(),
      name,
      topics: () => p.manyToMany(Topic).mappedBy('tags'),
      rankedIn: () => p.manyToMany(Topic).mappedBy('ranked'),
      ratedIn: () => p.manyToMany(Topic).mappedBy('rated'),
    },
  }),
  defineEntity({
    class: Rating,
    properties: {
      topic: () => p.manyToOne(Topic).primary(),
      tag: () => p.manyToOne(Tag).primary(),
      stars: p.integer().default(3),
    },
  }),
  defineEntity({ class: Note, properties: { id: id(), name, topic: () => p.manyToOne(Topic).nullable() } }),
  defineEntity({ class: Draft, properties: { id: id(), name, topic: () => p.manyToOne(Topic).nullable() } }),
  defineEntity({ class: Line, properties: { id: id(), draft: () => p.manyToOne(Draft).deleteRule('cascade') } }),
  defineEntity({ class: Quote, properties: { id: id(), draft: () => p.manyToOne(Draft).nullable() } }),
];
const OBJECTS = [Topic, Tag, Rating, Note, Draft, Line, Quote];
const LINKS = ['tags', 'related', 'ranked', 'rated'] as const;

type Name =
  'tags' | 'related' | 'relatedBy' | 'ranked' | 'rated' | 'topics' | 'rankedIn' | 'ratedIn' | 'notes' | 'drafts';

/** On which class a collection is, and of which. */
const COLLECTIONS: Readonly<Record<Name, readonly [owner: typeof Topic, target: typeof Tag]>> = {
  tags: [Topic, Tag],
  related: [Topic, Topic as never],
  relatedBy: [Topic, Topic as never],
  ranked: [Topic, Tag],
  rated: [Topic, Tag],
  topics: [Tag as never, Topic as never],
  rankedIn: [Tag as never, Topic as never],
  ratedIn: [Tag as never, Topic as never],
  notes: [Topic, Note as never],
  drafts: [Topic, Draft as never],
};

type Step =
  | {
      readonly kind: 'change';
      readonly how: 'set' | 'add' | 'remove' | 'clear';
      readonly name: Name;
      readonly of: number;
    }
  | { readonly kind: 'child' | 'rename' | 'delete'; readonly of: number; readonly isDraft: boolean }
  | { readonly kind: 'rate' | 'unrate' | 'new' | 'link' | 'drop'; readonly of: number }
  | { readonly kind: 'flush' };

/** What a step is done with; keys that do not exist are left out. */
interface Drawn {
  readonly step: Step;
  readonly keys: readonly number[];
  readonly isLoaded: boolean;
}

interface Work {
  readonly isExplicit: boolean;
  readonly steps: readonly Drawn[];
}

const key = fc.integer({ min: 1, max: COUNT });
const collection = fc.constantFrom(...(Object.keys(COLLECTIONS) as Name[]));
const change = fc.record({
  kind: fc.constant('change' as const),
  how: fc.constantFrom('set', 'set', 'add', 'remove', 'clear'),
  name: collection,
  of: key,
}) as fc.Arbitrary<Step>;
const other = fc.oneof(
  fc.record({
    kind: fc.constantFrom('child' as const, 'rename' as const, 'delete' as const),
    of: key,
    isDraft: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom(...(['rate', 'unrate', 'new', 'link', 'drop'] as const)), of: key }),
  fc.record({ kind: fc.constant('flush' as const) }),
);
const drawn = (step: fc.Arbitrary<Step>): fc.Arbitrary<Drawn> =>
  fc.record({ step, keys: fc.uniqueArray(key, { maxLength: 3 }), isLoaded: fc.boolean() });
const works = fc.array(
  fc.record({
    isExplicit: fc.boolean(),
    steps: fc.array(drawn(fc.oneof({ weight: 3, arbitrary: change }, other)), { minLength: 1, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 4 },
);

let t: TestOrm;
beforeAll(async () => {
  t = await createOrm(ENTITIES);
  await installWitness(t);
});
afterAll(() => t.close());

/** The same rows for each run. */
async function reset(): Promise<void> {
  const ids = Array.from({ length: COUNT }, (_, index) => index + 1);
  const rows = (table: string, row: (n: number) => string) =>
    `insert into ${table} values ${ids.map(n => `(${row(n)})`).join(', ')};`;
  await t.database.query(`
    truncate topic, tag, rating, note, draft, line, quote, topic_tags, topic_related, ranking restart identity cascade;
    ${rows('topic (id, name)', n => `${n}, 't${n}'`)} ${rows('tag (id, name)', n => `${n}, 'g${n}'`)}
    ${rows('note (id, name, topic_id)', n => `${n}, 'n${n}', ${n % 3 || 'null'}`)}
    ${rows('draft (id, name, topic_id)', n => `${n}, 'd${n}', ${n % 3 || 1}`)}
    ${rows('line (id, draft_id)', n => `${n}, ${n}`)} ${rows('quote (id, draft_id)', n => `${n}, ${n}`)}
    insert into topic_tags (topic_id, tag_id) values (1, 1), (1, 2), (2, 2), (3, 4);
    insert into topic_related (topic_1_id, topic_2_id) values (1, 1), (1, 2), (2, 1), (3, 2);
    insert into ranking (topic_id, tag_id) values (1, 3), (1, 1), (1, 2), (2, 2);
    insert into rating (topic_id, tag_id, stars) values (1, 1, 5), (1, 2, 4), (2, 2, 1);
    ${['topic', 'tag', 'note', 'draft', 'line', 'quote'].map(name => `alter sequence ${name}_id_seq restart 10;`).join('')}
    truncate witness, revy_revision, revy_object_delta`);
}

async function perform(em: EntityManager, { step, keys, isLoaded }: Drawn): Promise<void> {
  switch (step.kind) {
    case 'flush':
      return em.flush();
    case 'change':
      return changeCollection(em, step, keys, isLoaded);
    case 'new':
      return create(em, step.of, keys);
    case 'drop':
      return void em.remove(await em.find(Topic, step.of));
    case 'link':
    case 'rate':
    case 'unrate':
      return rate(em, step, keys);
    default:
      return changeObject(em, step, keys);
  }
}

async function changeCollection(
  em: EntityManager,
  { how, name: property, of }: Extract<Step, { kind: 'change' }>,
  keys: readonly number[],
  isLoaded: boolean,
): Promise<void> {
  const [ownerClass, targetClass] = COLLECTIONS[property];
  const owner = (await em.findOne(ownerClass, of)) as Topic | null;
  if (!owner) return;
  const items = (owner as unknown as Record<Name, Collection<Tag>>)[property];
  if (isLoaded) await items.init();
  const found = await em.find(targetClass, { id: { $in: [...keys] } });
  const ordered = keys.flatMap(one => found.filter(entity => entity.id === one));
  if (how === 'set') items.set(ordered);
  else if (how === 'add') items.add(ordered);
  else if (how === 'clear') items.removeAll();
  else if (items.isInitialized()) items.remove(ordered);
}

async function changeObject(
  em: EntityManager,
  { kind, of, isDraft }: Extract<Step, { kind: 'child' | 'rename' | 'delete' }>,
  keys: readonly number[],
): Promise<void> {
  const classes = { child: isDraft ? Draft : Note, rename: isDraft ? Draft : Topic, delete: isDraft ? Draft : Tag };
  const entity = await em.findOne(classes[kind] as typeof Note, of);
  if (!entity) return;
  if (kind === 'delete') em.remove(entity);
  else if (kind === 'rename') entity.name += '!';
  else entity.topic = await em.findOne(Topic, keys[0] ?? 1);
}

async function create(em: EntityManager, of: number, keys: readonly number[]): Promise<void> {
  const topic = em.create(Topic, { name: 'new' });
  topic.tags.add(await em.find(Tag, { id: { $in: [...keys] } }));
  topic.related.add(topic, ...(await em.find(Topic, of)));
  topic.ranked.add(await em.find(Tag, of));
  topic.notes.add(em.create(Note, { name: 'new', topic }));
  topic.drafts.add(em.create(Draft, { name: 'new', topic }));
}

/** Links by way of their rows, which are objects. */
async function rate(em: EntityManager, { kind, of }: Step & { of: number }, keys: readonly number[]): Promise<void> {
  const [topic, tag] = [await em.findOne(Topic, of), await em.findOne(Tag, keys[0] ?? 1)];
  const known = topic && tag && (await em.findOne(Rating, { topic, tag }));
  if (kind === 'unrate' && known) em.remove(known);
  else if (kind === 'rate' && known) known.stars += 1;
  else if (kind === 'link' && topic && tag && !known) em.create(Rating, { topic, tag, stars: 1 });
}

/** What MikroORM or the database refuses; the transaction is rolled back, and nothing of it is recorded. */
function isRefused(error: unknown): boolean {
  return error instanceof ConstraintViolationException || error instanceof ValidationError;
}

async function attempt(em: EntityManager, { isExplicit, steps }: Work): Promise<void> {
  const run = async (inner: EntityManager) => {
    for (const one of steps) await perform(inner, one);
  };
  try {
    if (isExplicit) await em.transactional(run);
    else {
      await run(em);
      await em.flush();
    }
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

async function liveLinks(): Promise<Links> {
  const all: Links = {};
  for (const property of LINKS) Object.assign(all, await live(t, { Topic: property }));
  return comparable(all);
}

/** Only one of the collections has an order. */
function comparable(links: Links): Links {
  const entries = Object.entries(links).map(([place, keys]): [string, unknown[]] => [
    place,
    place.endsWith(' ranked') ? keys : keys.toSorted((a, b) => Number(a) - Number(b)),
  ]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b)));
}

/** What the triggers have seen since they were asked last. */
async function seen(): Promise<Seen[]> {
  const classes = OBJECTS.map(one => t.orm.getMetadata().get(one as never));
  return sorted(asDeltas(await witnessed(t.database, t.orm), classes));
}

/** Several revisions, where a failed flush is followed by another: from what it was first to what it is last. */
function netOf(seen: readonly Seen[]): Seen[] {
  const byObject = Map.groupBy(seen, one => one.object);
  return [...byObject.values()]
    .flatMap(all => (all.length === 1 ? all : [merged(all)]))
    .filter(one => one !== undefined);
}

function merged(all: readonly Seen[]): Seen | undefined {
  return all.reduce<Seen | undefined>((first, second) => (first ? both(first, second) : second), undefined);
}

function both(first: Seen, second: Seen): Seen | undefined {
  const values = { ...first.new, ...second.new };
  if (first.action === 'create') return second.action === 'delete' ? undefined : { ...first, new: values };
  const old = { ...second.old, ...first.old };
  if (second.action === 'delete') return { ...second, old };
  const changed = Object.keys(values).filter(one => JSON.stringify(old[one]) !== JSON.stringify(values[one]));
  const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map(one => [one, from[one]]));
  return changed.length > 0 ? { ...first, action: 'update', old: pick(old), new: pick(values) } : undefined;
}

it(`records of random changes of collections what the tables and their triggers say (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(works, async drawnWorks => {
      await reset();
      const start = await liveLinks();
      let recorded = 0;
      for (const work of drawnWorks) {
        await attempt(t.orm.em.fork(), work);
        const deltas = await t.deltas();
        expect(comparable(folded(deltas, start))).toEqual(await liveLinks());
        expect(sorted(netOf(withoutLinks(deltas.slice(recorded), LINKS)))).toEqual(await seen());
        recorded = deltas.length;
      }
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);

const LINK_NAMES = ['tags', 'related', 'relatedBy', 'ranked', 'topics', 'rankedIn'] as const;
const linkWorks = fc.array(
  fc.record({
    by: fc.nat(2),
    work: fc.record({
      isExplicit: fc.constant(false),
      steps: fc.array(
        drawn(
          fc.record({
            kind: fc.constant('change' as const),
            how: fc.constantFrom('set', 'add', 'remove', 'clear'),
            name: fc.constantFrom(...LINK_NAMES),
            of: key,
          }) as fc.Arbitrary<Step>,
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  }),
  { minLength: 2, maxLength: 8 },
);

it(`links that several entity managers hold, who do not hear of each other (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(linkWorks, async drawnWorks => {
      await reset();
      const start = await liveLinks();
      const managers = [0, 1, 2].map(() => t.orm.em.fork());
      for (const { by, work } of drawnWorks) {
        const before = (await t.revisions()).length;
        await attempt(managers[by]!, work);
        // after a failure, MikroORM believes what it could not write
        if ((await t.revisions()).length === before) managers[by] = t.orm.em.fork();
        expect(comparable(folded(await t.deltas(), start))).toEqual(await liveLinks());
      }
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);
