import { defineCustomer } from '../support/customer.mjs';
import { openOrm } from './open-orm.mjs';

export const revyEntrant = {
  name: 'Revy',
  about: 'one prepared statement a transaction; old and new values, actor, description, keyframes',
  async open(url) {
    const { revy, RevisionContext, SystemActor } = await import('@revy/mikro-orm');
    const Customer = defineCustomer();
    const orm = await openOrm(url, { entities: [Customer], extensions: [revy()] });
    const frame = { actor: new SystemActor('bench'), revisionDescription: 'a benchmark' };
    return {
      orm,
      Customer,
      within: fn => RevisionContext.run(frame, fn),
      historyTables: ['revy_revision', 'revy_object_delta'],
      createSchema: () => orm.schema.create(),
    };
  },
};
