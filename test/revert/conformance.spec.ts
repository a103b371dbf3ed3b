import { Collection, defineEntity, p } from '@mikro-orm/core';
import {
  HistoryService,
  RevertService,
  RevisionContext,
  SystemActor,
  UnknownRelationError,
  UnknownVersionError,
} from '@revy/mikro-orm';
import { BLOG, Comment, Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

/** A tree whose rows refer to each other, also in circles. */
class Node {
  id!: number;
  name!: string;
  parent!: Node | null;
  children = new Collection<Node>(this);
}

const NodeSchema = defineEntity({
  class: Node,
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    parent: () => p.manyToOne(Node).nullable().deleteRule('cascade'),
    children: () => p.oneToMany(Node).mappedBy('parent'),
  },
});

let t: TestOrm;
let em: TestOrm['orm']['em'];
let reverts: RevertService;
let post: Post;

beforeEach(async () => {
  t = await createOrm([...BLOG, NodeSchema]);
  em = t.orm.em.fork() as typeof em;
  reverts = new RevertService(em);
  post = em.create(Post, { title: 'First', views: 0, meta: { deep: [1, { a: null }] } } as never);
  em.create(Comment, { text: 'one', post });
  post.tags.add(em.create(Tag, { name: 'news' } as never));
  await em.flush();
});
afterEach(() => t.close());

const rows = (sql: string) => t.database.query<Record<string, unknown>>(sql);
const title = async () => (await rows('select title from post'))[0]?.['title'];
const rename = async (name: string) => {
  post.title = name;
  await em.flush();
};

async function makeTree(): Promise<[Node, Node]> {
  const a = em.create(Node, { id: 1, name: 'a', parent: null } as never);
  const b = em.create(Node, { id: 2, name: 'b', parent: a } as never);
  em.create(Node, { id: 3, name: 'c', parent: b } as never);
  await em.flush();
  return [a, b];
}

it('M1: a revert restores the values, and is a new version itself', async () => {
  await rename('Second');
  await reverts.toVersion(Post, 1, 1);
  expect(await title()).toBe('First');
  const deltas = await new HistoryService(em).deltas(Post, 1);
  expect(deltas.map(({ version, newValues }) => [version, newValues?.['title']])).toEqual([
    [1, 'First'],
    [2, 'Second'],
    [3, 'First'],
  ]);
});

it('M2: a deleted object comes back under its key, with every value', async () => {
  const before = await rows('select * from post');
  await em.remove(post).flush();
  await reverts.undelete(Post, 1);
  expect(await rows('select * from post')).toEqual(before);
});

it('M3: a version that was a deletion is a deletion again', async () => {
  await em.remove(post).flush();
  await reverts.undelete(Post, 1);
  await reverts.toVersion(Post, 1, 2);
  expect(await rows('select * from post')).toEqual([]);
});

it('M4: named relations come along: later children go, deleted ones return, links are as they were', async () => {
  const [comment] = await em.find(Comment, {});
  em.remove(comment!);
  em.create(Comment, { text: 'later', post });
  post.tags.removeAll();
  post.tags.add(em.create(Tag, { name: 'other' } as never));
  await em.flush();
  await reverts.toVersion(Post, 1, { revision: 1 }, { relations: ['comments', 'tags'] });
  expect(await rows('select text from comment')).toEqual([{ text: 'one' }]);
  expect(await rows('select tag_id from post_tags')).toEqual([{ tag_id: 1 }]);
});

it('M4: links come along from the side that does not own them', async () => {
  await rows('insert into tag (name) values (1), (2)');
  post.tags.removeAll();
  await em.flush();
  await reverts.toVersion(Tag, 1, { revision: 1 }, { relations: ['posts'] });
  expect(await rows('select * from post_tags')).toEqual([{ post_id: 1, tag_id: 1 }]);
});

it('M4: a parent comes along', async () => {
  const author = em.create(User, { name: 'Ann', email: null });
  post.author = author;
  await em.flush();
  author.name = 'Beth';
  await em.flush();
  await reverts.toVersion(Post, 1, { revision: 2 }, { relations: ['author'] });
  expect(await rows('select name from "user"')).toEqual([{ name: 'Ann' }]);
});

it('M5: an unknown relation is refused', async () => {
  await expect(reverts.toVersion(Post, 1, 1, { relations: ['readers' as never] })).rejects.toThrow(
    UnknownRelationError,
  );
  await em.remove(post).flush();
  await expect(reverts.undelete(Post, 1, { with: ['title' as never] })).rejects.toThrow(UnknownRelationError);
});

it('M6: relations of relations come along', async () => {
  await makeTree();
  const before = await rows('select * from node order by id');
  await em.fork().remove(em.getReference(Node, 1)).flush();
  await reverts.undelete(Node, 1, { with: ['children.children'] });
  expect(await rows('select * from node order by id')).toEqual(before);
});

