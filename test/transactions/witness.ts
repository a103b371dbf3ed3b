import {
  BLOG_TABLES,
  forgetWitnessed,
  installWitness as installRowWitness,
  recorded as recordedRows,
  type RowChange,
  witnessed as witnessedRows,
  type WitnessedTable,
} from '../bypass/witness.js';
import type { TestOrm } from '../support/orm.js';

const TABLES: readonly WitnessedTable[] = [
  ...BLOG_TABLES,
  { table: 'tag', type: 'Tag', columns: { name: 'name' } },
  { table: 'comment', type: 'Comment', columns: { text: 'text', post_id: 'post' } },
];

/** Links that one transaction added to a post, and took away from it. */
interface LinkChange {
  readonly transaction: string;
  readonly object: string;
  readonly added: readonly number[];
  readonly removed: readonly number[];
}

/** What was changed, told by triggers or by the history: rows, and links of posts. */
export interface Account {
  readonly rows: readonly RowChange[];
  readonly links: readonly LinkChange[];
}

export async function installWitness(test: TestOrm): Promise<void> {
  await installRowWitness(test, TABLES);
  const { database } = test;
  await database.query(`create table witness_link (
    id bigint generated always as identity, transaction text, post int, tag int, is_added boolean)`);
  await database.query(`create function witness_link() returns trigger language plpgsql as $$ begin
    insert into witness_link (transaction, post, tag, is_added) values (pg_current_xact_id()::text,
      coalesce(new.post_id, old.post_id), coalesce(new.tag_id, old.tag_id), TG_OP = 'INSERT');
    return null; end $$`);
  await database.query(
    `create trigger witness after insert or delete on post_tags for each row execute function witness_link()`,
  );
}

export async function forget(test: TestOrm): Promise<void> {
  await test.forget();
  await forgetWitnessed(test);
  await test.database.query('truncate witness_link restart identity');
}

export async function witnessed(test: TestOrm): Promise<Account> {
  const rows = await witnessedRows(test, TABLES);
  const links = await test.database.query<LinkChange>(`
    with net as (
      select transaction, post, tag, sum(case when is_added then 1 else -1 end) as n
      from witness_link group by 1, 2, 3
    )
    select transaction, 'Post:' || post as object, coalesce(array_agg(tag order by tag) filter (where n > 0), '{}') as added,
      coalesce(array_agg(tag order by tag) filter (where n < 0), '{}') as removed
    from net where n <> 0 group by transaction, post order by transaction::bigint, post`);
  return { rows, links };
}

type Links = { readonly added: readonly number[]; readonly removed: readonly number[] };

export async function recorded(test: TestOrm): Promise<Account> {
  const rows: RowChange[] = [];
  const links: LinkChange[] = [];
  for (const row of await recordedRows(test)) {
    // the links of a deleted post stand with its deletion
    const { tags, ...values } = (row.new ?? row.old) as { tags?: Links };
    if (tags) {
      const sorted = { added: tags.added.toSorted((a, b) => a - b), removed: tags.removed.toSorted((a, b) => a - b) };
      links.push({ transaction: row.transaction, object: row.object, ...sorted });
    }
    const isLinkOnly = row.action === 'update' && Object.keys(values).length === 0;
    if (!isLinkOnly) rows.push(row.new ? { ...row, new: values } : { ...row, old: values });
  }
  return { rows, links };
}
