import type { TrackedEntity } from '../tracking/tracked-entities.js';
import type { Period } from './period.js';

/** An object, under each of the classes that it may be recorded as, and when it belonged to the one asked for. */
export interface RelatedObject {
  readonly classes: readonly TrackedEntity[];
  readonly objectId: string;
  readonly periods: readonly Period[];
}

/** Classes of one table, or of tables joined by their key, share their ids. */
export function familyName({ meta }: TrackedEntity): string {
  return meta.root.tableName;
}
