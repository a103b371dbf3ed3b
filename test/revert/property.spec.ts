import { RevertConflictError, RevertService, RevisionContext, SystemActor } from '@revy/mikro-orm';
import fc from 'fast-check';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

const RUNS = Number(process.env['FC_RUNS'] ?? 60);
const TABLES = ['"user"', 'tag', 'post', 'comment', 'post_tags'];
const KEYS = fc.integer({ min: 1, max: 3 });

/** One change of a transaction, as far as there is something to change. */
type Change =
  | { readonly kind: 'make' | 'remove'; readonly type: number; readonly id: number; readonly other: number }
  | { readonly kind: 'set'; readonly attribute: number; readonly id: number; readonly value: number }
  | { readonly kind: 'link' | 'unlink'; readonly id: number; readonly other: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom('make', 'remove'), type: fc.nat(3), id: KEYS, other: KEYS }),
  fc.record({ kind: fc.constant('set'), attribute: fc.nat(4), id: KEYS, value: fc.nat(3) }),
  fc.record({ kind: fc.constantFrom('link', 'unlink'), id: KEYS, other: KEYS }),
) as fc.Arbitrary<Change>;

const history = fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 7 });

let t: TestOrm;
beforeAll(async () => {
  t = await createOrm();
});
afterAll(() => t.close());

type Tables = Readonly<Record<string, readonly unknown[]>>;

/** The tables as they are, read past everything of ours. */
async function dump(): Promise<Tables> {
  const tables: Record<string, readonly unknown[]> = {};
  for (const table of TABLES) {
    const found = await t.database.query<{ row: unknown }>(`select to_jsonb(r) as row from ${table} r order by 1`);
    tables[table] = found.map(({ row }) => row);
  }
  return tables;
}

/** Tables with the rows that one state has of its own replaced by those that another one has. */
function exchanged(now: Tables, from: Tables, to: Tables): Tables {
  const texts = (rows: readonly unknown[]) => new Set(rows.map(row => JSON.stringify(row)));
  return Object.fromEntries(
    TABLES.map(table => {
      const [had, gets] = [texts(from[table]!), texts(to[table]!)];
      const kept = [...texts(now[table]!)].filter(row => !had.has(row) || gets.has(row));
      const rows = [...kept, ...[...gets].filter(row => !had.has(row))];
      return [table, rows.map(row => JSON.parse(row) as { id?: number }).toSorted(inOrder)];
    }),
  );
}

/** As `jsonb` orders rows of one table, whose keys come first. */
function inOrder(a: object, b: object): number {
  const keys = (row: object) => ('id' in row ? [row.id] : Object.values(row)) as number[];
  return keys(a)
    .map((key, index) => key - keys(b)[index]!)
    .find(difference => difference !== 0)!;
}

/** The revisions behind which no object that they changed was changed again. */
async function revisionsThatTouchedLast(): Promise<number[]> {
  const found = await t.database.query<{ id: number }>(`select revision_id::int as id from (
      select revision_id, id = max(id) over (partition by object_type, object_id) as is_last from revy_object_delta
    ) d group by 1 having bool_and(is_last)`);
  return found.map(({ id }) => id);
}

async function lastRevision(): Promise<number> {
  const [row] = await t.database.query<{ id: number | null }>('select max(id)::int as id from revy_revision');
  return row!.id ?? 0;
}

/** One transaction; @returns the revision that it made, or nothing if it changed nothing */
async function commit(changes: readonly Change[]): Promise<number | undefined> {
  const before = await lastRevision();
  const em = t.orm.em.fork();
  await em.begin();
  for (const one of changes) {
    await apply(em, one);
    await em.flush();
  }
  await em.commit();
  const after = await lastRevision();
  return after === before ? undefined : after;
}

async function apply(em: TestOrm['orm']['em'], one: Change): Promise<void> {
  const { id } = one;
  if (one.kind === 'make') {
    const type = [User, Tag, Post, Comment][one.type]!;
    if (await em.findOne(type as typeof Post, id)) return;
    const post = await em.findOne(Post, one.other);
    if (type === Comment && !post) return;
    const values = [{ name: 'u' }, { name: 't' }, { title: 'p', views: 0 }, { text: 'c', post }][one.type];
    em.create(type as typeof Post, { id, ...values } as never);
  } else if (one.kind === 'remove') {
    const type = [User, Tag, Post, Comment][one.type]!;
    if (type === User) await em.nativeUpdate(Post, { author: id }, { author: null });
    const entity = await em.findOne(type as typeof Post, id);
    if (entity) em.remove(entity);
  } else if (one.kind === 'set') {
    const post = await em.findOne(Post, id);
    if (!post) return;
    if (one.attribute === 0) post.title = `title ${one.value}`;
    if (one.attribute === 1) post.views = one.value;
    if (one.attribute === 2) post.meta = one.value === 0 ? null : { at: [one.value] };
    if (one.attribute === 3) post.author = (await em.findOne(User, one.value)) ?? null;
    if (one.attribute === 4) post.slug = one.value === 0 ? null : String(one.value);
  } else {
    const post = await em.findOne(Post, id, { populate: ['tags'] });
    const tag = await em.findOne(Tag, one.other);
    if (!post || !tag) return;
    if (one.kind === 'link') post.tags.add(tag);
    else post.tags.remove(tag);
  }
}

