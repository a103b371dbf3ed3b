import { defineEntity, p } from '@mikro-orm/core';
import { openOrm } from '../competitors/open-orm.mjs';
import { createDatabase, query } from './server.mjs';

/** Entities with what a row of customers does not have: children, links, embedded objects. New ones for each ORM. */
function defineShop() {
  const id = () => p.integer().primary().autoincrement();
  const Address = defineEntity({
    name: 'Address',
    embeddable: true,
    properties: { street: p.string(), city: p.string(), country: p.string() },
  });
  const Tag = defineEntity({ name: 'Tag', properties: { id: id(), name: p.string() } });
  const Order = defineEntity({
    name: 'Order',
    properties: {
      id: id(),
      note: p.string(),
      amount: p.integer(),
      billing: () => p.embedded(Address),
      shipping: () => p.embedded(Address).object(),
      tags: () => p.manyToMany(Tag).owner(),
    },
  });
  const Line = defineEntity({
    name: 'Line',
    properties: {
      id: id(),
      article: p.string(),
      amount: p.integer(),
      order: () => p.manyToOne(Order).deleteRule('cascade'),
    },
  });
  return { Address, Tag, Order, Line };
}

/** The same shop in two databases: one tracked, one not. `fn` gets the untracked one first. */
export async function withShops({ serverUrl }, fn) {
  const { revy, RevisionContext, SystemActor } = await import('@revy/mikro-orm');
  const frame = { actor: new SystemActor('bench'), revisionDescription: 'a benchmark' };
  const open = [];
  try {
    for (const { name, extensions } of [
      { name: 'untracked', extensions: [] },
      { name: 'Revy', extensions: [revy()] },
    ]) {
      const database = await createDatabase(serverUrl, `shop ${name}`);
      const entities = defineShop();
      const orm = await openOrm(database.url, { entities: Object.values(entities), extensions });
      await orm.schema.create();
      const within = extensions.length > 0 ? work => RevisionContext.run(frame, work) : work => work();
      open.push({ name, database, orm, within, ...entities });
    }
    return await fn(open);
  } finally {
    for (const { orm, database } of open) {
      await orm.close();
      await database.drop();
    }
  }
}

export const address = n => ({ street: `${n} Long Street`, city: `Town ${n}`, country: 'Germany' });

export const tidyShop = ({ database }) => query(database.url, 'vacuum analyze');
