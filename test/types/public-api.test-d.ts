import { type EntityManager, PrimaryKeyProp } from '@mikro-orm/core';
import {
  type Actor,
  type AttributeAction,
  AttributeDelta,
  type DeltaFilter,
  type HistoryFilter,
  HistoryService,
  type Json,
  type JsonRecord,
  type ObjectAction,
  ObjectDelta,
  type ObjectPoint,
  type Page,
  type Point,
  Revision,
  RevisionContext,
  type RevisionSource,
  type RevisionValues,
  type RevyError,
  type RevyExtension,
  type RevyOptions,
  revy,
  type Snapshot,
  type SnapshotOptions,
  SnapshotService,
  type StoredAttribution,
  SystemActor,
  type TrackingDecorator,
  type TrackingOptions,
  Tracked,
  Untracked,
} from '@revy/mikro-orm';

declare const em: EntityManager;
declare const revision: Revision;
declare function equal<A, B>(
  ...same: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void;

class User {
  id!: number;
}

class Post {
  id!: number;
  title!: string;
  slug!: string | null;
  author!: User | null;
}

class Seat {
  [PrimaryKeyProp]?: ['hall', 'row'];
  hall!: string;
  row!: number;
}

const snapshots = new SnapshotService(em);
const history = new HistoryService(em);

// A snapshot has the type of the class that was asked for, and may be missing.
const past = await snapshots.at(Post, 1, new Date());
equal<typeof past, Snapshot<Post> | null>();
past?.entity.title satisfies string | undefined;
equal<NonNullable<typeof past>['unknown'], string[]>();
equal<NonNullable<typeof past>['revision'], Revision | null>();
equal<NonNullable<typeof past>['version'], number>();
equal<NonNullable<typeof past>['isDeleted' | 'isLive'], boolean>();
equal<NonNullable<typeof past>['point'], ObjectPoint | undefined>();
// @ts-expect-error: there may be none
past.entity satisfies Post;
// @ts-expect-error: a post has no such attribute
void past?.entity.titel;

// Every form of a point, and none else.
void snapshots.at(Post, 1);
void snapshots.at(Post, 1, revision);
void snapshots.at(Post, 1, { revision: 42 });
void snapshots.at(Post, 1, { before: 42 });
void snapshots.at(Post, 1, { before: revision });
void snapshots.at(Post, 1, { after: revision });
void snapshots.at(Post, 1, { version: 3 }, { includeDeleted: true });
// @ts-expect-error: a Date, not text
void snapshots.at(Post, 1, '2026-01-01');
// @ts-expect-error: a bare number may be a version or a revision
void snapshots.at(Post, 1, 3);
// @ts-expect-error: numbers are numbers
void snapshots.at(Post, 1, { version: '3' });
// @ts-expect-error: no such form
void snapshots.at(Post, 1, { date: new Date() });
// @ts-expect-error: null is nowhere
void snapshots.at(Post, 1, null);
// @ts-expect-error: a version belongs to one object, so it is no point in history as a whole
({ version: 1 }) satisfies Point;
// @ts-expect-error: no such option
void snapshots.at(Post, 1, revision, { withDeleted: true });

// Keys are those of the class.
void snapshots.at(Seat, ['Big', 1], { version: 1 });
// @ts-expect-error: the key is a number
void snapshots.at(Post, 'one', { version: 1 });
// @ts-expect-error: the key has two parts
void snapshots.at(Seat, ['Big'], { version: 1 });
// @ts-expect-error: in this order
void snapshots.at(Seat, [1, 'Big'], { version: 1 });
// @ts-expect-error: the key has two parts here, too
void history.deltas(Seat, 'Big');
// @ts-expect-error: a name is no class
void snapshots.at('Post', 1, { version: 1 });

// Filters are checked by name and by type.
void history.deltas(Post, 1, { changed: 'title', action: 'update', actor: null, revision, limit: 10, order: 'desc' });
void history.deltas(Post, 1, { revision: 42, since: new Date(), until: new Date(), after: 1, description: 'why' });
void history.revisions({ actor: new SystemActor('importer'), order: 'asc' });
// @ts-expect-error: a post has no such attribute
void history.deltas(Post, 1, { changed: 'titel' });
// @ts-expect-error: a user has no title
void history.deltas(User, 1, { changed: 'title' });
// @ts-expect-error: an object is created, updated or deleted
void history.deltas(Post, 1, { action: 'set' });
// @ts-expect-error: no such filter
void history.deltas(Post, 1, { from: new Date() });
// @ts-expect-error: attributes are those of a class, which has to be named
void history.revisions({ changed: 'title' });
// @ts-expect-error: a closed set
void history.revisions({ order: 'newest' });
// @ts-expect-error: a Date, not text
void history.revisions({ since: '2026-01-01' });
// @ts-expect-error: a name alone is no actor
void history.revisions({ actor: 'importer' });
equal<Awaited<ReturnType<typeof history.revisions>>, Page<Revision>>();
equal<Awaited<ReturnType<typeof history.deltas<Post>>>, Page<ObjectDelta>>();

// Options and contexts refuse names that they do not know.
// @ts-expect-error: no such option
revy({ keyFrameEvery: 2 });
// @ts-expect-error: a closed set
revy({ outsideContext: 'warn' });
// @ts-expect-error: no such key
RevisionContext.run({ description: 'why' }, () => 1);
// @ts-expect-error: no such key
({ reason: 'why' }) satisfies RevisionValues;
equal<ReturnType<typeof RevisionContext.get<'actor'>>, Actor | undefined>();
equal<ReturnType<typeof RevisionContext.run<Promise<Post>>>, Promise<Post>>();

// Nothing public is `any`: it would let everything above through.
type IsAny<T> = 0 extends 1 & T ? true : false;
/** The names of an object type's members that are `any`, or functions that take or return it. */
type AnyMembers<T> = { [Key in keyof T]-?: HasAny<T[Key]> extends true ? Key : never }[keyof T];
type HasAny<T> =
  IsAny<T> extends true
    ? true
    : T extends (...args: infer Args) => infer Result
      ? true extends IsAny<Args> | IsAny<Args[number]> | IsAny<Result> | IsAny<Awaited<Result>>
        ? true
        : false
      : IsAny<T extends readonly (infer Item)[] ? Item : T extends Promise<infer Value> ? Value : T>;

equal<IsAny<unknown>, false>();
// @ts-expect-error: the check sees a difference
equal<IsAny<unknown>, true>();
// oxlint-disable-next-line typescript/no-explicit-any -- proves that the check sees it
type Leaky = { a: any; b(x: any): void; c(): Promise<any>; d: any[]; e: string; f(x: number): void };
equal<AnyMembers<Leaky>, 'a' | 'b' | 'c' | 'd'>();

equal<AnyMembers<SnapshotService>, never>();
equal<AnyMembers<HistoryService>, never>();
equal<AnyMembers<typeof RevisionContext>, never>();
equal<AnyMembers<RevyExtension>, never>();
equal<AnyMembers<RevyOptions>, never>();
equal<AnyMembers<RevisionValues>, never>();
equal<AnyMembers<Snapshot<Post>>, never>();
equal<AnyMembers<SnapshotOptions>, never>();
equal<AnyMembers<HistoryFilter>, never>();
equal<AnyMembers<DeltaFilter<Post>>, never>();
equal<AnyMembers<Omit<Revision, 'objectDeltas'>>, never>();
equal<AnyMembers<Omit<ObjectDelta, 'revision'>>, never>();
equal<AnyMembers<AttributeDelta>, never>();
equal<AnyMembers<StoredAttribution>, never>();
equal<AnyMembers<SystemActor>, never>();
equal<AnyMembers<RevyError>, never>();
equal<AnyMembers<TrackingOptions>, never>();
equal<
  AnyMembers<{ revy: typeof revy; tracked: typeof Tracked; untracked: typeof Untracked; decorator: TrackingDecorator }>,
  never
>();
interface Aliases {
  json: Json;
  record: JsonRecord;
  value: JsonRecord[string];
  actor: Actor;
  source: RevisionSource;
  point: Point;
  objectPoint: ObjectPoint;
}
equal<AnyMembers<Aliases>, never>();
equal<ObjectAction, 'create' | 'update' | 'delete'>();
equal<AttributeAction, 'set' | 'unset'>();
