import { RevertConflictError, RevertService, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Document } from '../library/document.entity.js';
import { newestRevision, showAttributes } from './recorded.js';
import type { TourState } from './tour-state.js';

/** Part 7: a bad import is reverted after somebody has gone on working: that work stays. Tells whether it does. */
export async function showConflict({ orm, terminal }: TourState, id: number): Promise<boolean> {
  const em = orm.em.fork();
  const document = await em.findOneOrFail(Document, id, { populate: ['lastAuthor'] });
  const { mode } = document;
  terminal.section('An older revision is reverted, with work in between');
  await RevisionContext.run({ actor: new SystemActor('importer'), revisionDescription: 'a bad import' }, async () => {
    Object.assign(document, { mode: mode === '120000' ? '100644' : '120000', size: 0 });
    await em.flush();
  });
  const { id: imported } = await newestRevision(em);
  await RevisionContext.run({ actor: document.lastAuthor, revisionDescription: 'measured by hand' }, async () => {
    document.size = 4711;
    await em.flush();
  });
  const { id: measured } = await newestRevision(em);
  terminal.say(
    `Revision ${imported} is an import that spoils ${document.path}. In revision ${measured} its author has measured the size.`,
  );
  terminal.line();
  const reverts = new RevertService(em);
  const refused: unknown = await reverts.revision(imported).catch((error: unknown) => error);
  if (!(refused instanceof RevertConflictError)) {
    terminal.failure(`Revision ${imported} was reverted, and what came after it is lost.`);
    return false;
  }
  terminal.code(`await reverts.revision(${imported});`);
  terminal.say('It is refused, with its plan:');
  terminal.line();
  for (const line of String(refused.plan).split('\n')) terminal.line(`  ${line}`.slice(0, terminal.columns));
  terminal.line();
  await reverts.revision(imported, { onConflict: 'keep' });
  terminal.code(`await reverts.revision(${imported}, { onConflict: 'keep' });`);
  await showAttributes(em, terminal, await newestRevision(em));
  const now = await orm.em.fork().findOneOrFail(Document, id);
  const isRight = now.mode === mode && now.size === 4711;
  terminal.line();
  if (isRight) terminal.success('The mode is what it was before the import, and the size what was measured since.');
  else terminal.failure(`The document has mode ${now.mode} and size ${now.size}, not ${mode} and 4711.`);
  return isRight;
}
