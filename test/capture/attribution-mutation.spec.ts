import type { MikroORM } from '@mikro-orm/postgresql';
import { clearAttribution } from '../../libs/mikro-orm/src/capture/attribution.js';
import { RevisionContext } from '@revy/mikro-orm';
import { Address, type AttributionOrm, Money, Post, seed, startOrm, stepsOf } from './attribution-fixture.js';

const alice = { name: 'alice' };
const bob = { name: 'bob' };

let fixture: AttributionOrm;
let orm: MikroORM;
let post: Post;

beforeAll(async () => {
  fixture = await startOrm();
  orm = fixture.orm;
});
afterAll(() => fixture.close());
beforeEach(async () => {
  const ids = await seed(orm);
  post = await orm.em.fork().findOneOrFail(Post, ids.post, { populate: ['body'] });
});

describe('mutation in place', () => {
  it.each([
    ['a JSON document', 'settings', () => (post.settings!.theme = 'dark')],
    ['an array', 'keywords', () => post.keywords!.push('b')],
    ['a Date', 'publishedOn', () => post.publishedOn!.setFullYear(2030)],
    ['bytes', 'cover', () => (post.cover![0] = 9)],
    ['an inline embeddable', 'home', () => (post.home!.street = 'Ash')],
    ['an object embeddable', 'office', () => (post.office!.city = 'Rome')],
    ['a value of a custom type', 'price', () => (post.price!.cents = 5)],
    ['a scalar reference', 'body', () => post.body!.set('words')],
  ])('of %s is credited to the frame that it happened in', async (_kind, property, mutate) => {
    await RevisionContext.run({ actor: alice }, async () => {
      mutate();
    });
    RevisionContext.run({ actor: bob }, () => Object.values(post));
    expect(stepsOf(post)).toEqual({ [property]: [[alice]] });
  });

  it('is not what reading is', () => {
    RevisionContext.run({ actor: alice }, () => JSON.stringify(post));
    expect(stepsOf(post)).toEqual({});
  });

  it('keeps what each of two actors left behind', () => {
    RevisionContext.run({ actor: alice }, () => (post.settings!.tags = ['a']));
    RevisionContext.run({ actor: bob }, () => post.settings!.tags!.push('b'));
    RevisionContext.run({ actor: alice }, () => (post.home!.street = 'Ash'));
    RevisionContext.run({ actor: bob }, () => (post.home!.city = 'Rome'));
    RevisionContext.run({ actor: alice }, () => (post.price!.cents = 5));
    RevisionContext.run({ actor: bob }, () => (post.price!.cents = 6));
    expect(stepsOf(post)).toEqual({
      settings: [[alice, { theme: 'light', tags: ['a'] }], [bob]],
      home: [[alice, Object.assign(new Address(), { street: 'Ash', city: 'Bonn' })], [bob]],
      price: [[alice, new Money(5)], [bob]],
    });
    expect(post.settings).toEqual({ theme: 'light', tags: ['a', 'b'] });
  });

  it('is credited to the outer frame before and after the inner one, and to the inner one between', () => {
    RevisionContext.run({ actor: alice }, () => {
      const settings = post.settings!;
      settings.theme = 'outer';
      RevisionContext.run({ actor: bob }, () => (post.settings!.theme = 'inner'));
      settings.theme = 'outer again';
      post.keywords!.push('read only from here');
      RevisionContext.run({ actor: bob }, () => post.keywords!.length);
    });
    expect(stepsOf(post)).toEqual({
      settings: [[alice, { theme: 'outer' }], [bob, { theme: 'inner' }], [alice]],
      keywords: [[alice]],
    });
  });

  it('and replacement follow one another', () => {
    RevisionContext.run({ actor: alice }, () => (post.settings!.theme = 'mutated'));
    RevisionContext.run({ actor: bob }, () => (post.settings = { theme: 'replaced' }));
    RevisionContext.run({ actor: alice }, () => (post.settings!.theme = 'mutated again'));
    expect(stepsOf(post)).toEqual({
      settings: [[alice, { theme: 'mutated' }], [bob, { theme: 'replaced' }], [alice]],
    });
  });

  it('outside every frame is left to whoever flushes', () => {
    post.keywords!.push('nobody');
    RevisionContext.run({ actor: alice }, () => (post.settings!.theme = 'dark'));
    post.settings!.theme = 'nobody';
    expect(stepsOf(post)).toEqual({ settings: [[alice, { theme: 'dark' }], ['whoever flushes']] });
  });

  it('goes on being seen after its first half was recorded', () => {
    RevisionContext.run({ actor: alice }, () => {
      const settings = post.settings!;
      settings.theme = 'first';
      expect(stepsOf(post)).toEqual({ settings: [[alice]] });
      clearAttribution(post);
      expect(stepsOf(post)).toEqual({});
      settings.theme = 'second';
    });
    expect(stepsOf(post)).toEqual({ settings: [[alice]] });
  });

  it('counts for the actor that the frame named when the value was read', () => {
    RevisionContext.run({ actor: alice }, () => {
      post.settings!.theme = 'a';
      RevisionContext.set('actor', bob);
      post.settings!.theme = 'b';
    });
    expect(stepsOf(post)).toEqual({ settings: [[alice, { theme: 'a' }], [bob]] });
  });
});
