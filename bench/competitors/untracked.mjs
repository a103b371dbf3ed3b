import { defineCustomer } from '../support/customer.mjs';
import { openOrm } from './open-orm.mjs';

export const untracked = {
  name: 'untracked',
  about: 'MikroORM alone: what everything is compared with',
  async open(url) {
    const Customer = defineCustomer();
    const orm = await openOrm(url, { entities: [Customer] });
    return { orm, Customer, within: fn => fn(), historyTables: [], createSchema: () => orm.schema.create() };
  },
};
