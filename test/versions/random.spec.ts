import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { type DeltaFilter, HistoryService, RevisionContext, SystemActor, type Version } from '@revy/mikro-orm';
import { contents } from '../support/contents.js';
import { Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

/** What an application would know if it kept a copy of each state that it committed. */
interface Kept {
  readonly action: 'create' | 'update' | 'delete';
  readonly actor: string;
  readonly state: Values | null;
  readonly before: Values | null;
}

interface Values {
  title: string;
  slug: string | null;
  views: number;
  meta: unknown;
}

const NAMES = ['title', 'slug', 'views', 'meta'] as const;
const EMPTY: Values = { title: '', slug: null, views: 0, meta: null };

const values = fc.record<Partial<Values>>(
  {
    title: fc.constantFrom('', 'a', 'b', `'"?%_`),
    slug: fc.constantFrom(null, 'a', 'B', '10', '9'),
    views: fc.integer({ min: -2, max: 11 }),
    meta: fc.constantFrom(null, { a: 1 }, { a: [1] }, [], 'null'),
  },
  { requiredKeys: [] },
);
interface Step {
  readonly values: Partial<Values>;
  readonly actor: string;
  readonly isRemoval: boolean;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    values,
    actor: fc.constantFrom('ann', 'bob'),
    isRemoval: fc.integer({ max: 5, min: 0 }).map(n => n === 0),
  }),
  { minLength: 1, maxLength: 9 },
);

let test: TestOrm;
let nextId = 1;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());

const history = () => new HistoryService(test.orm.em.fork());

/** Lives through the steps and returns the key and what came of each that changed something. */
async function live(given: readonly Step[]): Promise<[id: number, kept: Kept[]]> {
  const id = nextId++;
  const kept: Kept[] = [];
  for (const { values: assigned, actor, isRemoval } of given) {
    const em = test.orm.em.fork();
    const post = await em.findOne(Post, id);
    const before = kept.at(-1)?.state ?? null;
    const state = post && isRemoval ? null : { ...(before ?? EMPTY), ...assigned };
    if (!post) em.create(Post, { id, author: null, ...EMPTY, ...assigned } as never);
    else if (isRemoval) em.remove(post);
    else Object.assign(post, assigned);
    await RevisionContext.run({ actor: new SystemActor(actor) }, () => em.flush());
    if (isDeepStrictEqual(before, state)) continue;
    kept.push({ action: before ? (state ? 'update' : 'delete') : 'create', actor, state, before });
  }
  return [id, kept];
}

/** What a change of one attribute was, if it was one: null stands for what was not there. */
function changeOf({ before, state }: Kept, name: keyof Values): [unknown, unknown] | undefined {
  const [from, to] = [before?.[name] ?? null, state?.[name] ?? null];
  return isDeepStrictEqual(from, to) ? undefined : [from, to];
}

const check = (property: (id: number, kept: readonly Kept[]) => Promise<void>) =>
  fc.assert(
    fc.asyncProperty(steps, async given => property(...(await live(given)))),
    { seed, numRuns: 30 },
  );

describe(`random lives of an object (FC_SEED=${seed})`, () => {
  it('versions, whole or in pages, tell each of them, with the state that it had', async () => {
    await check(async (id, kept) => {
      const versions = await history().versions(Post, id);
      const states = await Promise.all(versions.map(version => version.state()));
      const told = versions.map(({ number, action, actorId, changed }, index) => {
        const post = states[index];
        const state = post && Object.fromEntries(NAMES.map(name => [name, post[name]]));
        return { number, action, actor: actorId, changed, state };
      });
      expect(told).toEqual(
        kept.map((one, index) => ({
          number: index + 1,
          action: one.action,
          actor: one.actor,
          changed: NAMES.filter(name => changeOf(one, name)),
          state: one.state,
        })),
      );
      for (const order of ['asc', 'desc'] as const) {
        const paged: Version<Post>[] = [];
        for (let after: string | null | undefined; after !== null;) {
          const page = await history().versions(Post, id, { order, limit: 2, after });
          paged.push(...page);
          after = page.next;
        }
        const expected = order === 'asc' ? versions : versions.toReversed();
        expect(paged.map(contents)).toEqual(expected.map(contents));
      }
    });
  });

  it('a difference is that of the two states, from any version to any other', async () => {
    await check(async (id, kept) => {
      const from = kept.length > 1 ? kept.length - 2 : 0;
      for (const to of kept.keys()) {
        const found = await history().diff(Post, id, { version: from + 1 }, { version: to + 1 });
        const pair = { ...kept[to]!, before: kept[from]!.state };
        const changes = NAMES.map(name => [name, changeOf(pair, name)] as const).filter(([, change]) => change);
        const expected = changes.map(([name, change]) => [name, { oldValue: change![0], newValue: change![1] }]);
        const isNothing = pair.before === null && pair.state === null;
        expect(found && found.changed).toEqual(isNothing ? null : Object.fromEntries(expected));
      }
    });
  });

  it('blame names the last who set each value in the present life of the object, or in its last one', async () => {
    await check(async (id, kept) => {
      const begin = kept.findLastIndex(({ action }) => action === 'create');
      const last = kept.findLast(({ state }) => state !== null)!.state!;
      const found = (await history().blame(Post, id))!;
      for (const name of NAMES) {
        const index = kept.findLastIndex(
          (one, at) => at >= begin && one.state && (one.action === 'create' || changeOf(one, name) !== undefined),
        );
        expect([name, found[name]!.value, found[name]!.version, found[name]!.actorId]).toEqual([
          name,
          last[name],
          index + 1,
          kept[index]!.actor,
        ]);
      }
    });
  });

  it('a search finds the changes that meet it, and no others', async () => {
    const condition = fc.constantFrom<[object, (value: unknown) => boolean]>(
      [{ $ne: null }, value => value !== null],
      [{ $in: ['a', 10, null] }, value => ['a', 10, null].includes(value as string)],
      [{ $nin: ['a', 9] }, value => !['a', 9].includes(value as string)],
      [{ $eq: null }, value => value === null],
    );
    const search = fc.record({ name: fc.constantFrom(...NAMES), side: fc.constantFrom('from', 'to'), condition });
    const range = fc.record({ limit: fc.integer({ min: -2, max: 11 }), order: fc.constantFrom('asc', 'desc') });
    await fc.assert(
      fc.asyncProperty(
        steps,
        search,
        range,
        async (given, { name, side, condition: [filter, test_] }, { limit, order }) => {
          const [id, kept] = await live(given);
          const found = async (narrowed: object) => {
            const deltas = await history().deltas(Post, id, narrowed as DeltaFilter<Post>);
            return deltas.map(({ version }) => version);
          };
          const matching = (is: (one: Kept) => boolean) =>
            [...kept.keys()].filter(at => is(kept[at]!)).map(at => at + 1);
          expect(await found({ changed: { [name]: { [side]: filter } } })).toEqual(
            matching(one => {
              const change = changeOf(one, name);
              return change !== undefined && test_(change[side === 'from' ? 0 : 1]);
            }),
          );
          const expected = matching(one => {
            const [, views] = changeOf(one, 'views') ?? [];
            return one.actor === 'ann' && typeof views === 'number' && views > limit && !changeOf(one, 'title');
          });
          expect(
            await found({
              actor: new SystemActor('ann'),
              changed: { views: { to: { $gt: limit } }, title: false },
              order,
            }),
          ).toEqual(order === 'asc' ? expected : expected.toReversed());
        },
      ),
      { seed, numRuns: 40 },
    );
  });
});
