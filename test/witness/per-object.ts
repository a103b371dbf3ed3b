import type { Columns, Rows } from '../support/table-shapes.js';
import { differences, type ObjectChange, type RowChange, type Witness } from '../support/witness.js';

/** What one transaction did to one object. */
export interface Step extends ObjectChange {
  readonly transaction: string;
}

/**
 * What happened to each person, in the order in which it happened to that person: all that tells of transactions that run
 * at the same time. Whoever changes the links of a person holds the lock of the person's row.
 */
export async function witnessedSteps(witness: Witness, before: Rows): Promise<Map<string, Step[]>> {
  const changes = await witness.rowChanges();
  const ofPerson = Map.groupBy(changes, change => personOf(change));
  const told = [...ofPerson].map(([id, all]) => [`Person:${id}`, steps(witness, before, id, all)] as const);
  return new Map(told);
}

function personOf({ table, old, new: now }: RowChange): string {
  const row = (now ?? old)!;
  return String(table === 'person' ? row['id'] : row['person_id']);
}

function steps(witness: Witness, before: Rows, id: string, changes: readonly RowChange[]): Step[] {
  const { shapes } = witness;
  const rows = new Map<string, Map<string, Columns>>([
    ['person', new Map([...before.get('person')!].filter(([key]) => key === id))],
    ['person_labels', new Map([...before.get('person_labels')!].filter(([, row]) => String(row['person_id']) === id))],
  ]);
  const seen: Step[] = [];
  for (const [transaction, all] of Map.groupBy(changes, change => change.transaction)) {
    const were = shapes.state(rows);
    for (const { table, old, new: now } of all) {
      if (old) rows.get(table)!.delete(shapes.key(table, old));
      if (now) rows.get(table)!.set(shapes.key(table, now), now);
    }
    seen.push(...differences(were, shapes.state(rows)).map(change => ({ transaction, ...change })));
  }
  return seen;
}

/** What was recorded of each object, in the order of the deltas. */
export async function recordedSteps(witness: Witness): Promise<Map<string, Step[]>> {
  return Map.groupBy(await witness.deltas(), delta => delta.object);
}
