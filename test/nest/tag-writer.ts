import { setTimeout as sleep } from 'node:timers/promises';
import { EntityManager } from '@mikro-orm/postgresql';
import { Injectable } from '@nestjs/common';
import { ActorRef, RevisionContext, SystemActor } from '@revy/mikro-orm';
import { Tag, User } from '../support/blog.js';
import type { TestOrm } from '../support/orm.js';

/** Who acts here, as text. */
export function actorNow(): string {
  const actor = RevisionContext.get('actor');
  if (actor instanceof User || SystemActor.is(actor)) return actor.name;
  return ActorRef.is(actor) ? `${actor.type}:${actor.id}` : 'nobody';
}

/** Makes a tag, which takes its time, so that calls that run at once get mixed up where they can. */
@Injectable()
export class TagWriter {
  constructor(private readonly em: EntityManager) {}

  async write(name: string): Promise<void> {
    await sleep(Math.random() * 5);
    const em = this.em.fork();
    em.create(Tag, { name });
    await sleep(Math.random() * 5);
    await em.flush();
  }
}

/** What was recorded of a tag. */
export interface Tagged {
  readonly name: string;
  readonly actor: string | null;
  readonly description: string | null;
}

/** Who made each tag and why, by name; read on a connection of its own. */
export async function tagged({ database }: TestOrm): Promise<Tagged[]> {
  const rows = await database.query<Tagged>(`
    select d.new_values ->> 'name' as name, r.actor_type || ':' || r.actor_id as actor, r.description
    from revy_object_delta d join revy_revision r on r.id = d.revision_id where d.object_type = 'Tag'`);
  return byName(rows);
}

export function byName<Named extends { readonly name: string }>(rows: readonly Named[]): Named[] {
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** As an actor is stored. */
export const by = (user: User): string => `User:${user.id}`;

export async function createUsers({ orm }: TestOrm, count: number): Promise<User[]> {
  const em = orm.em.fork();
  const users = Array.from({ length: count }, (_, i) => em.create(User, { name: `user-${i}` }));
  await em.flush();
  return users;
}

/** Waits for what happens some time. */
export async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await isDone()) return;
    await sleep(10);
  }
  throw new Error('it did not happen in 5 s');
}
