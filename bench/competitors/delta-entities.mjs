import { ChangeSetType, defineEntity, p } from '@mikro-orm/core';
import { defineCustomer } from '../support/customer.mjs';
import { openOrm } from './open-orm.mjs';
import { attributeChanges } from './attribute-changes.mjs';

const Revision = defineEntity({
  name: 'Revision',
  tableName: 'revision',
  properties: {
    id: p.bigint().primary().autoincrement(),
    recordedAt: p.datetime().defaultRaw('clock_timestamp()'),
    description: p.text().nullable(),
    actor: p.text().nullable(),
  },
});

const ObjectDelta = defineEntity({
  name: 'ObjectDelta',
  tableName: 'object_delta',
  properties: {
    id: p.bigint().primary().autoincrement(),
    revision: () => p.manyToOne(Revision),
    action: p.text(),
    objectType: p.text(),
    objectId: p.text().nullable(),
  },
  indexes: [{ properties: ['objectType', 'objectId', 'id'] }],
});

const AttributeDelta = defineEntity({
  name: 'AttributeDelta',
  tableName: 'attribute_delta',
  properties: {
    id: p.bigint().primary().autoincrement(),
    objectDelta: () => p.manyToOne(ObjectDelta),
    attribute: p.text(),
    oldValue: p.text().nullable(),
    newValue: p.text().nullable(),
  },
  indexes: [{ properties: ['objectDelta'] }],
});

/** Adds the deltas to the unit of work that is being flushed. */
class DeltaEntitySubscriber {
  onFlush({ em, uow }) {
    // computeChangeSet() appends to the list that getChangeSets() returns.
    const changeSets = Array.from(uow.getChangeSets());
    if (changeSets.length === 0) return;
    const add = (entity, data) => {
      const created = em.create(entity, data, { persist: true });
      uow.computeChangeSet(created);
      return created;
    };
    const revision = add(Revision, { description: 'a benchmark', actor: 'bench' });
    for (const changeSet of changeSets) {
      const objectId = changeSet.type === ChangeSetType.CREATE ? null : String(changeSet.entity.id);
      const delta = add(ObjectDelta, {
        revision,
        action: changeSet.type,
        objectType: changeSet.meta.className,
        objectId,
      });
      Object.defineProperty(delta, 'recorded', { value: changeSet.entity });
      for (const attribute of attributeChanges(changeSet, uow))
        add(AttributeDelta, { objectDelta: delta, ...attribute });
    }
  }

  // A generated key is unknown in onFlush. Customers are inserted before their deltas, so here it is there.
  beforeCreate({ entity }) {
    if (entity.recorded) entity.objectId ??= String(entity.recorded.id);
  }
}

export const deltaEntities = {
  name: 'delta entities',
  about: 'Revision, ObjectDelta and AttributeDelta as entities of the same unit of work',
  isSlow: true,
  async open(url) {
    const Customer = defineCustomer();
    const orm = await openOrm(url, {
      entities: [Customer, Revision, ObjectDelta, AttributeDelta],
      subscribers: [new DeltaEntitySubscriber()],
    });
    return {
      orm,
      Customer,
      within: fn => fn(),
      historyTables: ['revision', 'object_delta', 'attribute_delta'],
      createSchema: () => orm.schema.create(),
    };
  },
};
