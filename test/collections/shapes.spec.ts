import { Collection, defineEntity, type EntitySchema, p } from '@mikro-orm/core';
import { NoTransactionError, OutsideContextError, RevisionContext } from '@revy/mikro-orm';
import { createOrm, type TestOrm, type TestOrmOptions } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { folded, live, unordered } from './links.js';

const id = () => p.integer().primary();

async function withOrm(
  entities: unknown[],
  work: (test: TestOrm) => Promise<void>,
  options?: TestOrmOptions,
): Promise<void> {
  const test = await createOrm(entities as EntitySchema[], options);
  try {
    await work(test);
  } finally {
    await test.close();
  }
}

const summary = async (test: TestOrm) =>
  (await test.deltas()).map(delta => [delta.action, delta.object, delta.old, delta.new]).toSorted(byContent);

it('new objects of one class that are linked to each other', async () => {
  class Knot {
    id!: number;
    to = new Collection<Knot>(this);
    from = new Collection<Knot>(this);
  }
  const knot = defineEntity({
    class: Knot,
    properties: {
      id: p.integer().primary().autoincrement(),
      to: () => p.manyToMany(Knot).owner(),
      from: () => p.manyToMany(Knot).mappedBy('to'),
    },
  });
  await withOrm([knot], async test => {
    const em = test.orm.em.fork();
    const [a, b, c] = [1, 2, 3].map(() => em.create(Knot, {})) as [Knot, Knot, Knot];
    a.to.add(b, a);
    b.to.add(c, a);
    c.from.add(a);
    await em.flush();
    expect(unordered(folded(await test.deltas()))).toEqual(unordered(await live(test, { Knot: 'to' })));
    expect((await test.deltas()).map(delta => [delta.action, delta.object])).toEqual([
      ['create', 'Knot:1'],
      ['create', 'Knot:2'],
      ['create', 'Knot:3'],
    ]);
  });
});

it('targets of several classes: the target says which', async () => {
  class Text {
    id!: number;
    images = new Collection<Image | Film>(this);
  }
  class Image {
    id!: number;
    texts = new Collection<Text>(this);
  }
  class Film {
    id!: number;
    texts = new Collection<Text>(this);
  }
  const entities = [
    defineEntity({
      class: Text,
      properties: {
        id: id(),
        images: {
          kind: 'm:n',
          entity: () => [Image, Film],
          owner: true,
          discriminator: 'medium',
          pivotTable: 'text_media',
        },
      },
    } as never),
    defineEntity({ class: Image, properties: { id: id(), texts: () => p.manyToMany(Text).mappedBy('images') } }),
    defineEntity({ class: Film, properties: { id: id(), texts: () => p.manyToMany(Text).mappedBy('images') } }),
  ];
  await withOrm(entities, async test => {
    const em = test.orm.em.fork();
    const [text, image, film] = [em.create(Text, { id: 1 }), em.create(Image, { id: 1 }), em.create(Film, { id: 1 })];
    text.images.add(image, film);
    await em.flush();
    await test.forget();
    const fresh = test.orm.em.fork();
    (await fresh.findOneOrFail(Text, 1)).images.set([fresh.getReference(Film, 1)]);
    await fresh.flush();
    const other = test.orm.em.fork();
    (await other.findOneOrFail(Film, 1)).texts.removeAll();
    await other.flush();
    expect(await summary(test)).toEqual([
      ['update', 'Text:1', {}, { images: { added: [], removed: [['film', 1]] } }],
      ['update', 'Text:1', {}, { images: { added: [], removed: [['image', 1]] } }],
    ]);
    expect(await test.database.query('select * from text_media')).toEqual([]);
  });
});

it('owners of several classes in one table: each has its own links', async () => {
  class Post {
    id!: number;
    tags = new Collection<Tag>(this);
  }
  class Video {
    id!: number;
    tags = new Collection<Tag>(this);
  }
  class Tag {
    id!: number;
    posts = new Collection<Post>(this);
  }
  const tagged = (discriminatorValue: string) => ({
    kind: 'm:n',
    entity: () => Tag,
    owner: true,
    pivotTable: 'taggables',
    discriminator: 'taggable',
    discriminatorValue,
  });
  const entities = [
    defineEntity({ class: Post, properties: { id: id(), tags: tagged('post') } } as never),
    defineEntity({ class: Video, properties: { id: id(), tags: tagged('video') } } as never),
    defineEntity({ class: Tag, properties: { id: id(), posts: () => p.manyToMany(Post).mappedBy('tags') } }),
  ];
  await withOrm(entities, async test => {
    const em = test.orm.em.fork();
    const [post, video] = [em.create(Post, { id: 1 }), em.create(Video, { id: 1 })];
    const [one, two] = [em.create(Tag, { id: 1 }), em.create(Tag, { id: 2 })];
    post.tags.add(one, two);
    video.tags.add(one);
    await em.flush();
    await test.forget();
    const fresh = test.orm.em.fork();
    (await fresh.findOneOrFail(Post, 1)).tags.set([fresh.getReference(Tag, 2)]);
    await fresh.flush();
    expect(await summary(test)).toEqual([['update', 'Post:1', {}, { tags: { added: [], removed: [1] } }]]);
    expect(await test.database.query('select taggable_type, tag_id from taggables order by 1')).toEqual([
      { taggable_type: 'post', tag_id: 2 },
      { taggable_type: 'video', tag_id: 1 },
    ]);
  });
});

