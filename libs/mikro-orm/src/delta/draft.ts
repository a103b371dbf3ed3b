import type { ChangeStep, LinkChange } from '../capture/change.js';
import type { Attribution } from '../context/attribution-value.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import type { Masks } from '../model/mask.js';

/** An object delta that is not stored yet. What it changes are the attributes that `before` or `after` has. */
export interface Draft {
  readonly type: string;
  readonly objectId: string;
  readonly action: ObjectAction;
  /** Without what is not known. */
  readonly before: JsonRecord;
  /** Without what went with the object. */
  readonly after: JsonRecord;
  /** Who changed an attribute, in order, where that is not just {@link attribution}; the last step set `after`. */
  readonly steps: ReadonlyMap<string, readonly ChangeStep[]>;
  readonly links: Readonly<Record<string, LinkChange>>;
  /** Who flushed. */
  readonly attribution: Attribution;
  readonly masked: Masks;
  /** A deletion that is not recorded if the history knows the object as deleted already. */
  readonly isDoubtful?: boolean;
}

export const NO_STEPS: Draft['steps'] = new Map();

export function changes({ before, after }: Draft, attribute: string): boolean {
  return attribute in after || attribute in before;
}

/** The attributes that a draft changes. */
export function attributesOf({ before, after }: Draft): string[] {
  return [...Object.keys(after), ...Object.keys(before).filter(name => !(name in after))];
}

/** Who changed an attribute of a draft, in order. */
export function stepsOf({ steps, attribution }: Draft, attribute: string): readonly ChangeStep[] {
  return steps.get(attribute) ?? [{ attribution }];
}

/** Whether steps say no more than that whoever flushed made the change. */
export function isJust(steps: readonly ChangeStep[], attribution: Attribution): boolean {
  const [step] = steps;
  return steps.length === 1 && step!.attribution === attribution && step!.value === undefined;
}
