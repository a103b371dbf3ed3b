import type { EntityManager } from '@mikro-orm/postgresql';
import { AttributeDelta, ObjectDelta, Revision } from '@revy/mikro-orm';
import { nameActors } from '../people/actor-names.js';
import type { Column } from './lay-out-table.js';
import type { Terminal } from './terminal.js';
import { countOf, formatCount, formatValue } from './words.js';

const SHOWN_ROWS = 14;

/** The revision recorded last. */
export async function newestRevision(em: EntityManager): Promise<Revision> {
  return em.findOneOrFail(Revision, { id: { $gt: 0 } }, { orderBy: { id: 'desc' } });
}

/** A table of every attribute that a revision set or unset. */
export async function showAttributes(em: EntityManager, terminal: Terminal, revision: Revision): Promise<void> {
  const deltas = await em.find(AttributeDelta, { revision }, { orderBy: { objectDelta: 'asc', attribute: 'asc' } });
  const nameOf = await nameActors(em, [revision, ...deltas]);
  sayWhose(terminal, revision, nameOf(revision));
  const columns = ['object', 'attribute', 'from', 'to', 'who', 'why'].map(title => ({ title }));
  const rows = deltas.map(delta => [
    `${delta.objectType} ${delta.objectId}`,
    delta.attribute,
    formatValue(delta.oldValue),
    formatValue(delta.newValue),
    nameOf(delta),
    delta.description ?? '',
  ]);
  showRows(terminal, columns, rows);
}

/** A table of every object that a revision created, updated or deleted. */
export async function showObjects(em: EntityManager, terminal: Terminal, revision: Revision): Promise<void> {
  const deltas = await em.find(ObjectDelta, { revision }, { orderBy: { id: 'asc' } });
  const nameOf = await nameActors(em, [revision, ...deltas]);
  sayWhose(terminal, revision, nameOf(revision));
  const columns: Column[] = [
    { title: 'action' },
    { title: 'object' },
    { title: 'path', cut: 'start' },
    { title: 'who' },
    { title: 'why' },
  ];
  const rows = deltas.map(delta => [
    delta.action,
    `${delta.objectType} ${delta.objectId}`,
    formatValue((delta.oldValues ?? delta.newValues)?.path),
    nameOf(delta),
    delta.description ?? '',
  ]);
  showRows(terminal, columns, rows);
}

function sayWhose(terminal: Terminal, { id, description }: Revision, who: string): void {
  terminal.say(`Revision ${formatCount(id)} by ${who}: ${description ?? 'no description'}`);
  terminal.line();
}

function showRows(terminal: Terminal, columns: readonly Column[], rows: string[][]): void {
  const shown = rows.length > SHOWN_ROWS ? rows.slice(0, SHOWN_ROWS - 1) : rows;
  terminal.table(columns, shown);
  if (shown.length < rows.length) {
    terminal.say(`… and ${countOf(rows.length - shown.length, 'row')} more.`);
  }
}
