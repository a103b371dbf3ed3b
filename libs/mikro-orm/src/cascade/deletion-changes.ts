import type { Change } from '../capture/change.js';
import type { TrackedEntity } from '../tracking/tracked-entities.js';
import { type FoundRow, identityOf, keyValues } from './found-row.js';
import { changedLinks, knownRows, type OwnerLinks } from './link-changes.js';
import type { NewForeignKeys } from './new-foreign-keys.js';
import type { DeletionPlan, LostRow } from './plan-deletion.js';
import type { RowReader } from './rows.query.js';
import { tablesOf } from './tables.js';
import type { DeletionRecording } from './take-along.js';

type Naming = Pick<DeletionRecording, 'changes' | 'isOwn'>;

type Links = OwnerLinks['links'];

/** Links that go with a plan, by who tells of the object that owns them. */
export interface PlannedLinks {
  readonly ofStaying: Change[];
  /** Of objects of whose deletion somebody else tells. */
  readonly ofOwn: Change[];
  /** Of objects that go along, by identity: their deletion stores them. */
  readonly ofGoing: ReadonlyMap<string, Links>;
}

export async function plannedLinks(
  plan: DeletionPlan,
  reader: RowReader,
  { changes, isOwn }: Naming,
): Promise<PlannedLinks> {
  const ofStaying: Change[] = [];
  const ofOwn: Change[] = [];
  const ofGoing = new Map<string, Links>();
  const byOwner = await changedLinks(plan.links.values(), knownRows(plan.lost), reader);
  for (const [identity, { tracked, id, links }] of byOwner) {
    if (isOwn({ meta: tracked.meta, id }) || plan.lost.get(identity)?.level === 0)
      ofOwn.push(changes.links(tracked, id, links));
    else if (plan.lost.has(identity)) ofGoing.set(identity, links);
    else ofStaying.push(changes.links(tracked, id, links));
  }
  return { ofStaying, ofOwn, ofGoing };
}

/** What else is recorded of a plan; nothing of the rows that are deleted by themselves, which somebody else tells of. */
export async function* deletionChanges(
  plan: DeletionPlan,
  values: NewForeignKeys,
  reader: RowReader,
  links: PlannedLinks['ofGoing'],
  recording: Naming & Pick<DeletionRecording, 'mostRows'>,
): AsyncGenerator<readonly Change[]> {
  const { changes, isOwn, mostRows } = recording;
  const changed = plan.changed.filter(row => !plan.lost.has(identityOf(row.meta, row.id)) && !isOwn(row));
  for (const part of inParts(changed, mostRows)) {
    yield part.flatMap(({ edge, ...found }) => {
      const newKey = values.of(edge);
      return changes.update(found, new Map(edge.columns.own.map((column, index) => [column, newKey[index]]))) ?? [];
    });
  }
  const lost = [...plan.lost.values()].filter(row => row.level > 0 && !isOwn(row));
  for (const part of inParts(lost, mostRows)) {
    const rows = await wholeRows(part, reader);
    yield rows.flatMap(row => {
      const survivor = survivorOf(row, reader);
      const deletion = changes.deletion(row, links.get(identityOf(row.meta, row.id)));
      return [deletion ?? [], survivor ? changes.remainder(survivor, row) : []].flat();
    });
  }
}

function inParts<Item>(items: readonly Item[], most = Infinity): (readonly Item[])[] {
  if (items.length <= most) return [items];
  const parts: Item[][] = [];
  for (let start = 0; start < items.length; start += most) parts.push(items.slice(start, start + most));
  return parts;
}

/** Rows of which only the keys have been read, because they were many, are read now: one query for each class. */
async function wholeRows(rows: readonly LostRow[], reader: RowReader): Promise<readonly LostRow[]> {
  const unread = rows.filter(row => !row.isWhole && reader.entities.tracked(row.meta.class));
  if (unread.length === 0) return rows;
  const read = new Map<string, FoundRow['row']>();
  for (const [meta, ofClass] of Map.groupBy(unread, row => row.meta)) {
    const keys = ofClass.map(({ row }) => keyValues(meta, row));
    for (const { id, row } of await reader.whole(meta, keys)) read.set(identityOf(meta, id), row);
  }
  return rows.map(lost => ({ ...lost, row: read.get(identityOf(lost.meta, lost.id)) ?? lost.row }));
}

/** In table-per-type inheritance a rule on a subclass's table leaves the row of the class above it. */
function survivorOf({ meta, tables }: LostRow, { entities }: RowReader): TrackedEntity | undefined {
  const left = tablesOf(meta).find(table => !tables.has(table._id));
  return left && !left.abstract ? entities.tracked(left.class) : undefined;
}