it('a class with a table beside that of its parent has links of its own', async () => {
  class Base {
    id!: number;
    tags = new Collection<Tag>(this);
  }
  class Leaf extends Base {
    x!: number | null;
  }
  class Tag {
    id!: number;
  }
  const base = defineEntity({
    class: Base,
    inheritance: 'tpt',
    properties: { id: id(), tags: () => p.manyToMany(Tag) },
  } as never);
  const entities = [
    base,
    defineEntity({ class: Leaf, extends: base, properties: { x: p.integer().nullable() } } as never),
    defineEntity({ class: Tag, properties: { id: id() } }),
  ];
  await withOrm(entities, async test => {
    const em = test.orm.em.fork();
    const [leaf, trunk] = [em.create(Leaf, { id: 1 } as never), em.create(Base, { id: 2 } as never)];
    const tag = em.create(Tag, { id: 1 });
    leaf.tags.add(tag);
    trunk.tags.add(tag);
    await em.flush();
    await test.forget();
    const fresh = test.orm.em.fork();
    for (const one of await fresh.find(Base, {})) one.tags.removeAll();
    await fresh.flush();
    expect(await summary(test)).toEqual([
      ['update', 'Base:2', {}, { tags: { added: [], removed: [1] } }],
      ['update', 'Leaf:1', {}, { tags: { added: [], removed: [1] } }],
    ]);
    await test.forget();
    leaf.tags.set([]);
    const again = test.orm.em.fork();
    (await again.findOneOrFail(Leaf, 1)).tags.add(again.getReference(Tag, 1));
    await again.flush();
    again.remove(await again.findOneOrFail(Tag, 1));
    await again.flush();
    expect((await summary(test)).slice(1)).toEqual([
      ['update', 'Leaf:1', {}, { tags: { added: [], removed: [1] } }],
      ['update', 'Leaf:1', {}, { tags: { added: [1], removed: [] } }],
    ]);
  });
});

it('tenants: the links and children of the schema that the owner is in', async () => {
  class Post {
    id!: number;
    tags = new Collection<Tag>(this);
    notes = new Collection<Note>(this);
  }
  class Tag {
    id!: number;
    posts = new Collection<Post>(this);
  }
  class Note {
    id!: number;
    post!: Post | null;
  }
  const entities = [
    defineEntity({
      class: Post,
      schema: '*',
      properties: {
        id: id(),
        tags: () => p.manyToMany(Tag).owner(),
        notes: () => p.oneToMany(Note).mappedBy('post'),
      },
    }),
    defineEntity({
      class: Tag,
      schema: '*',
      properties: { id: id(), posts: () => p.manyToMany(Post).mappedBy('tags') },
    }),
    defineEntity({ class: Note, schema: '*', properties: { id: id(), post: () => p.manyToOne(Post).nullable() } }),
  ];
  await withOrm(entities, async test => {
    for (const schema of ['one', 'two']) {
      await test.database.query(`create schema "${schema}"`);
      await test.orm.schema.update({ schema });
      await test.database.query(`insert into "${schema}".post values (1); insert into "${schema}".tag values (1), (2);
        insert into "${schema}".post_tags (post_id, tag_id) values (1, ${schema === 'one' ? 1 : 2});
        insert into "${schema}".note values (${schema === 'one' ? 1 : 2}, 1)`);
    }
    const em = test.orm.em.fork({ schema: 'two' });
    const post = await em.findOneOrFail(Post, 1);
    post.tags.removeAll();
    post.notes.removeAll();
    await em.flush();
    expect(await summary(test)).toEqual([
      ['update', 'Note@two:2', { post: 1 }, { post: null }],
      ['update', 'Post@two:1', {}, { tags: { added: [], removed: [2] } }],
    ]);
    expect(await test.database.query('select post_id from one.note')).toEqual([{ post_id: 1 }]);
  });
});

