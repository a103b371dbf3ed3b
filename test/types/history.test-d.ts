import type { EntityManager } from '@mikro-orm/postgresql';
import { type Actor, AttributeDelta, type Json, ObjectDelta, Revision } from '@revy/mikro-orm';

declare const em: EntityManager;

// History is read as any other entity, with the names checked.
void em.find(AttributeDelta, { attribute: 'status', newValue: 'paid', action: 'set' });
void em.find(ObjectDelta, { objectType: 'Post', action: 'delete' }, { populate: ['revision'], orderBy: { id: 'asc' } });
void em.find(Revision, { actorType: 'User', recordedAt: { $gte: new Date() } });
// @ts-expect-error: no such name
void em.find(AttributeDelta, { field: 'status' });
// @ts-expect-error: an object is created, updated or deleted
void em.find(ObjectDelta, { action: 'set' });
// @ts-expect-error: an attribute is set or unset
void em.find(AttributeDelta, { action: 'update' });

// What is stored is JSON, and null is not the same as unknown.
const delta = await em.findOneOrFail(ObjectDelta, 1);
delta.oldValues satisfies Record<string, Json> | null;
delta.revision.description satisfies string | null;
// @ts-expect-error: a value may be null, so it is no string yet
delta.newValues?.title satisfies string;

const revision = await em.findOneOrFail(Revision, 1);
(await revision.actors) satisfies Actor[];
