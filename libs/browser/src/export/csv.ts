import type { Json } from '@revy/mikro-orm';
import type { ExportedChange, ExportedDelta } from './exported.js';

const HEAD = [
  'revision',
  'recorded_at',
  'type',
  'id',
  'version',
  'action',
  'actor_type',
  'actor_id',
  'description',
  'attribute',
  'before',
  'after',
];

/** A row for each attribute, by RFC 4180; one for a delta that changed none. */
export function csv(deltas: readonly ExportedDelta[]): string {
  return [HEAD, ...deltas.flatMap(rows)].map(row => `${row.map(cell).join(',')}\r\n`).join('');
}

function rows(delta: ExportedDelta): (string | number | null)[][] {
  const { revision, recordedAt, objectType, objectId, version, action, actorType, actorId, description } = delta;
  const head = [revision, recordedAt, objectType, objectId, version, action, actorType, actorId, description];
  if (delta.changes.length === 0) return [[...head, null, null, null]];
  return delta.changes.map(change => [...head, change.attribute, ...values(change)]);
}

function values({ before, after, isMasked }: ExportedChange): (string | null)[] {
  return isMasked ? ['masked', 'masked'] : [text(before), text(after)];
}

function text(value: Json | undefined): string | null {
  return value === undefined || value === null || typeof value === 'string' ? (value ?? null) : JSON.stringify(value);
}

/** A text by which a spreadsheet would begin to calculate gets an apostrophe in front; numbers stay what they are. */
function cell(value: string | number | null): string {
  const plain = String(value ?? '');
  const isFormula = /^[=+\-@\t\r]/.test(plain) && !/^-?\d+(\.\d+)?$/.test(plain);
  const safe = isFormula ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