it('M7: undo and redo, there and back again, leave JSON intact', async () => {
  const before = await rows('select meta from post');
  await rename('Second');
  post.meta = { other: 1 };
  await em.flush();
  const titles: unknown[] = [];
  for (const step of ['undo', 'undo', 'redo', 'redo', 'undo', 'undo'] as const) {
    await reverts[step](Post, 1);
    titles.push([await title(), (await rows('select meta from post'))[0]?.['meta']]);
  }
  const [first] = before;
  expect(titles).toEqual([
    ['Second', first!['meta']],
    ['First', first!['meta']],
    ['Second', first!['meta']],
    ['Second', { other: 1 }],
    ['Second', first!['meta']],
    ['First', first!['meta']],
  ]);
  await em.refresh(post);
  await rename('Third');
  await expect(reverts.redo(Post, 1)).rejects.toThrow('has nothing to redo');
  await reverts.undo(Post, 1);
  expect(await title()).toBe('First');
});

it('M8: a negative number counts versions back', async () => {
  await rename('Second');
  await rename('Third');
  await reverts.toVersion(Post, 1, -1);
  expect(await title()).toBe('Second');
  await reverts.toVersion(Post, 1, -3);
  expect(await title()).toBe('First');
  for (const version of [0, -9, 9, 1.5]) {
    await expect(reverts.toVersion(Post, 1, version)).rejects.toThrow(UnknownVersionError);
  }
});

it('M9: a whole revision is reverted, what it created is deleted, nested objects included', async () => {
  await reverts.revision(1);
  for (const table of ['post', 'comment', 'tag', 'post_tags']) expect(await rows(`select * from ${table}`)).toEqual([]);
});

it('M12: trees and circles of references come back in one transaction', async () => {
  const [a, b] = await makeTree();
  a.parent = b;
  await em.flush();
  const before = await rows('select * from node order by id');
  await em.fork().remove(em.getReference(Node, 1)).flush();
  expect(await rows('select * from node')).toEqual([]);
  await reverts.revision((await new HistoryService(em).revisions()).at(-1)!);
  expect(await rows('select * from node order by id')).toEqual(before);
});

it('M13: a revert has its own actor and reason, and says that it is one', async () => {
  await rename('Second');
  const actor = new SystemActor('support');
  await RevisionContext.run({ actor, revisionDescription: 'ticket 7', metadata: { ticket: 7 } }, () =>
    reverts.revision(2),
  );
  expect(await rows('select actor_id, description, metadata, reverts::int from revy_revision where id = 3')).toEqual([
    { actor_id: 'support', description: 'ticket 7', metadata: { ticket: 7, revert: 'revision' }, reverts: 2 },
  ]);
});

it('M13: a revert inside a transaction says it as well, and goes with it', async () => {
  await rename('Second');
  const fork = t.orm.em.fork();
  await fork.transactional(async tx => {
    await new RevertService(tx).revision(2);
  });
  expect(await title()).toBe('First');
  expect(await rows('select reverts::int from revy_revision where id = 3')).toEqual([{ reverts: 2 }]);
  await expect(
    fork.transactional(async tx => {
      await new RevertService(tx).revision(3);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await title()).toBe('First');
  expect(await rows('select count(*)::int from revy_revision')).toEqual([{ count: 3 }]);
});

it('M14: an old state becomes a new object, and the old one is not touched', async () => {
  await rename('Second');
  const before = await rows('select * from post where id = 1');
  const copy = await reverts.copy(Post, 1, 1);
  await em.flush();
  expect(copy).toMatchObject({ id: 2, title: 'First', meta: { deep: [1, { a: null }] } });
  expect(await rows('select * from post where id = 1')).toEqual(before);
});

it('waits for whoever edits the object, and then sees what he did', async () => {
  await rename('Second');
  const editor = t.orm.em.fork();
  await editor.begin();
  (await editor.findOneOrFail(Post, 1)).title = 'Third';
  await editor.flush();
  const revert = new RevertService(t.orm.em.fork()).revision(2).catch((error: unknown) => error);
  const waiting = `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await rows(waiting))[0]!['count'] === 0);
  await editor.commit();
  expect(await revert).toMatchObject({ plan: { conflicts: [{ reason: 'changed-later', revision: { id: 3 } }] } });
  expect(await title()).toBe('Third');
});

it('takes as many statements for many objects as for few', async () => {
  const counts: number[] = [];
  for (const size of [20, 250]) {
    const fork = t.orm.em.fork();
    await fork.insertMany(
      Tag,
      Array.from({ length: size }, (_, index) => ({ name: `${index}` })),
    );
    const tags = await fork.find(Tag, {});
    for (const tag of tags) tag.name += '!';
    await fork.flush();
    const last = (await new HistoryService(fork).revisions()).at(-1)!;
    const statements = await statementsOf(() => new RevertService(t.orm.em.fork()).revision(last));
    counts.push(statements.length);
    expect(await rows(`select count(*)::int from tag where name like '%!'`)).toEqual([{ count: 0 }]);
  }
  expect(counts[0]).toBe(counts[1]);
});
