import type { EntityManager } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { type Revision, SnapshotService } from '@revy/mikro-orm';

declare const em: EntityManager;
declare const sql: SqlEntityManager;
declare const revision: Revision;

class Post {
  id!: number;
  title!: string;
}

const snapshots = new SnapshotService(em);

// What the callback returns comes out, and the reader is as typed as the entity manager that it stands for.
(await snapshots.asOf(revision, past => past.findOneOrFail(Post, 1))) satisfies Post;
(await snapshots.asOf(new Date(), async past => past.count(Post))) satisfies number;
(await new SnapshotService(sql).asOf(revision, past => past.execute<Post[]>('select 1'))) satisfies Post[];
// @ts-expect-error: a reader of the core's entity manager knows no SQL
void snapshots.asOf(revision, past => past.execute('select 1'));
// @ts-expect-error: a post has no such attribute
void snapshots.asOf(revision, past => past.find(Post, { titel: 'x' }));

// Every form of a point of the whole history, and none else.
const read = async (past: EntityManager) => past.count(Post);
void snapshots.asOf({ revision: 1 }, read);
void snapshots.asOf({ before: revision }, read, { untracked: 'throw' });
void snapshots.asOf({ after: 1 }, read, { untracked: 'live' });
// @ts-expect-error: a version belongs to one object
void snapshots.asOf({ version: 1 }, read);
// @ts-expect-error: a bare number may be a version or a revision
void snapshots.asOf(1, read);
// @ts-expect-error: a Date, not text
void snapshots.asOf('2026-01-01', read);
// @ts-expect-error: there has to be something to read with
void snapshots.asOf(revision);
// @ts-expect-error: a closed set
void snapshots.asOf(revision, read, { untracked: 'ignore' });
