import type { EntityManager } from '@mikro-orm/postgresql';
import { createOrm, type DeltaRow, type TestOrm } from '../support/orm.js';
import { folded, type Links, live, unordered } from './links.js';
import { type End, type Mapping, MAPPINGS } from './mappings.js';

describe.each(Object.keys(MAPPINGS))('many-to-many %s', name => {
  let test: TestOrm;
  let mapping: Mapping;
  let start: Links;

  beforeAll(async () => {
    mapping = MAPPINGS[name]!();
    test = await createOrm(mapping.entities);
    const em = test.orm.em.fork();
    for (const n of [1, 2]) em.create(mapping.owner, mapping.ownerKey.data(n) as never);
    const first = mapping.owner === mapping.thing ? 3 : 1;
    for (const n of [first, first + 1, first + 2]) em.create(mapping.thing, mapping.thingKey.data(n) as never);
    await em.flush();
  });
  afterAll(() => test.close());

  /** The first owner has the things 1 and 2, the second one 2. */
  beforeEach(async () => {
    const em = test.orm.em.fork();
    const [one, two] = await Promise.all([1, 2].map(async n => owner(em, n, ['things'])));
    one!.things.set([thingRef(em, 1), thingRef(em, 2)]);
    two!.things.set([thingRef(em, 2)]);
    await em.flush();
    await test.forget();
    start = await state();
  });

  const thingAt = (n: number) => (mapping.owner === mapping.thing ? n + 2 : n);
  const recorded = () => mapping.recorded ?? { [mapping.owner.name]: 'things' };
  const [side] = ['things'];
  const owner = (em: EntityManager, n: number, populate: string[] = []) =>
    em.findOneOrFail(mapping.owner, mapping.ownerKey.key(n) as never, { populate: populate as never });
  const thing = (em: EntityManager, n: number, populate: string[] = []) =>
    em.findOneOrFail(mapping.thing, mapping.thingKey.key(thingAt(n)) as never, { populate: populate as never });
  const ownerRef = (em: EntityManager, n: number) =>
    em.getReference(mapping.owner, mapping.ownerKey.key(n) as never) as End;
  const thingRef = (em: EntityManager, n: number) =>
    em.getReference(mapping.thing, mapping.thingKey.key(thingAt(n)) as never) as End;

  async function state(): Promise<Links> {
    const links = await live(test, recorded());
    return mapping.isOrdered ? links : unordered(links);
  }

  /** Which links came and went, as `owner+thing` and `owner-thing`, and that they add up to what the tables have. */
  async function changed(work: (em: EntityManager) => Promise<void>): Promise<string[]> {
    const em = test.orm.em.fork();
    await work(em);
    await em.flush();
    const deltas = await test.deltas();
    const sum = folded(deltas, start);
    expect(mapping.isOrdered ? sum : unordered(sum)).toEqual(await state());
    return deltas.flatMap(linksIn).toSorted();
  }

  function linksIn({ object, new: values }: DeltaRow): string[] {
    const [type, property] = Object.entries(recorded())[0]!;
    const links = (values?.[property] ?? { added: [], removed: [] }) as Record<'added' | 'removed', unknown[]>;
    if (!object.startsWith(`${type}:`)) return [];
    const id = object.slice(type.length + 1);
    return [...links.added.map(key => ['+', key]), ...links.removed.map(key => ['-', key])].map(([sign, key]) =>
      property === side
        ? `${ownerOf(id)}${sign as string}${thingOf(key)}`
        : `${ownerOf(key)}${sign as string}${thingOf(id)}`,
    );
  }

  const nth = (form: Mapping['ownerKey'], key: unknown) =>
    [1, 2, 3, 4, 5].find(n => textOf(form.stored(n)) === textOf(key)) ?? NaN;
  const ownerOf = (key: unknown) => nth(mapping.ownerKey, key);
  const thingOf = (key: unknown) => nth(mapping.thingKey, key) - thingAt(0);

  it('set on a collection that was not loaded', async () => {
    const set = async (em: EntityManager) => (await owner(em, 1)).things.set([thingRef(em, 2), thingRef(em, 3)]);
    expect(await changed(set)).toEqual(['1+3', '1-1']);
  });

  it('add to a collection that was not loaded, which has one of them already', async () => {
    const add = async (em: EntityManager) => void (await owner(em, 1)).things.add(thingRef(em, 2), thingRef(em, 3));
    expect(await changed(add)).toEqual(['1+3']);
  });

  it('remove all of a collection that was not loaded', async () => {
    expect(await changed(async em => (await owner(em, 1)).things.removeAll())).toEqual(['1-1', '1-2']);
  });

  it('the same from the other side', async () => {
    const set = async (em: EntityManager) => (await thing(em, 2)).owners.set([ownerRef(em, 1)]);
    expect(await changed(set)).toEqual(['2-2']);
    await test.forget();
    start = await state();
    const add = async (em: EntityManager) => void (await thing(em, 1)).owners.add(ownerRef(em, 2));
    expect(await changed(add)).toEqual(['2+1']);
    await test.forget();
    start = await state();
    expect(await changed(async em => (await thing(em, 1)).owners.removeAll())).toEqual(['1-1', '2-1']);
  });

  it('both sides of loaded collections', async () => {
    const both = async (em: EntityManager) => {
      const [one, two] = [await owner(em, 1, ['things']), await owner(em, 2, ['things'])];
      const [first, third] = [await thing(em, 1, ['owners']), await thing(em, 3, ['owners'])];
      one.things.add(third);
      third.owners.add(one, two);
      first.owners.remove(one);
      one.things.remove(first);
    };
    expect(await changed(both)).toEqual(['1+3', '1-1', '2+3']);
  });

  it('both sides of collections that were not loaded', async () => {
    const both = async (em: EntityManager) => {
      (await owner(em, 1)).things.set([thingRef(em, 3)]);
      (await thing(em, 2)).owners.removeAll();
      (await thing(em, 3)).owners.add(ownerRef(em, 1));
    };
    expect(await changed(both)).toEqual(['1+3', '1-1', '1-2', '2-2']);
  });

  it('several flushes of one transaction', async () => {
    await test.orm.em.fork().transactional(async em => {
      const one = await owner(em, 1);
      one.things.set([thingRef(em, 3)]);
      await em.flush();
      (await thing(em, 1)).owners.add(one);
      await em.flush();
      one.things.add(thingRef(em, 2));
    });
    expect((await test.deltas()).flatMap(linksIn)).toEqual(['1+3']);
    const sum = folded(await test.deltas(), start);
    expect(mapping.isOrdered ? sum : unordered(sum)).toEqual(await state());
  });

  it('nothing, where nothing is different', async () => {
    const same = async (em: EntityManager) => {
      (await owner(em, 2)).things.set([thingRef(em, 2)]);
      (await owner(em, 1)).things.set([thingRef(em, 1), thingRef(em, 2)]);
    };
    expect(await changed(same)).toEqual([]);
    expect((await test.deltas()).filter(delta => delta.object.startsWith(mapping.owner.name))).toEqual([]);
  });
});

/** An object id is text, and a target in a link JSON. */
function textOf(key: unknown): string {
  return typeof key === 'string' ? key : JSON.stringify(key);
}
