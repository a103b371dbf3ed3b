import { HistoryService, type ObjectDelta, type RelatedOptions, UnusableFilterError } from '@revy/mikro-orm';
import { Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

const NEW = { slug: null, views: 0, meta: null, author: null };

let test: TestOrm;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.forget();
  await test.database.query('truncate "user", tag, post, comment, post_tags restart identity');
});

const named = ({ objectType, objectId, version }: ObjectDelta) => `${objectType} ${objectId} v${version}`;
const related = async (entity: typeof Post | typeof User | typeof Tag, id: number, options?: RelatedOptions) =>
  (await new HistoryService(test.orm.em.fork()).related(entity as typeof Post, id, options)).map(named);

describe('an object and what belongs to it', () => {
  it('K13: are one timeline, in the order in which it was recorded', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'one' });
    await em.flush();
    const comment = em.create(Comment, { text: 'a', post });
    await em.flush();
    post.title = 'two';
    await em.flush();
    comment.text = 'b';
    await em.flush();
    em.remove(comment);
    await em.flush();
    em.create(Post, { id: 2, ...NEW, title: 'other' });
    await em.flush();
    const all = ['Post 1 v1', 'Comment 1 v1', 'Post 1 v2', 'Comment 1 v2', 'Comment 1 v3'];
    expect(await related(Post, 1)).toEqual(all);
    expect(await related(Post, 1, { order: 'desc' })).toEqual(all.toReversed());
    expect(await related(Post, 1, { depth: 0 })).toEqual(['Post 1 v1', 'Post 1 v2']);
    expect(await related(Post, 1, { action: ['create', 'delete'] })).toEqual([
      'Post 1 v1',
      'Comment 1 v1',
      'Comment 1 v3',
    ]);
    expect(await related(Post, 99)).toEqual([]);
  });

  it('K13: a child counts for as long as it referred to the object, and no longer', async () => {
    const em = test.orm.em.fork();
    const [one, two] = [1, 2].map(id => em.create(Post, { id, ...NEW, title: 'post' })) as [Post, Post];
    await em.flush();
    const comment = em.create(Comment, { text: 'v1', post: one });
    await em.flush();
    comment.text = 'v2';
    await em.flush();
    comment.post = two;
    await em.flush();
    comment.text = 'v4';
    await em.flush();
    comment.post = one;
    await em.flush();
    em.remove(comment);
    await em.flush();
    expect(await related(Post, 1)).toEqual(['Post 1 v1', ...[1, 2, 3, 5, 6].map(v => `Comment 1 v${v}`)]);
    expect(await related(Post, 2)).toEqual(['Post 2 v1', ...[3, 4, 5].map(v => `Comment 1 v${v}`)]);
  });

  it('what is linked counts from either side, while the link lasts', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'post' });
    const tag = em.create(Tag, { name: 'v1' });
    await em.flush(); // 1
    post.tags.add(tag);
    await em.flush(); // 2
    tag.name = 'v2';
    await em.flush(); // 3
    post.tags.remove(tag);
    await em.flush(); // 4
    tag.name = 'v3';
    post.title = 'after';
    await em.flush(); // 5
    post.tags.add(tag);
    await em.flush(); // 6
    em.remove(post);
    await em.flush(); // 7
    tag.name = 'v4';
    await em.flush(); // 8
    expect(await related(Post, 1)).toEqual([
      'Post 1 v1',
      'Post 1 v2',
      'Tag 1 v2',
      'Post 1 v3',
      'Post 1 v4',
      'Post 1 v5',
      'Post 1 v6',
    ]);
    expect(await related(Tag, 1)).toEqual([
      'Tag 1 v1',
      'Post 1 v2',
      'Tag 1 v2',
      'Post 1 v3',
      'Tag 1 v3',
      'Post 1 v5',
      'Post 1 v6',
      'Tag 1 v4',
    ]);
  });

  it('what is made in the revision that relates it counts from its beginning', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'post' });
    post.tags.add(em.create(Tag, { name: 'news' }));
    em.create(Comment, { text: 'first', post });
    await em.flush();
    expect((await related(Post, 1)).sort()).toEqual(['Comment 1 v1', 'Post 1 v1', 'Tag 1 v1']);
  });

  it('reach as far as asked, each for as long as the whole way there held', async () => {
    const em = test.orm.em.fork();
    const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(User, { name, email: null })) as [User, User];
    const post = em.create(Post, { id: 1, ...NEW, title: 'post', author: ann });
    const comment = em.create(Comment, { text: 'v1', post });
    await em.flush();
    comment.text = 'v2';
    await em.flush();
    post.author = bob;
    await em.flush();
    comment.text = 'v3';
    await em.flush();
    expect((await related(User, 1)).sort()).toEqual(['Post 1 v1', 'Post 1 v2', 'User 1 v1']);
    expect((await related(User, 1, { depth: 2 })).sort()).toEqual([
      'Comment 1 v1',
      'Comment 1 v2',
      'Post 1 v1',
      'Post 1 v2',
      'User 1 v1',
    ]);
    expect((await related(User, 2, { depth: 2 })).sort()).toEqual(['Comment 1 v3', 'Post 1 v2', 'User 2 v1']);
    expect((await related(User, 2, { depth: 9 })).sort()).toEqual(['Comment 1 v3', 'Post 1 v2', 'User 2 v1']);
  });

  it('include children that are older than the history, by their rows and by what replaced their relation', async () => {
    await test.database.query(`insert into post (id, title, views) values (1, 'old', 0), (2, 'other', 0)`);
    await test.database.query(
      `insert into comment (id, text, post_id) values (1, 'stays', 1), (2, 'moves', 1), (3, 'else', 2)`,
    );
    const em = test.orm.em.fork();
    const comments = await em.find(Comment, {}, { orderBy: { id: 'asc' } });
    for (const comment of comments) comment.text += '!';
    await em.flush();
    comments[1]!.post = em.getReference(Post, 2);
    await em.flush();
    comments[1]!.text = 'moved';
    await em.flush();
    expect(await related(Post, 1)).toEqual(['Comment 1 v1', 'Comment 2 v1', 'Comment 2 v2']);
    expect(await related(Post, 2)).toEqual(['Comment 3 v1', 'Comment 2 v2', 'Comment 2 v3']);
  });

  it('include links that are older than the history, until one of them is removed', async () => {
    await test.database.query(`insert into post (id, title, views) values (1, 'old', 0), (2, 'other', 0)`);
    await test.database.query(`insert into tag (id, name) values (1, 'stays'), (2, 'goes')`);
    await test.database.query('insert into post_tags (post_id, tag_id) values (1, 1), (1, 2), (2, 2)');
    const em = test.orm.em.fork();
    const tags = await em.find(Tag, {}, { orderBy: { id: 'asc' } });
    for (const tag of tags) tag.name += '!';
    await em.flush();
    const post = await em.findOneOrFail(Post, 1, { populate: ['tags'] });
    post.tags.remove(tags[1]!);
    await em.flush();
    for (const tag of tags) tag.name += '!';
    await em.flush();
    expect(await related(Post, 1)).toEqual(['Tag 1 v1', 'Tag 2 v1', 'Post 1 v1', 'Tag 1 v2']);
    expect(await related(Post, 2)).toEqual(['Tag 2 v1', 'Tag 2 v2']);
    expect(await related(Tag, 2)).toEqual(['Tag 2 v1', 'Post 1 v1', 'Tag 2 v2']);
  });

  it('come in pages', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'post' });
    for (let count = 0; count < 5; count++) {
      em.create(Comment, { text: String(count), post });
      await em.flush();
    }
    const history = new HistoryService(em);
    const seen: string[][] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page = await history.related(Post, 1, { limit: 4, after });
      seen.push(page.map(named));
      after = page.next;
    }
    expect(seen.map(page => page.length)).toEqual([4, 2]);
    expect(seen.flat()).toEqual(await related(Post, 1));
  });

  it('take the same number of statements for one child and for a hundred', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { id: 1, ...NEW, title: 'post' });
    em.create(Comment, { text: 'one', post });
    post.tags.add(em.create(Tag, { name: 'one' }));
    await em.flush();
    const few = await statementsOf(() => related(Post, 1, { depth: 2 }));
    for (let count = 0; count < 100; count++) {
      em.create(Comment, { text: String(count), post });
      post.tags.add(em.create(Tag, { name: String(count) }));
    }
    await em.flush();
    expect((await related(Post, 1, { depth: 2 })).length).toBeGreaterThan(200);
    const many = await statementsOf(() => related(Post, 1, { depth: 2 }));
    expect(many.length).toBe(few.length);
    // what happened, and in it: relations, present comments and tags
    expect(await statementsOf(() => related(Post, 1))).toHaveLength(4);
  });

  it('refuse a depth that is none', async () => {
    await expect(related(Post, 1, { depth: -1 })).rejects.toThrow(UnusableFilterError);
    await expect(related(Post, 1, { depth: 1.5 })).rejects.toThrow(UnusableFilterError);
  });
});
