import { RevisionContext } from '@revy/mikro-orm';
import type { CommitFrame } from './replay.js';

/** One commit, one revision: by the commit's author, described by its subject, with the commit itself as metadata. */
export const revisionFrame: CommitFrame = (commit, author, work) => {
  const metadata = { commit: commit.id, committedAt: commit.at.toISOString() };
  return RevisionContext.run({ revisionDescription: commit.subject, metadata }, () => {
    // Inside the frame, so that an author who is new is described too.
    RevisionContext.set('actor', author());
    return work();
  });
};
