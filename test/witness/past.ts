import { expect } from '@jest/globals';
import { helper } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type Point, SnapshotService } from '@revy/mikro-orm';
import type { TestOrm } from '../support/orm.js';
import type { State } from '../support/table-shapes.js';
import type { Witness } from '../support/witness.js';
import { classOf, type Fields, nameOf, pick } from './known.js';
import { CLASSES } from './values.js';

/** As of one of the points between transactions, chosen by number: all tables, and the objects, are as they were. */
export async function expectPast({ orm, database }: TestOrm, witness: Witness, n: number): Promise<void> {
  const transactions = await witness.transactions();
  if (transactions.length === 0) return;
  const revisions = await database.query<{ id: number }>('select id::int from revy_revision order by id');
  const done = n % (transactions.length + 1);
  const point: Point = done === 0 ? { before: revisions[0]!.id } : { revision: revisions[done - 1]!.id };
  const state = done === 0 ? witness.base : transactions[done - 1]!.after;
  const snapshots = new SnapshotService(orm.em.fork());
  const found = await snapshots.asOf(point, async em => {
    const seen = await witness.seenBy(sql => em.execute(sql));
    expect(withoutMasked(seen)).toEqual(withoutMasked(state));
    const name = pick(CLASSES, n)!;
    const entities = await em.find(classOf(em, name), {}, { populate: name === 'Person' ? ['bio'] : [] } as never);
    return entities.map(entity => ({ of: classOf(em, nameOf(entity)), entity, stored: stored(em, entity) }));
  });
  for (const { of, entity, stored: then } of found) {
    const snapshot = await snapshots.at(of, helper(entity).getPrimaryKey() as never, point);
    expect(snapshot && stored(orm.em, snapshot.entity)).toEqual(then);
  }
}

/** Nobody knows what a mask has hidden. */
function withoutMasked(state: State): object {
  const shown = [...state].map(([object, { type, values, links }]) => {
    const { secret: _, ...seen } = values;
    return [object, { type, values: seen, links }];
  });
  return Object.fromEntries(shown) as object;
}

const WITHOUT_HISTORY = ['version', 'secret', 'note'];

/** What the ORM would store of an entity, without what has no history. */
function stored(em: EntityManager, entity: object): Fields {
  const values = Object.entries(em.getComparator().prepareEntity(entity));
  return Object.fromEntries(values.filter(([name]) => !WITHOUT_HISTORY.includes(name))) as Fields;
}
