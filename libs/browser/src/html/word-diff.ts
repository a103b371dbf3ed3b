import { diffWordsWithSpace } from 'diff';
import { type Html, markup } from './markup.js';

/** Beyond this, comparing costs more than it tells. */
const LONGEST = 20_000;
const MOST_EDITS = 1_000;

/** Two texts beside each other, with the words that differ marked in each; plain where they are too long or too unlike. */
export function wordDiff(before: string, after: string): { readonly before: Html; readonly after: Html } | undefined {
  if (before.length + after.length > LONGEST) return undefined;
  const parts = diffWordsWithSpace(before, after, { maxEditLength: MOST_EDITS, timeout: 100 });
  if (!parts) return undefined;
  const removed = parts
    .filter(part => !part.added)
    .map(part => (part.removed ? markup`<del>${part.value}</del>` : part.value));
  const added = parts
    .filter(part => !part.removed)
    .map(part => (part.added ? markup`<ins>${part.value}</ins>` : part.value));
  return { before: markup`${removed}`, after: markup`${added}` };
}
