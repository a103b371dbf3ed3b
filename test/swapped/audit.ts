import { Collection, defineEntity, p } from '@mikro-orm/core';
import { ObjectDelta, Revision } from '@revy/mikro-orm';

// A small application with a history of its own: who did it is a user, and each object belongs to a tenant.

export class Tenant {
  id!: number;
  name!: string;
}

export class User {
  id!: number;
  name!: string;
  revisions = new Collection<AuditRevision>(this);
}

export class Invoice {
  id!: number;
  number!: string;
  total!: string;
  tenant!: Tenant;
  tags = new Collection<Label>(this);
}

export class Label {
  id!: number;
  name!: string;
}

/** A revision that knows its user, and where the request came from. */
export class AuditRevision extends Revision {
  user!: User | null;
  ip!: string | null;
  priority!: number;
  weight!: string | null;
  seenAt!: Date | null;
  request!: Record<string, unknown> | null;
  labels!: string[] | null;
  digest!: Buffer | null;
  serial!: bigint | null;
}

/** A delta that knows its tenant. */
export class AuditDelta extends ObjectDelta {
  tenant!: Tenant | null;
  size!: number | null;
}

const id = () => p.integer().primary().autoincrement();

export const AUDITED = [
  defineEntity({ class: Tenant, properties: { id: id(), name: p.string() } }),
  defineEntity({
    class: User,
    properties: { id: id(), name: p.string(), revisions: () => p.oneToMany(AuditRevision).mappedBy('user') },
  }),
  defineEntity({ class: Label, properties: { id: id(), name: p.string() } }),
  defineEntity({
    class: Invoice,
    properties: {
      id: id(),
      number: p.string(),
      total: p.decimal('string').precision(10).scale(2),
      tenant: () => p.manyToOne(Tenant),
      tags: () => p.manyToMany(Label).owner(),
    },
  }),
];

export const AuditRevisionSchema = defineEntity({
  class: AuditRevision,
  tableName: 'audit_log',
  schema: 'audit',
  properties: {
    user: () => p.manyToOne(User).nullable(),
    ip: p.string().nullable(),
    priority: p.integer().default(5),
    weight: p.decimal('string').precision(20).scale(10).nullable(),
    seenAt: p.datetime(3).nullable(),
    request: p.json<Record<string, unknown>>().nullable(),
    labels: p.array().nullable(),
    digest: p.blob().nullable(),
    serial: p.bigint().nullable(),
  },
});

export const AuditDeltaSchema = defineEntity({
  class: AuditDelta,
  tableName: 'audited_object',
  schema: 'audit',
  properties: { tenant: () => p.manyToOne(Tenant).nullable(), size: p.integer().nullable() },
});
