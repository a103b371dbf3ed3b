import { defineEntity, p } from '@mikro-orm/core';
import { RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { asDeltas, installWitness, sorted, withoutLinks, witnessed } from './witness.js';

class Owner {
  id!: number;
  name!: string;
}

/** One relation for each rule. */
class Thing {
  id!: number;
  name!: string;
  withOwner!: Owner | null;
  unset!: Owner | null;
  defaulted!: Owner | null;
}

/** Refers to what a cascade takes along. */
class Part {
  id!: number;
  thing!: Thing;
  spare!: Thing | null;
}

const OwnerSchema = defineEntity({
  class: Owner,
  properties: { id: p.integer().primary(), name: p.string() },
});

const ThingSchema = defineEntity({
  class: Thing,
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    withOwner: () => p.manyToOne(Owner).nullable().deleteRule('cascade'),
    unset: () => p.manyToOne(Owner).nullable(),
    defaulted: () => p.manyToOne(Owner).nullable().default(1).deleteRule('set default'),
  },
});

const PartSchema = defineEntity({
  class: Part,
  properties: {
    id: p.integer().primary(),
    thing: () => p.manyToOne(Thing).deleteRule('cascade'),
    spare: () => p.manyToOne(Thing).nullable(),
  },
});

let t: TestOrm;

beforeAll(async () => {
  t = await createOrm([OwnerSchema, ThingSchema, PartSchema]);
  await installWitness(t);
});

afterAll(() => t.close());

/** Deltas of a test agree with what the triggers saw. */
async function expectWitnessed(): Promise<void> {
  const metas = [...t.orm.getMetadata()];
  const expected = asDeltas(await witnessed(t.database, t.orm), metas);
  expect(sorted(withoutLinks(await t.deltas()))).toEqual(sorted(expected));
}

beforeEach(async () => {
  await t.database.query('truncate part, thing, owner');
  const em = t.orm.em.fork();
  const [, two, three] = [1, 2, 3].map(id => em.create(Owner, { id, name: `owner ${id}` }));
  const first = em.create(Thing, { id: 1, name: 'first', withOwner: two!, unset: three!, defaulted: three! });
  const second = em.create(Thing, { id: 2, name: 'second', withOwner: two!, unset: two!, defaulted: null });
  const third = em.create(Thing, { id: 3, name: 'third', withOwner: null, unset: two!, defaulted: two! });
  em.create(Part, { id: 1, thing: first, spare: third });
  em.create(Part, { id: 2, thing: third, spare: first });
  em.create(Part, { id: 3, thing: second, spare: second });
  await em.flush();
  await t.database.query('truncate witness');
  await t.forget();
});

it('E17, E18: records what each rule does, and what follows from it, as the system', async () => {
  await RevisionContext.run(
    { deletionDescription: 'went with its owner', objectDeltaDescription: 'closed' },
    async () => {
      const em = t.orm.em.fork();
      em.remove(await em.findOneOrFail(Owner, 2));
      await em.flush();
    },
  );
  const told = (await t.deltas()).map(({ revision, ...delta }) => (revision === 1 ? delta : undefined)!);
  const system = { actor: null, description: 'went with its owner' };
  expect(told.toSorted((a, b) => a.object.localeCompare(b.object))).toEqual([
    { object: 'Owner:2', action: 'delete', old: { name: 'owner 2' }, new: null, actor: null, description: 'closed' },
    { object: 'Part:1', action: 'delete', old: { thing: 1, spare: 3 }, new: null, ...system },
    { object: 'Part:2', action: 'update', old: { spare: 1 }, new: { spare: null }, ...system },
    { object: 'Part:3', action: 'delete', old: { thing: 2, spare: 2 }, new: null, ...system },
    {
      object: 'Thing:1',
      action: 'delete',
      old: { name: 'first', withOwner: 2, unset: 3, defaulted: 3 },
      new: null,
      ...system,
    },
    {
      object: 'Thing:2',
      action: 'delete',
      old: { name: 'second', withOwner: 2, unset: 2, defaulted: null },
      new: null,
      ...system,
    },
    {
      object: 'Thing:3',
      action: 'update',
      old: { unset: 2, defaulted: 2 },
      new: { unset: null, defaulted: 1 },
      ...system,
    },
  ]);
  await expectWitnessed();
});
