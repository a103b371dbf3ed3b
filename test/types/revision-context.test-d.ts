import { RevisionContext, SystemActor } from '@revy/mikro-orm';

class User {
  id!: number;
}

// An actor is any object, a named system, or null; a description is text.
RevisionContext.run({ actor: new User() }, () => 1) satisfies number;
RevisionContext.run({ actor: new SystemActor('importer'), metadata: { ticket: 7 } }, () => 'a') satisfies string;
void (RevisionContext.run({ actor: null, revisionDescription: null }, async () => 1) satisfies Promise<number>);
// @ts-expect-error: a name alone is no actor; SystemActor gives it one
RevisionContext.run({ actor: 'importer' }, () => 1);
// @ts-expect-error: no such key
RevisionContext.run({ actorr: null }, () => 1);
// @ts-expect-error: metadata is a JSON object
RevisionContext.run({ metadata: 'ticket 7' }, () => 1);

// A key has one type, in and out.
RevisionContext.get('revisionDescription') satisfies string | null | undefined;
RevisionContext.get('actor') satisfies object | null | undefined;
RevisionContext.set('deletionDescription', 'went with its folder');
// @ts-expect-error: a description is text
RevisionContext.set('revisionDescription', 1);
// @ts-expect-error: no such key
RevisionContext.get('description');

{
  using frame = RevisionContext.enter({ actor: null });
  frame satisfies Disposable;
}
