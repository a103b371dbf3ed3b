import type { TestOrm } from '../support/orm.js';
import { ACTORS, GONE_ALONG } from './frames.js';
import type { Block, Script, Step, TransactionScript } from './script.js';

/** Who is said to have made a change, and why. */
interface Attributed {
  readonly object: string;
  readonly action: string;
  readonly actor: string;
  readonly description: string | null;
  /** The transaction of the script that the revision says it is of; none outside every frame. */
  readonly transaction: number | null;
}

const ATTRIBUTED = `
select c.object, c.action, coalesce(c.actor_type || ':' || c.actor_id, 'nobody') as actor, c.description,
  (r.metadata ->> 'transaction')::int as transaction
from (
  select revision_id, object_type || ':' || object_id as object, action, actor_type, actor_id, description
  from revy_object_delta
  union all
  select revision_id, object_type || ':' || object_id || '.' || attribute, action, actor_type, actor_id, description
  from revy_attribute_delta
) c join revy_revision r on r.id = c.revision_id`;

/** Changes that are credited to somebody who cannot have made them. */
export async function wrongActors({ database }: Pick<TestOrm, 'database'>, script: Script): Promise<Attributed[]> {
  const all = await database.query<Attributed>(ATTRIBUTED);
  return all.filter(change => !isPossible(change, script));
}

function isPossible(change: Attributed, { transactions }: Script): boolean {
  const { object, actor, description, transaction } = change;
  if (description === null) {
    return actor === 'nobody' && (followsKeys(object) || mayLackFrame(transaction, transactions));
  }
  if (description === GONE_ALONG) return actor === 'nobody' && goesAlong(change);
  const of = ACTORS.findIndex((_, number) => description === `by ${number}`);
  if (of < 0 || actor !== (ACTORS[of]?.stored ?? 'nobody')) return false;
  return transaction === null || until(transaction, transactions).some(drawn => actorsOf(drawn).includes(of));
}

/** What was assigned and never flushed may be flushed later, to the credit of whoever assigned it. */
function until(transaction: number, transactions: Script['transactions']): Script['transactions'] {
  return transactions.slice(0, transaction + 1);
}

function actorsOf({ actor, steps }: TransactionScript): (number | null)[] {
  return [actor, ...actorsIn(steps)];
}

/** A changed key takes along what refers to it, and nobody gave a reason for that. */
function followsKeys(object: string): boolean {
  return object.startsWith('City:');
}

/** Of a car that goes along with its driver, the vehicle stays; links end, and handlers set something else. */
function goesAlong({ action, object }: Attributed): boolean {
  if (object.startsWith('Vehicle:')) return true;
  return (action !== 'create' && action !== 'set') || /\.(labels|friends|label|project)$/.test(object);
}

function mayLackFrame(transaction: number | null, transactions: Script['transactions']): boolean {
  return transaction === null || until(transaction, transactions).some(({ actor }) => actor === null);
}

function actorsIn(steps: readonly (Step | Block)[]): number[] {
  return steps.flatMap(step =>
    'steps' in step ? [...(step.kind === 'frame' ? [step.actor] : []), ...actorsIn(step.steps)] : [],
  );
}
