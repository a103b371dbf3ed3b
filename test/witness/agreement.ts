import { expect } from '@jest/globals';
import type { TestOrm } from '../support/orm.js';
import type { State } from '../support/table-shapes.js';
import type { Witness } from '../support/witness.js';
import { fold, STORED_DELTAS, type StoredDelta, wrongVersions } from './fold.js';

/**
 * What holds of every history, however the work went: triggers and deltas tell the same of each transaction, the deltas
 * make the live tables of what there was before, versions have no gaps, and each transaction that changed anything has
 * one revision.
 */
export async function expectAgreement({ database }: Pick<TestOrm, 'database'>, witness: Witness): Promise<void> {
  const witnessed = await witness.witnessed();
  expect(await witness.recorded()).toEqual(witnessed);
  const deltas = await database.query<StoredDelta>(STORED_DELTAS);
  expect(wrongVersions(deltas)).toEqual([]);
  expect(fold(shown(witness.base), deltas)).toEqual(shown(await witness.live()));
  const revisions = await database.query<{ transaction: string }>(
    'select transaction_id::text as transaction from revy_revision order by id',
  );
  expect(revisions.map(({ transaction }) => transaction)).toEqual([...witnessed.keys()]);
}

function shown(state: State): State {
  return new Map([...state].map(([object, { type, values, links }]) => [object, { type, values, links }]));
}
