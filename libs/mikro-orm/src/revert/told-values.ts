import type { Json } from '../model/json.js';
import type { PlaceValue } from './place.js';
import { isLink, type ObjectDraft, type ValueDraft } from './planned-draft.js';
import type { RevisionInTheWay } from './revert-plan.js';

/** What a plan needs to be told to the outside. */
export interface Telling {
  /** The revisions in the way. */
  readonly revisions: ReadonlyMap<number, RevisionInTheWay>;
  /** What stands for a value that may not be told. */
  readonly maskWith: string;
}

/** Values in stored form: what is absent has none. The row has what the history masks, so it is masked here as well. */
export function toldValues({ tracked }: ObjectDraft, value: ValueDraft, { maskWith }: Telling) {
  const isMasked = !isLink(value) && tracked.masked.has(value.name);
  const told = (one: PlaceValue): Json | undefined => {
    if (typeof one === 'symbol') return undefined;
    return isMasked && one !== undefined && one !== null ? maskWith : one;
  };
  return { was: told(value.was), is: told(value.is), willBe: told(value.willBe) };
}
