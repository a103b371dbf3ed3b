import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { newestRevision, showAttributes } from './recorded.js';
import type { TourState } from './tour-state.js';

const CODE = `await RevisionContext.run({ actor: author, revisionDescription: 'made executable' }, async () => {
  document.mode = '100755';
  const actor = new SystemActor('size checker');
  RevisionContext.run({ actor, attributeDeltaDescription: 'measured again' }, () => {
    document.size += 1;
  });
  await em.flush();
});`;

/** Part 4: one flush, one revision, two actors. */
export async function showTwoActors({ orm, terminal, replayed }: TourState): Promise<void> {
  const em = orm.em.fork();
  const { id, path } = replayed.index.documents.findLast(document => document.isLive)!;
  terminal.section(`Two actors in one revision of ${path}`);
  terminal.code(CODE);
  const document = await em.findOneOrFail(Document, id, { populate: ['lastAuthor'] });
  const isExecutable = document.mode === '100755';
  const revisionDescription = isExecutable ? 'no longer executable' : 'made executable';
  await RevisionContext.run({ actor: document.lastAuthor, revisionDescription }, async () => {
    document.mode = isExecutable ? '100644' : '100755';
    const actor = new SystemActor('size checker');
    RevisionContext.run({ actor, attributeDeltaDescription: 'measured again' }, () => {
      document.size = (document.size ?? 0) + 1;
    });
    await em.flush();
  });
  await showAttributes(em, terminal, await newestRevision(em));
}
