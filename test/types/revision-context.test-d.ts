import {
  ActorRef,
  type CapturedContext,
  captureContext,
  type Cause,
  type Json,
  RevisionContext,
  runWithCaptured,
  SystemActor,
} from '@revy/mikro-orm';

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

// What is captured is JSON, and restored from nothing else; the function's result comes out.
captureContext() satisfies CapturedContext satisfies object;
({}) as Cause satisfies Json;
void (runWithCaptured(captureContext(), async () => 1) satisfies Promise<number>);
RevisionContext.run({ actor: new ActorRef('User', '1') }, () => 'a') satisfies string;
// @ts-expect-error: not what captureContext() gives
runWithCaptured({ actor: null }, () => 1);
// @ts-expect-error: a job may lack it
runWithCaptured(undefined, () => 1);
