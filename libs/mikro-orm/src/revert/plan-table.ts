import { equalJson, type Json } from '../model/json.js';
import type { PlannedObject, PlannedValue, RevertConflict } from './revert-plan.js';

/** Values that are longer are cut: the plan as JSON has all of them. */
const WIDEST = 32;

const HEAD = ['', 'is', 'will be', ''];

/** The plan as text: the objects, and under each what becomes of its values. */
export function planTable(objects: readonly PlannedObject[]): string {
  if (objects.length === 0) return 'nothing to put back';
  const rows = [HEAD, ...objects.flatMap(linesOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows
    .map(row =>
      row
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function linesOf(object: PlannedObject): string[][] {
  const { objectType, objectId, action, conflict, values } = object;
  const what = action ?? (object.status === 'already' ? 'already' : 'stays');
  const title = [`${objectType} ${objectId}`, '', what, noteOf(conflict)];
  if (action === 'delete') return [title];
  return [title, ...values.filter(isTold).map(lineOf)];
}

/** Of an object that comes back, what stays null says nothing. */
function isTold({ is, willBe, conflict }: PlannedValue): boolean {
  return conflict !== undefined || !equalJson(is ?? null, willBe ?? null);
}

function lineOf(value: PlannedValue): string[] {
  const name = value.target === undefined ? value.attribute : `${value.attribute} ${text(value.target)}`;
  return [`  ${name}`, text(value.is), text(value.willBe), noteOf(value.conflict)];
}

function noteOf(conflict: RevertConflict | undefined): string {
  return conflict ? `conflict: ${conflict.message}` : '';
}

/** Control characters would break the line, or the terminal. */
function text(value: Json | undefined): string {
  if (value === undefined) return '';
  const plain = JSON.stringify(value).replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  return plain.length > WIDEST ? `${plain.slice(0, WIDEST - 1)}…` : plain;
}
