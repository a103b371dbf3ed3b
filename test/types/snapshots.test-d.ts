import { Collection, defineEntity, type EntityManager, p } from '@mikro-orm/core';
import {
  type BaselineProgress,
  type BaselineResult,
  HistoryService,
  ObjectDelta,
  type Page,
  Revision,
  revy,
  type Snapshot,
  SnapshotService,
  type UnknownReason,
} from '@revy/mikro-orm';

declare const em: EntityManager;
declare function equal<A, B>(
  ...same: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void;

class User {
  id!: number;
  name!: string;
  posts = new Collection<Post>(this);
}

class Post {
  id!: number;
  title!: string;
  views!: number;
  author!: User | null;
}

const snapshots = new SnapshotService(em);

// Keys, or a condition on what the objects were.
const many = await snapshots.many(Post, [1, 2], new Date());
equal<typeof many, Snapshot<Post>[]>();
await snapshots.many(
  Post,
  { title: ['a', 'b'], views: { $gte: 1 }, author: 1, $or: [{ author: null }] },
  { before: 2 },
);
// @ts-expect-error: another key type
await snapshots.many(Post, ['a']);
// @ts-expect-error: no such attribute
await snapshots.many(Post, { headline: 'a' });
// @ts-expect-error: another type than the attribute has
await snapshots.many(Post, { views: 'a' });
// @ts-expect-error: only the database has this operator
await snapshots.many(Post, { title: { $like: 'a%' } });
// @ts-expect-error: a version is a point of one object
await snapshots.many(Post, [1], { version: 1 });

// Paths to populate.
const [first] = await snapshots.many(User, [1], new Date(), { populate: ['posts.author'] });
equal<typeof first, Snapshot<User, 'posts.author'> | undefined>();
first!.entity.posts.getItems() satisfies readonly Post[];
await snapshots.at(Post, 1, { version: 1 }, { populate: ['author'], includeDeleted: true });
// @ts-expect-error: no such relation
await snapshots.many(User, [1], new Date(), { populate: ['comments'] });
first!.reasons satisfies Readonly<Record<string, UnknownReason>>;
equal<UnknownReason, 'masked' | 'untracked' | 'unseen' | 'unreadable'>();

// Baselines.
const made = await revy.baseline(em, Post, {
  chunkRows: 10,
  onProgress: progress => equal<typeof progress, BaselineProgress>(),
});
equal<typeof made, BaselineResult>();
made satisfies { readonly recorded: number; readonly revisions: readonly number[] };
// @ts-expect-error: no such option
await revy.baseline(em, Post, { rows: 10 });

// Entities in the places of Revision and ObjectDelta.
class AuditRevision extends Revision {
  address!: string | null;
}
class AuditDelta extends ObjectDelta {
  size!: number;
}
revy({
  entities: { Revision: AuditRevision, ObjectDelta: AuditDelta },
  onRevision(revision: AuditRevision, { em: own, values }) {
    revision.address = (values.metadata?.['address'] as string | undefined) ?? null;
    own satisfies EntityManager;
  },
  onObjectDelta(delta: AuditDelta) {
    delta.size = Object.keys(delta.newValues ?? {}).length;
  },
});
const AuditRevisionSchema = defineEntity({ class: AuditRevision, properties: { address: p.string().nullable() } });
revy({ entities: { Revision: AuditRevisionSchema } });
revy({ onRevision: async revision => void (revision.description = 'x') });
// @ts-expect-error: extends nothing of the history
revy({ entities: { Revision: User } });
// @ts-expect-error: a revision is no delta
revy({ entities: { ObjectDelta: AuditRevision } });

const history = new HistoryService<AuditRevision, AuditDelta>(em);
const revisions = await history.revisions({ where: { address: { $like: '10.%' } } });
equal<typeof revisions, Page<AuditRevision>>();
const deltas = await history.deltas(Post, 1, { where: { size: { $gt: 1 } } });
equal<typeof deltas, Page<AuditDelta>>();
// @ts-expect-error: no such column
await history.revisions({ where: { place: 'x' } });
// @ts-expect-error: no such column of Revy's own
await new HistoryService(em).revisions({ where: { address: 'x' } });

// Names that attributes had.
import { Tracked } from '@revy/mikro-orm';
export class Renamed {
  @Tracked({ formerly: 'headline' }) title!: string;
  @Tracked({ formerly: ['count', 'reads'] }) views!: number;
}
// @ts-expect-error: names are text
Tracked({ formerly: 1 });
