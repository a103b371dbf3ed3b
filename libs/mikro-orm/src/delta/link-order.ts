import type { LinkChange, LinkOrder } from '../capture/change.js';
import type { Json } from '../model/json.js';

/** Whether anything is different: a target, or the place of one. */
export function changesLinks(link: LinkChange): boolean {
  return link.added.length + link.removed.length > 0 || movesLinks(link);
}

/** Whether targets stand otherwise than they do by themselves: what stays keeps its order, and what is added comes last. */
export function movesLinks({ added, removed, order }: LinkChange): boolean {
  if (!order) return false;
  const staying = without(order.before ?? [], removed);
  return textOf(order.last) !== textOf([...staying, ...added]);
}

/** The order after one change and then another. */
export function mergeOrder(first: LinkChange, second: LinkChange): LinkOrder | undefined {
  if (!first.order && !second.order) return undefined;
  const last = second.order?.last ?? [];
  const stayed = without(first.order?.last ?? [], [...last, ...second.removed]);
  return { last: [...stayed, ...last], before: orderBefore(first, second) };
}

/** A change that makes all links anew tells how they stood; one that removes or moves some of them does not. */
function orderBefore(first: LinkChange, second: LinkChange): readonly Json[] | undefined {
  const told = first.order?.before;
  if (told?.length || !second.order) return told;
  const isKnown = first.removed.length === 0 && !movesLinks(first) && second.order.before;
  return isKnown ? without(isKnown, first.added) : undefined;
}

function without(keys: readonly Json[], others: readonly Json[]): Json[] {
  const gone = new Set(others.map(textOf));
  return keys.filter(key => !gone.has(textOf(key)));
}

function textOf(value: Json | readonly Json[]): string {
  return JSON.stringify(value);
}
