import { equalJson, type Json } from '../model/json.js';
import type { PlannedObject, PlannedValue, RevertConflict } from './revert-plan.js';

/** Values that are longer are cut: the plan as JSON has all of them. */
const WIDEST = 32;

const HEAD = ['', 'is', 'will be'];

/** A line of columns, and what is to be said below it. */
interface Line {
  readonly cells: readonly string[];
  readonly conflict?: RevertConflict | undefined;
}

/** The plan as text: the objects, under each what becomes of its values, and what is in the way. */
export function planTable(objects: readonly PlannedObject[]): string {
  if (objects.length === 0) return 'nothing to put back';
  const lines = [{ cells: HEAD }, ...objects.flatMap(linesOf)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map(({ cells }) => cells[column]!.length)));
  return lines.map(line => laidOut(line, widths)).join('\n');
}

function laidOut({ cells, conflict }: Line, widths: readonly number[]): string {
  const line = cells
    .map((cell, index) => cell.padEnd(widths[index]!))
    .join('  ')
    .trimEnd();
  return conflict ? `${line}\n    conflict: ${conflict.message}` : line;
}

function linesOf({ objectType, objectId, action, status, conflict, values }: PlannedObject): Line[] {
  const what = action ?? (status === 'already' ? 'already' : 'stays');
  const title: Line = { cells: [`${objectType} ${objectId}`, '', what], conflict };
  return action === 'delete' ? [title] : [title, ...values.filter(isTold).map(lineOf)];
}

/** Of an object that comes back, what stays null says nothing. */
function isTold({ is, willBe, conflict }: PlannedValue): boolean {
  return conflict !== undefined || !equalJson(is ?? null, willBe ?? null);
}

function lineOf({ attribute, target, is, willBe, conflict }: PlannedValue): Line {
  const name = target === undefined ? attribute : `${attribute} ${text(target)}`;
  return { cells: [`  ${name}`, text(is), text(willBe)], conflict };
}

/** Control characters would break the line, or the terminal. */
function text(value: Json | undefined): string {
  if (value === undefined) return '';
  const plain = JSON.stringify(value).replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  return plain.length > WIDEST ? `${plain.slice(0, WIDEST - 1)}…` : plain;
}
