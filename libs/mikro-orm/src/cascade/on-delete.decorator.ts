import { mark, type TrackingDecorator } from '../tracking/tracked.decorator.js';
import type { OnDeleteHandler } from './on-delete.js';

/**
 * Says on an owning relation what becomes of its row when the other end is deleted, where the database has no rule:
 * `@OnDelete(SET(() => sentinel))`. The same as `revy: { onDelete }`; works with legacy and with ES decorators.
 */
export function OnDelete(handler: OnDeleteHandler): TrackingDecorator {
  return mark({ onDelete: handler });
}
