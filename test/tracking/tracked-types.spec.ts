import { defineEntity, p } from '@mikro-orm/core';
import { RevyNotInstalledError, trackedTypes } from '@revy/mikro-orm';
import { BLOG, Post } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const Card = defineEntity({
  name: 'Card',
  embeddable: true,
  properties: { number: p.string().nullable(), name: p.string().nullable() },
});
const Seat = defineEntity({
  name: 'Seat',
  revy: { as: 'seat', mask: ['guest', 'card'], formerly: { guest: 'visitor' } },
  properties: {
    row: p.integer().primary(),
    place: p.string().primary(),
    guest: p.string().nullable(),
    price: p.integer().nullable(),
    card: () => p.embedded(Card).nullable(),
  },
});
const Note = defineEntity({ name: 'Note', revy: { track: false }, properties: { id: p.integer().primary() } });

let theatre: TestOrm;

beforeAll(async () => {
  theatre = await createOrm([...BLOG, Seat, Note]);
});

afterAll(() => theatre.close());

it('names every tracked class, and none that is not, by its stored type', () => {
  const types = trackedTypes(theatre.orm.em);
  expect(types.map(({ type }) => type)).toEqual(['Comment', 'Post', 'Tag', 'User', 'seat']);
  expect(types[1]!.entity).toBe(Post);
});

it('tells what is recorded of a class, and what is masked', () => {
  const [, post, , , seat] = trackedTypes(theatre.orm.em);
  expect(post!.attributes).toEqual(['title', 'slug', 'views', 'meta', 'author', 'tags']);
  expect(seat!.attributes).toEqual(['guest', 'price', 'card']);
  const names = ['guest', 'visitor', 'price', 'card', 'card_number', 'card_name'];
  expect(names.filter(name => seat!.isMasked(name))).toEqual(['guest', 'visitor', 'card', 'card_number', 'card_name']);
});

it('reads the key that an object id stands for', async () => {
  const em = theatre.orm.em.fork();
  em.create(Seat, { row: 7, place: 'a,b', guest: null });
  await em.flush();
  const [delta] = await theatre.deltas();
  const seat = trackedTypes(em).find(({ type }) => type === 'seat')!;
  expect(seat.keyOf(delta!.object.slice('seat:'.length))).toEqual([7, 'a,b']);
});

it('refuses an ORM without the extension', async () => {
  const bare = await createOrm(BLOG, { revy: false });
  expect(() => trackedTypes(bare.orm.em)).toThrow(RevyNotInstalledError);
  await bare.close();
});
