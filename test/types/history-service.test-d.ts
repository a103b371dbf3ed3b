import { type Collection, type EntityManager, PrimaryKeyProp, type Ref } from '@mikro-orm/core';
import {
  type Activity,
  type Actor,
  type AttributeBlame,
  type AttributeName,
  type Blame,
  type CollectionDiff,
  type Diff,
  HistoryService,
  type ObjectAction,
  ObjectDelta,
  type Page,
  Revision,
  type RevisionChanges,
  type ValueDiff,
  type Version,
} from '@revy/mikro-orm';

declare const em: EntityManager;
declare function equal<A, B>(
  ...same: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void;

class User {
  id!: number;
  name!: string;
}

class Tag {
  id!: string;
}

class Post {
  id!: number;
  title!: string;
  slug!: string | null;
  views!: bigint;
  isDraft!: boolean;
  status!: 'open' | 'paid';
  published!: Date | null;
  meta!: { words: number } | null;
  labels!: string[];
  author!: User | null;
  editor!: Ref<User>;
  tags!: Collection<Tag>;
  publish(): void {}
}

class Seat {
  [PrimaryKeyProp]?: ['hall', 'row'];
  hall!: string;
  row!: number;
}

const history = new HistoryService(em);

// Attributes are the properties of a class, and no methods of it.
equal<
  AttributeName<Post>,
  | 'id'
  | 'title'
  | 'slug'
  | 'views'
  | 'isDraft'
  | 'status'
  | 'published'
  | 'meta'
  | 'labels'
  | 'author'
  | 'editor'
  | 'tags'
>();
equal<AttributeName<User | Tag>, 'id' | 'name'>();

// What was changed is named by the attributes of the class that is asked for.
void history.deltas({ type: Post, changed: 'title' });
void history.deltas({ type: Post, changed: ['title', 'slug'] });
void history.deltas({ type: Post, changed: { title: true, slug: false } });
void history.deltas<User | Post>({ type: [User, Post], changed: { name: true, title: { to: 'x' } } });
void history.deltas({ objects: [new Post()], changed: 'title' });
void history.revisions({ type: Post, changed: { title: { to: 'x' } } });
// @ts-expect-error: a post has no such attribute
void history.deltas({ type: Post, changed: 'titel' });
// @ts-expect-error: nor has it this one
void history.deltas({ type: Post, changed: { titel: true } });
// @ts-expect-error: nor among others
void history.deltas({ type: Post, changed: ['title', 'titel'] });
// @ts-expect-error: a method is no attribute
void history.deltas({ type: Post, changed: 'publish' });
// @ts-expect-error: attributes of what?
void history.deltas({ changed: 'title' });
// @ts-expect-error: a user has no title
void history.revisions({ type: User, changed: { title: true } });

// Values have the type of the attribute, and so have the operators.
void history.deltas({
  type: Post,
  changed: { title: { from: 'a', to: { $like: 'b%' } }, views: { to: { $gte: 10n } } },
});
void history.deltas({ type: Post, changed: { slug: { from: null, to: { $in: ['a', null] } } } });
void history.deltas({ type: Post, changed: { published: { to: { $gt: new Date(), $lte: new Date() } } } });
void history.deltas({ type: Post, changed: { status: { to: 'paid' }, isDraft: { to: false }, labels: { to: ['a'] } } });
void history.deltas({
  type: Post,
  changed: { meta: { to: { words: 1 } }, title: { actor: null, description: 'why' } },
});
void history.deltas(Post, 1, { changed: { author: { from: 1, to: new User() }, editor: { to: { $in: [1, 2] } } } });
void history.deltas(Post, 1, { changed: { tags: { added: 'a', removed: new Tag() } } });
// @ts-expect-error: a title is text
void history.deltas({ type: Post, changed: { title: { to: 1 } } });
// @ts-expect-error: a closed set
void history.deltas({ type: Post, changed: { status: { to: 'lost' } } });
// @ts-expect-error: an author is a user or the key of one
void history.deltas({ type: Post, changed: { author: { to: 'Ann' } } });
// @ts-expect-error: numbers have no patterns
void history.deltas({ type: Post, changed: { views: { to: { $like: '1%' } } } });
// @ts-expect-error: booleans have no order
void history.deltas({ type: Post, changed: { isDraft: { to: { $gt: false } } } });
// @ts-expect-error: a collection is not set, things are added to it
void history.deltas({ type: Post, changed: { tags: { to: [] } } });
// @ts-expect-error: and nothing is added to a text
void history.deltas({ type: Post, changed: { title: { added: 'a' } } });
// @ts-expect-error: the key of a tag is text
void history.deltas({ type: Post, changed: { tags: { added: 1 } } });

// Other filters.
void history.deltas({ type: Post, keys: [1, 2], action: ['create', 'delete'], only: 'last' });
void history.deltas({ type: Seat, keys: [['Big', 1]] });
void history.deltas({ involving: null, metadata: { source: 'web' }, where: { version: { $gt: 1 } } });
void history.revisions({ description: { $ilike: 'a%' }, where: { $or: [{ id: 1 }, { reverts: { $ne: null } }] } });
// @ts-expect-error: the key of a post is a number
void history.deltas({ type: Post, keys: ['1'] });
// @ts-expect-error: a closed set
void history.deltas({ only: 'newest' });
// @ts-expect-error: a revision has no version
void history.revisions({ where: { version: 1 } });
// @ts-expect-error: what is counted has no pages
void history.countDeltas({ limit: 1 });

// Pages are arrays.
const page = await history.deltas({ type: Post });
equal<typeof page, Page<ObjectDelta>>();
page satisfies ObjectDelta[];
equal<typeof page.next, string | null>();
void history.deltas({ after: page.next, limit: 2 });
equal<Awaited<ReturnType<typeof history.countRevisions>>, number>();
equal<Awaited<ReturnType<typeof history.activity>>, Activity>();
void history.activity({ type: Post, changed: 'title', steps: 12 });
// @ts-expect-error: a count has no pages
void history.activity({ limit: 1 });

// Versions.
const [version] = await history.versions(Post, 1, { order: 'desc', limit: 1, after: null });
equal<typeof version, Version<Post> | undefined>();
equal<Version<Post>['validFrom'], Date>();
equal<Version<Post>['validUntil'], Date | null>();
equal<Version<Post>['action'], ObjectAction>();
equal<Version<Post>['changed'], string[]>();
equal<Version<Post>['revision'], Revision>();
equal<Version<Post>['actor'], Promise<Actor | undefined>>();
equal<Awaited<ReturnType<Version<Post>['state']>>, Post | null>();
equal<Awaited<ReturnType<Version<Post>['next']>>, Version<Post> | null>();
equal<Awaited<ReturnType<typeof history.versionAt<Post>>>, Version<Post> | null>();
// @ts-expect-error: a version cannot be changed
version!.validFrom = new Date();
// @ts-expect-error: a point is needed
void history.versionAt(Post, 1);
// @ts-expect-error: versions are paged by the `next` of a page
void history.versions(Post, 1, { after: 1 });

// Differences.
const diff = await history.diff(Post, 1, { version: 1 });
equal<typeof diff, Diff<Post> | null>();
equal<Diff<Post>['changed']['title'], ValueDiff<string> | undefined>();
equal<NonNullable<Diff<Post>['changed']['published']>['oldValue'], Date | null>();
equal<Diff<Post>['changed']['tags'], CollectionDiff<Tag> | undefined>();
equal<Diff<Post>['unknown'], AttributeName<Post>[]>();
equal<Diff<Post>['action'], ObjectAction | null>();
void history.diff(Post, 1, new Date(), { version: 2 }, { attributes: ['title'], except: ['slug'] });
void history.diff({ type: Post, key: 1, at: { version: 1 } }, { type: Post, key: 2 });
// @ts-expect-error: no such attribute
void diff?.changed.titel;
// @ts-expect-error: no such attribute
void history.diff(Post, 1, new Date(), new Date(), { attributes: ['titel'] });
// @ts-expect-error: both have to be of one class
void history.diff({ type: Post, key: 1 }, { type: Tag, key: 'a' });
// @ts-expect-error: the key is a number
void history.diff({ type: Post, key: '1' }, { type: Post, key: 2 });

// Blame.
const blame = await history.blame(Post, 1);
void history.blame(Post, 1, { version: 2 });
equal<typeof blame, Blame<Post> | null>();
equal<Blame<Post>['title'], AttributeBlame<string> | undefined>();
equal<AttributeBlame<Date | null>['value'], Date | null | undefined>();
equal<AttributeBlame<string>['revision'], Revision | null>();
// @ts-expect-error: no such attribute
void blame?.titel;

// Everything in a revision, and around an object.
const changes = await history.changes(1);
equal<typeof changes, RevisionChanges>();
equal<NonNullable<typeof changes.Post>['update'], readonly ObjectDelta[] | undefined>();
equal<Awaited<ReturnType<typeof history.related<Post>>>, Page<ObjectDelta>>();
void history.related(Post, 1, { depth: 2, order: 'desc', action: 'delete', actor: null });
// @ts-expect-error: a number
void history.related(Post, 1, { depth: 'all' });
