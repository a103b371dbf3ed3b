import { currentFrame } from '../context/frame-store.js';
import { unresolved } from '../context/frame-values.js';
import { OutsideContextError } from '../revy.errors.js';
import type { ContextRequirement, ResolvedOptions } from '../revy.options.js';
import { ContextRequiredError } from './tracking.errors.js';

/** Refuses a change that the options allow in no such context as holds here. */
export function refuseOutsideContext({ outsideContext }: ResolvedOptions, changed: string): void {
  if (!currentFrame() && outsideContext === 'throw') throw new OutsideContextError(changed);
}

/**
 * Refuses a change where the context does not say what the options require. A context that names its revision is left
 * to {@link refuseIncomplete}: the revision may say it.
 */
export function refuseUnexplained(options: ResolvedOptions, changed: string): void {
  if (options.require.length === 0) return;
  const { actor, revisionDescription, revision } = currentFrame()?.values ?? unresolved;
  if (revision !== undefined) return;
  refuseIncomplete(options, changed, { hasActor: Boolean(actor), description: revisionDescription });
}

/** The same for what is about to be written. */
export function refuseIncomplete(
  { require }: ResolvedOptions,
  changed: string,
  { hasActor, description }: { readonly hasActor: boolean; readonly description: string | null | undefined },
): void {
  const isSaid: Record<ContextRequirement, boolean> = { actor: hasActor, description: Boolean(description?.trim()) };
  const missing = require.filter(requirement => !isSaid[requirement]);
  if (missing.length > 0) throw new ContextRequiredError(changed, missing);
}
