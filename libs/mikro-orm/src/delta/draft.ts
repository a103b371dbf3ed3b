import type { ChangeStep, LinkChange } from '../capture/change.js';
import type { Attribution } from '../context/attribution-value.js';
import type { ObjectAction } from '../model/action.js';
import type { Json } from '../model/json.js';
import type { Masks } from '../model/mask.js';

/** One attribute's change. An undefined `before` is unknown; an undefined `after` means that the object is gone. */
export interface AttributeDraft {
  readonly before?: Json | undefined;
  readonly after?: Json | undefined;
  /** Who made it, in order; the last step set `after`. */
  readonly steps: readonly ChangeStep[];
}

/** An object delta that is not stored yet. */
export interface Draft {
  readonly type: string;
  readonly objectId: string;
  readonly action: ObjectAction;
  readonly attributes: ReadonlyMap<string, AttributeDraft>;
  readonly links: Readonly<Record<string, LinkChange>>;
  readonly attribution: Attribution;
  readonly masked: Masks;
  /** A deletion that is not recorded if the history knows the object as deleted already. */
  readonly isDoubtful?: boolean;
}
