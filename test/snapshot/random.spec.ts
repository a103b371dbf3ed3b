import fc from 'fast-check';
import { SnapshotService } from '@revy/mikro-orm';
import { Post, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

/** What a row trigger of the test's own wrote down, in the order of the commits of one connection. */
interface Witnessed {
  readonly tx: string;
  readonly row: Record<string, unknown> | null;
}

interface Assignments {
  title?: string;
  slug?: string | null;
  views?: number;
  meta?: Record<string, unknown> | null;
  author?: 0 | 1 | null;
}

type Step =
  | { kind: 'assign'; flushes: Assignments[]; rollBack: boolean }
  | { kind: 'remove' }
  | { kind: 'revive'; with: Assignments };

const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', `'"\\%`),
  fc.string({ unit: 'grapheme', maxLength: 6 }).map(s => s.replaceAll('\0', '')),
);
const json = fc.dictionary(
  fc.constantFrom('a', 'b'),
  fc.oneof(fc.constant(null), fc.integer(), fc.boolean(), text, fc.array(fc.integer(), { maxLength: 2 })),
);
const assignments: fc.Arbitrary<Assignments> = fc.record(
  {
    title: text,
    slug: fc.option(text),
    views: fc.integer({ min: -3, max: 3 }),
    meta: fc.option(json),
    author: fc.constantFrom(0, 1, null),
  },
  { requiredKeys: [] },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('assign' as const),
      flushes: fc.array(assignments, { minLength: 1, maxLength: 3 }),
      rollBack: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revive' as const), with: assignments }) },
);

describe(`random histories (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  let authors: User[];
  let nextId = 1;
  beforeAll(async () => {
    test = await createOrm(undefined, { revy: { keyframeEvery: 3 } });
    // the witness: a row trigger that knows nothing of Revy, and keeps each row as PostgreSQL has it
    await test.database.query(`
create table witness (n bigserial primary key, id int, tx bigint default pg_current_xact_id()::text::bigint, row jsonb);
create function witness() returns trigger language plpgsql as $$
begin
  insert into witness (id, row) values (coalesce(new.id, old.id), to_jsonb(new));
  return null;
end $$;
create trigger witness after insert or update or delete on post for each row execute function witness();`);
    const em = test.orm.em.fork();
    authors = ['Ann', 'Bob'].map(name => em.create(User, { name, email: null }));
    await em.flush();
  });
  afterAll(() => test.close());

  const assign = (post: Post, values: Assignments, em: ReturnType<TestOrm['orm']['em']['fork']>) => {
    const { author, ...plain } = values;
    Object.assign(post, plain);
    if (author !== undefined) post.author = author === null ? null : em.getReference(User, authors[author]!.id);
  };

  async function carryOut(one: Step, id: number): Promise<void> {
    const em = test.orm.em.fork();
    const post = await em.findOne(Post, id);
    if (one.kind === 'revive') {
      if (post) return;
      const made = em.create(Post, { id, title: 'new', slug: null, views: 0, meta: null, author: null });
      assign(made, one.with, em);
      await em.flush();
    } else if (post && one.kind === 'remove') {
      await em.remove(post).flush();
    } else if (post && one.kind === 'assign') {
      await em.begin();
      for (const values of one.flushes) {
        assign(post, values, em);
        await em.flush();
      }
      await (one.rollBack ? em.rollback() : em.commit());
    }
  }

  /** The states that the object had at the end of each transaction that left it other than it found it. */
  async function witnessed(id: number): Promise<Witnessed[]> {
    const rows = await test.database.query<Witnessed>('select tx, row from witness where id = $1 order by n', [id]);
    const states: Witnessed[] = [];
    for (const [index, row] of rows.entries()) {
      if (rows[index + 1]?.tx === row.tx) continue;
      if (JSON.stringify(row.row) !== JSON.stringify(states.at(-1)?.row ?? null)) states.push(row);
    }
    return states;
  }

  const asRow = ({ id, title, slug, views, meta, author }: Post) => ({
    id,
    title,
    slug,
    views,
    meta,
    author_id: author?.id ?? null,
  });

  it('at(version n), at(revision) and at(date) equal what a trigger saw, for every n', async () => {
    await fc.assert(
      fc.asyncProperty(assignments, fc.array(step, { maxLength: 14 }), async (first, steps) => {
        const id = nextId++;
        await carryOut({ kind: 'revive', with: first }, id);
        for (const one of steps) await carryOut(one, id);
        const expected = await witnessed(id);
        const revisions = await test.database.query<{ id: number; tx: string; version: number }>(
          `select r.id::int, r.transaction_id as tx, d.version from revy_object_delta d join revy_revision r on r.id = d.revision_id
           where d.object_type = 'Post' and d.object_id = $1 order by d.id`,
          [String(id)],
        );
        expect(revisions.map(({ tx }) => tx)).toEqual(expected.map(({ tx }) => tx));
        const snapshots = new SnapshotService(test.orm.em.fork());
        for (const [index, { row }] of expected.entries()) {
          const { id: revision, version } = revisions[index]!;
          expect(version).toBe(index + 1);
          for (const point of [{ version }, { revision }, { after: revision }]) {
            const snapshot = await snapshots.at(Post, id, point);
            expect(snapshot && asRow(snapshot.entity)).toEqual(row);
            expect(snapshot?.isLive ?? null).toEqual(row === null ? null : index === expected.length - 1);
            expect(snapshot?.unknown ?? []).toEqual([]);
          }
          const before = await snapshots.at(Post, id, { before: revision });
          expect(before && asRow(before.entity)).toEqual(expected[index - 1]?.row ?? null);
        }
        const live = await snapshots.at(Post, id, new Date(Date.now() + 60_000));
        expect(live && asRow(live.entity)).toEqual(expected.at(-1)!.row);
      }),
      { seed, numRuns: Number(process.env.FC_RUNS ?? 25), endOnFailure: false, interruptAfterTimeLimit: 20_000 },
    );
  }, 60_000);
});