describe('of a collection', () => {
  class Person {
    id!: number;
    illnesses = new Collection<Illness>(this);
    hobbies = new Collection<Illness>(this);
    secrets = new Collection<Illness>(this);
  }
  class Illness {
    id!: number;
  }
  const entities = () => [
    defineEntity({
      class: Person,
      revy: { mask: ['illnesses', 'secrets'], exclude: ['hobbies'] },
      properties: {
        id: id(),
        illnesses: () => p.manyToMany(Illness),
        hobbies: () => p.manyToMany(Illness),
        secrets: () => p.manyToMany(Illness).fixedOrder(),
      },
    }),
    defineEntity({ class: Illness, properties: { id: id() } }),
  ];

  it('what is masked is not in the history, and what is excluded is no change', async () => {
    await withOrm(entities(), async test => {
      const em = test.orm.em.fork();
      const [one, two] = [em.create(Illness, { id: 1 }), em.create(Illness, { id: 2 })];
      const person = em.create(Person, { id: 1 });
      person.illnesses.add(one);
      person.secrets.add(one, two);
      await em.flush();
      person.hobbies.add(one);
      await em.flush();
      person.secrets.set([two, one]);
      await em.flush();
      em.remove(person);
      await em.flush();
      const masked = { illnesses: '[FILTERED]', secrets: '[FILTERED]' };
      expect((await test.deltas()).filter(delta => delta.object === 'Person:1')).toMatchObject([
        { action: 'create', new: masked },
        { action: 'update', old: { secrets: '[FILTERED]' }, new: { secrets: '[FILTERED]' } },
        { action: 'delete', old: masked },
      ]);
      expect(await test.revisions()).toHaveLength(3);
    });
  });

  it('links and children outside a transaction, or outside a context, are refused like other changes', async () => {
    await withOrm(
      entities(),
      async test => {
        await test.database.query('insert into person values (1); insert into illness values (1)');
        const em = test.orm.em.fork();
        const person = await em.findOneOrFail(Person, 1);
        person.illnesses.add(em.getReference(Illness, 1));
        await expect(em.flush()).rejects.toThrow(OutsideContextError);
        const bare = test.orm.em.fork();
        (await bare.findOneOrFail(Person, 1)).illnesses.removeAll();
        test.orm.config.set('implicitTransactions', false);
        await expect(RevisionContext.run({ actor: null }, () => bare.flush())).rejects.toThrow(NoTransactionError);
        const other = test.orm.em.fork();
        (await other.findOneOrFail(Person, 1)).hobbies.add(other.getReference(Illness, 1));
        await RevisionContext.run({ actor: null }, () => other.flush());
        expect(await test.database.query('select * from person_hobbies')).toHaveLength(1);
        expect(await test.database.query('select * from person_illnesses')).toEqual([]);
      },
      { revy: { outsideContext: 'throw' } },
    );
  });
});

it('the links of an object whose key is changed end with the old one, and begin with the new', async () => {
  class Post {
    id!: number;
    tags = new Collection<Tag>(this);
  }
  class Tag {
    id!: number;
    posts = new Collection<Post>(this);
  }
  const entities = [
    defineEntity({ class: Post, properties: { id: id(), tags: () => p.manyToMany(Tag).owner() } }),
    defineEntity({ class: Tag, properties: { id: id(), posts: () => p.manyToMany(Post).mappedBy('tags') } }),
  ];
  await withOrm(entities, async test => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1 });
    post.tags.add(em.create(Tag, { id: 1 }), em.create(Tag, { id: 2 }));
    await em.flush();
    post.id = 9;
    await em.flush();
    expect(folded(await test.deltas())).toEqual(await live(test, { Post: 'tags' }));
    expect((await test.deltas()).slice(-2)).toMatchObject([
      { action: 'delete', object: 'Post:1', old: { tags: { added: [], removed: [1, 2] } } },
      { action: 'create', object: 'Post:9', new: { tags: { added: [1, 2], removed: [] } } },
    ]);
  });
});

it('a link of such an object to itself begins anew at both ends', async () => {
  class Knot {
    id!: number;
    to = new Collection<Knot>(this);
  }
  const knot = defineEntity({ class: Knot, properties: { id: id(), to: () => p.manyToMany(Knot).owner() } });
  await withOrm([knot], async test => {
    const em = test.orm.em.fork();
    const [one, two] = [em.create(Knot, { id: 1 }), em.create(Knot, { id: 2 })];
    one.to.add(one, two);
    two.to.add(one);
    await em.flush();
    one.id = 9;
    await em.flush();
    expect(unordered(folded(await test.deltas()))).toEqual(unordered(await live(test, { Knot: 'to' })));
    expect((await test.deltas()).slice(-3)).toMatchObject([
      { action: 'delete', object: 'Knot:1', old: { to: { added: [], removed: [1, 2] } } },
      { action: 'create', object: 'Knot:9', new: { to: { added: [9, 2], removed: [] } } },
      { action: 'update', object: 'Knot:2', new: { to: { added: [9], removed: [1] } } },
    ]);
  });
});
