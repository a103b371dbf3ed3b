import { type EntityManager, helper, type UnitOfWork, Utils } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { Change } from '../capture/change.js';
import { CascadeChanges } from '../cascade/cascade-changes.js';
import { conditionKey } from '../cascade/found-row.js';
import type { DeletionRecording } from '../cascade/deletion-changes.js';
import { changedLinks, type LinkOwner } from '../cascade/link-changes.js';
import { type CascadeTools, readerOf } from '../cascade/take-along.js';
import type { Attribution } from '../context/attribution-value.js';
import type { MovedLinks } from './moved-links.js';
import { placesIn } from './pivot-rows.js';
import type { IsRewritten } from './rewritten.js';

/** What writes rows without a change set: a flush, or a native call. */
export interface WriteScope {
  readonly tools: CascadeTools;
  /** Absent where nothing is recorded; handlers do their work nevertheless. */
  readonly recording: { readonly attribution: Attribution; readonly isOwn: DeletionRecording['isOwn'] } | undefined;
  readonly isRewritten: IsRewritten;
}

/** How to record what happens on somebody's behalf. */
export function recordingOf(by: Attribution, { tools, recording }: WriteScope): DeletionRecording | undefined {
  return recording && { changes: new CascadeChanges(tools.entities, by), isOwn: recording.isOwn };
}

/** Links that came and went, as changes of the objects that record them. */
export async function recordedLinks(
  links: MovedLinks,
  { tools, recording, isRewritten }: WriteScope,
): Promise<Change[]> {
  if (!recording || links.isEmpty) return [];
  const reader = readerOf(tools, { isRecording: true, schema: tools.em.schema });
  const moved = links.changes(await placesIn(links, reader), isRewritten);
  const byOwner = await changedLinks(moved, owner => classOf(owner, tools.em), reader);
  const changes = new CascadeChanges(tools.entities, recording.attribution);
  return [...byOwner.values()].map(owner => changes.links(owner.tracked, owner.id, owner.links));
}

export function driverOf(em: EntityManager): AbstractSqlDriver {
  return em.getDriver() as unknown as AbstractSqlDriver;
}

/** What is loaded says what class it is of; a reference does not. */
function classOf({ table, key }: LinkOwner, em: EntityManager): unknown {
  const uow: UnitOfWork = em.getUnitOfWork(false);
  const loaded = uow.getById(table.class, conditionKey(key) as never, em.schema, true);
  return Utils.isEntity(loaded) && helper(loaded).__initialized ? helper(loaded).__meta.class : undefined;
}
