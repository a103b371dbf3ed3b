import type { Change } from '../capture/change.js';
import type { CascadeChanges } from './cascade-changes.js';
import { columnValues } from './found-row.js';
import { type ChangedLink, changedLinks } from './link-changes.js';
import type { LinkEnds } from './pivot-links.js';
import type { FollowingRow, KeyChangePlan } from './plan-key-change.js';
import type { RowReader } from './rows.query.js';

/** What is recorded of the rows that follow changed keys; of the rows whose keys are changed somebody else tells. */
export async function keyChanges(plan: KeyChangePlan, changes: CascadeChanges, reader: RowReader): Promise<Change[]> {
  const followers = [...plan.rows.values()].filter(row => row.edge && row.values.size > 0);
  const links = await changedLinks(followers.flatMap(relinked), new Map(), reader);
  return [
    ...followers.flatMap(({ found, values }) => changes.follow(found, values)),
    ...[...links.values()].map(owner => changes.links(owner.tracked, owner.id, owner.links)),
  ];
}

function relinked({ found, values, edge }: FollowingRow): ChangedLink[] {
  const isChanged = ({ ownerProp, targetProp }: LinkEnds) =>
    [ownerProp, targetProp].some(prop => prop.fieldNames.some(column => values.has(column)));
  return (edge?.links ?? []).filter(isChanged).map(ends => relinkedAt(ends, found.row, values));
}

/** A link belongs to its owner: where the owner's own key changes, one object loses it, and another gets it. */
function relinkedAt(
  ends: LinkEnds,
  row: FollowingRow['found']['row'],
  values: ReadonlyMap<string, unknown>,
): ChangedLink {
  const after = (prop: LinkEnds['ownerProp']) =>
    columnValues(row, prop).map((value, index) => values.get(prop.fieldNames[index]!) ?? value);
  const { ownerProp, targetProp } = ends;
  return {
    ends,
    owner: columnValues(row, ownerProp),
    ownerAfter: after(ownerProp),
    removed: columnValues(row, targetProp),
    added: after(targetProp),
  };
}
