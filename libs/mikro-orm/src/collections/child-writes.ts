import { cascadedBy } from '../capture/read-changes.js';
import { readerOf, takeFollowed, type TakenAlong } from '../cascade/take-along.js';
import type { AnyCollection } from './collection-updates.js';
import { childrenThatGo, replacedChildren } from './replaced-children.js';
import { recordingOf, type WriteScope } from './write-scope.js';

/**
 * Reads, right before they happen, what statements do to the children of collections that were not loaded. Orphans are
 * deleted for the system's reasons, as they are where their collection is loaded; who unsets children is who flushes.
 */
export async function takeChildren(updates: readonly AnyCollection[], scope: WriteScope): Promise<TakenAlong[]> {
  const { tools, recording } = scope;
  const taken: TakenAlong[] = [];
  for (const replaced of replacedChildren(updates, scope)) {
    const { edge, schema } = replaced;
    const reader = readerOf(tools, { isRecording: recording !== undefined, schema });
    const rows = await childrenThatGo(replaced, reader);
    const by = recording && (edge.onDelete === 'cascade' ? cascadedBy(recording.attribution) : recording.attribution);
    taken.push(await takeFollowed([{ edge, rows }], reader, tools, by && recordingOf(by, scope)));
  }
  return taken;
}