async function outcomeOf(revert: () => Promise<unknown>): Promise<'done' | 'refused'> {
  try {
    await revert();
    return 'done';
  } catch (error) {
    if (error instanceof RevertConflictError) return 'refused';
    throw error;
  }
}

async function empty(): Promise<void> {
  await t.database.query(`truncate ${TABLES.join(', ')}, revy_revision, revy_object_delta restart identity cascade`);
}

it(`reverts the last revision exactly, and the revert of it (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(history, async transactions => {
      await empty();
      let before = await dump();
      for (const changes of transactions) {
        const revision = await commit(changes);
        const after = await dump();
        if (revision === undefined) continue;
        const reverts = new RevertService(t.orm.em.fork());
        const undone = await reverts.revision(revision);
        expect(await dump()).toEqual(before);
        expect(undone.isClean).toBe(true);
        if (undone.revision !== null) await reverts.revision(undone.revision);
        expect(await dump()).toEqual(after);
        before = after;
      }
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);

it(`reverts any revision exactly whose objects nothing later touched (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(history, async transactions => {
      await empty();
      const states: { readonly revision: number; readonly before: Tables; readonly after: Tables }[] = [];
      for (const changes of transactions) {
        const before = await dump();
        const revision = await commit(changes);
        if (revision !== undefined) states.push({ revision, before, after: await dump() });
      }
      const touchedLast = new Set(await revisionsThatTouchedLast());
      const oldest = states.find(({ revision }) => touchedLast.has(revision));
      if (!oldest) return;
      const { revision, before, after } = oldest;
      const now = await dump();
      const reverts = new RevertService(t.orm.em.fork());
      const plan = await reverts.revision(revision, { dryRun: true });
      const reasons = plan.conflicts.map(({ reason }) => reason);
      // rows of others may refer to what it made, or be gone that it referred to
      expect(['parent-gone', 'still-referred-to']).toEqual(expect.arrayContaining([...new Set(reasons)]));
      if (!plan.isClean) return;
      const undone = await reverts.revision(revision);
      expect(await dump()).toEqual(exchanged(now, after, before));
      if (undone.revision !== null) await reverts.revision(undone.revision);
      expect(await dump()).toEqual(now);
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);

it(`undoes several revisions at once, from the last (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), async (transactions, from) => {
      await empty();
      const states: { readonly revision: number; readonly before: unknown }[] = [];
      for (const changes of transactions) {
        const before = await dump();
        const revision = await commit(changes);
        if (revision !== undefined) states.push({ revision, before });
      }
      if (states.length === 0) return;
      const first = from % states.length;
      await new RevertService(t.orm.em.fork()).revision(states.slice(first).map(({ revision }) => revision));
      expect(await dump()).toEqual(states[first]!.before);
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);

it(`never changes with 'keep' what a later revision set, and nothing where it fails (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), async (transactions, which) => {
      await empty();
      const made: number[] = [];
      for (const changes of transactions) {
        const revision = await commit(changes);
        if (revision !== undefined) made.push(revision);
      }
      if (made.length === 0) return;
      const revision = made[which % made.length]!;
      const reverts = new RevertService(t.orm.em.fork());
      const before = await dump();
      const recorded = await lastRevision();
      const plan = await reverts.revision(revision, { dryRun: true });
      expect(await dump()).toEqual(before);
      const refused = await outcomeOf(() => reverts.revision(revision));
      expect(refused).toBe(plan.isClean ? 'done' : 'refused');
      const after = plan.isClean ? undefined : [await dump(), await lastRevision()];
      expect(after ?? [before, recorded]).toEqual([before, recorded]);
      const kept = await reverts.revision(revision, { onConflict: 'keep' });
      const touched = await t.database.query<{ place: string }>(
        `select distinct object_type || ' ' || object_id || ' ' || attribute as place from revy_attribute_delta
         where revision_id > ${revision} and revision_id <= ${recorded}
           and not new_value ?| array['added', 'removed']`,
      );
      const later = new Set(touched.map(({ place }) => place));
      const changed = await t.database.query<{ place: string }>(
        `select object_type || ' ' || object_id || ' ' || attribute as place from revy_attribute_delta
         where revision_id = ${kept.revision ?? 0} and not new_value ?| array['added', 'removed']`,
      );
      expect(changed.map(({ place }) => place).filter(place => later.has(place))).toEqual([]);
    }),
    { seed, numRuns: RUNS },
  );
}, 600_000);

it('records who reverted, and lets one of two at once win', async () => {
  await empty();
  await commit([{ kind: 'make', type: 2, id: 1, other: 1 }]);
  const revision = await commit([{ kind: 'set', attribute: 0, id: 1, value: 1 }]);
  const act = (name: string) =>
    RevisionContext.run({ actor: new SystemActor(name) }, () => new RevertService(t.orm.em.fork()).revision(revision!));
  const plans = await Promise.all([act('a'), act('b')]);
  expect(plans.filter(plan => plan.isEmpty)).toHaveLength(1);
  const recorded = await t.database.query('select actor_id, reverts::int from revy_revision order by id desc limit 1');
  expect(recorded).toEqual([{ actor_id: plans[0]!.isEmpty ? 'b' : 'a', reverts: revision }]);
  expect(await t.database.query('select title from post')).toEqual([{ title: 'p' }]);
});
