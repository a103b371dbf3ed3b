import { Document } from '../library/document.entity.js';
import { type HistoryChange, type HistoryEntry, readHistory } from '../library/object-history.js';
import { nameActors, type StoredActor } from '../people/actor-names.js';
import { Author } from '../people/author.entity.js';
import type { TourState } from './tour-state.js';
import { countOf, formatTime, formatValue } from './words.js';

const SHOWN_ENTRIES = 6;

/** Part 3: the history of the document that changed most. */
export async function showHistory({ orm, terminal, replayed }: TourState): Promise<void> {
  const live = replayed.index.documents.filter(document => document.isLive);
  const { id, path } = live.reduce((most, document) => (document.changes > most.changes ? document : most));
  terminal.section(`The history of ${path}`);
  const em = orm.em.fork();
  const entries = await readHistory(em, Document.name, id);
  const shown = entries.slice(-SHOWN_ENTRIES);
  const authored = shown.flatMap(entry => entry.changes).filter(change => change.attribute === 'lastAuthor');
  const people = authored.flatMap(({ from, to }) => [from, to].filter(value => value !== null).map(authorOf));
  const nameOf = await nameActors(em, people);
  if (entries.length > shown.length) {
    terminal.say(`${countOf(entries.length, 'revision')}, of which these are the last:`);
    terminal.line();
  }
  const columns = ['revision', 'when', 'who', 'attribute', 'from', 'to'].map(title => ({ title }));
  const show = (change: HistoryChange, value: unknown) =>
    change.attribute === 'lastAuthor' && value !== null ? nameOf(authorOf(value)) : formatValue(value);
  terminal.table(
    columns,
    shown.flatMap(entry =>
      entry.changes.map((change, index) => [
        ...(index === 0 ? [String(entry.revision), formatTime(committedAt(entry)), change.who] : ['', '', '']),
        change.attribute,
        show(change, change.from),
        show(change, change.to),
      ]),
    ),
  );
}

function authorOf(id: unknown): StoredActor {
  return { actorType: Author.name, actorId: String(id as number) };
}

/** The commit's own time, that the replay left in the revision's metadata. */
function committedAt({ metadata, recordedAt }: HistoryEntry): Date {
  return typeof metadata?.committedAt === 'string' ? new Date(metadata.committedAt) : recordedAt;
}
