import { defineEntity, p } from '@mikro-orm/core';

/** A new definition for each entrant: two ORMs that share one would share its prototype, and with it Revy's setters. */
export function defineCustomer() {
  return defineEntity({
    name: 'Customer',
    tableName: 'customer',
    properties: {
      id: p.integer().primary().autoincrement(),
      name: p.string(),
      email: p.string(),
      phone: p.string(),
      street: p.string(),
      city: p.string(),
      country: p.string(),
      creditLimit: p.integer(),
      active: p.boolean(),
      createdAt: p.datetime(),
    },
  });
}

const createdAt = new Date('2026-01-01T12:00:00Z');

export function newCustomer(n) {
  return {
    name: `Customer Number ${n}`,
    email: `customer.${n}@example.com`,
    phone: `+49 30 ${100000 + n}`,
    street: `${n} Long Street`,
    city: `Town ${n}`,
    country: 'Germany',
    creditLimit: n,
    active: true,
    createdAt,
  };
}

/** Changes 3 of the 10 columns; another `n` gives other values. */
export function change(customer, n) {
  customer.street = `${n} Short Street`;
  customer.city = `City ${n}`;
  customer.creditLimit = n;
}
