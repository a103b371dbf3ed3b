import type { Change } from '../capture/change.js';
import type { CascadeChanges } from './cascade-changes.js';
import { computedChanges } from './computed-changes.js';
import { identityOf, keyAfter, rowId } from './found-row.js';
import { type ChangedLinks, changedLinks } from './link-changes.js';
import type { FollowingRow, KeyChangePlan } from './plan-key-change.js';
import { relinked } from './relinked.js';
import type { RowReader } from './rows.query.js';

/** What changes along with keys, and what is to be asked once it has. */
export interface FollowedKeys {
  /** Links of objects that end because their own key is another one now; they stand before that end. */
  readonly linksOfEnded: readonly Change[];
  readonly changes: readonly Change[];
  readonly computed: () => Promise<readonly Change[]>;
}

/** What is recorded of the rows that follow changed keys; of the rows whose keys are changed somebody else tells. */
export async function keyChanges(
  plan: KeyChangePlan,
  changes: CascadeChanges,
  reader: RowReader,
): Promise<FollowedKeys> {
  const rows = [...plan.rows.values()];
  const followers = rows.filter(row => row.edge && row.values.size > 0);
  const known = classesOf(rows, reader);
  const linksOf = async (links: readonly ChangedLinks[]) => {
    const owners = [...(await changedLinks(links, ({ identity }) => known.get(identity), reader)).values()];
    return owners.map(owner => changes.links(owner.tracked, owner.id, owner.links));
  };
  const links = relinked(followers);
  const followed = followers.flatMap(({ found, values }) => changes.follow(found, values));
  return {
    linksOfEnded: await linksOf(links.ended),
    changes: [...followed, ...(await linksOf(links.changed))],
    computed: () =>
      computedChanges(
        followers.map(row => row.found),
        reader,
        changes,
      ),
  };
}

/** The classes of objects under their old and new keys: under a new one nobody can ask for them yet. */
function classesOf(rows: readonly FollowingRow[], { entities }: RowReader): ReadonlyMap<string, unknown> {
  const classes = new Map<string, unknown>();
  for (const { found, values } of rows) {
    const { meta, row } = found;
    const idAfter = rowId(meta, keyAfter(meta, row, values), entities);
    for (const id of [found.id, idAfter]) classes.set(identityOf(meta, id), meta.class);
  }
  return classes;
}
