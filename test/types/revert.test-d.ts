import type { EntityManager } from '@mikro-orm/core';
import {
  type ConflictChoice,
  type RevertConflict,
  type RevertPlan,
  RevertService,
  type Revision,
  SystemActor,
} from '@revy/mikro-orm';

declare const em: EntityManager;
declare const revision: Revision;

class Author {
  id!: number;
  name!: string;
}

class Post {
  id!: number;
  title!: string;
  author!: Author | null;
}

const reverts = new RevertService(em);

// Revisions, their ids, or what a search for revisions takes.
(await reverts.revision(1)) satisfies RevertPlan;
void reverts.revision([1, revision], { onConflict: 'keep', dryRun: true });
void reverts.revision({ actor: new SystemActor('importer'), since: new Date(), until: new Date() });
void reverts.revision({ metadata: { import: 7 }, order: 'desc', limit: 1 });
void reverts.revision({ type: Post, keys: [1], changed: { title: { to: { $like: 'x%' } } } });
// @ts-expect-error: a name alone is no actor
void reverts.revision({ actor: 'importer' });
// @ts-expect-error: a post has no such attribute
void reverts.revision({ type: Post, changed: 'titel' });
// @ts-expect-error: no such filter
void reverts.revision({ by: new SystemActor('importer') });
// @ts-expect-error: filters are one, not several
void reverts.revision([{ limit: 1 }]);

// Of what revisions changed, all or what a predicate picks.
void reverts.revision(1, { only: ({ objectType, objectId }) => `${objectType} ${objectId}` === 'Post 1' });
// @ts-expect-error: no such name
void reverts.revision(1, { only: ({ type }) => type === 'Post' });

// What to do about conflicts is a closed set, or a function that picks of it.
void reverts.revision(1, { onConflict: conflict => (conflict.canOverwrite ? 'overwrite' : 'keep') });
((conflict: RevertConflict) => conflict.reason) satisfies (conflict: RevertConflict) => string;
'fail' satisfies ConflictChoice;
// @ts-expect-error: no such choice
void reverts.revision(1, { onConflict: 'merge' });
// @ts-expect-error: a function has to choose
void reverts.revision(1, { onConflict: () => undefined });

// Relations and attributes are those of the class.
void reverts.toVersion(Post, 1, -1, { relations: ['author'] });
void reverts.attribute(Post, 1, 'title', { version: 1 });
// @ts-expect-error: a post has no such relation
void reverts.toVersion(Post, 1, 1, { relations: ['autor'] });
// @ts-expect-error: a post has no such attribute
void reverts.attribute(Post, 1, 'titel', { version: 1 });
(await reverts.copy(Post, 1, 1, { title: 'copy' })) satisfies Post;
// @ts-expect-error: a title is a text
void reverts.copy(Post, 1, 1, { title: 1 });
