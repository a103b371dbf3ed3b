import type { EntityManager, UnitOfWork } from '@mikro-orm/core';
import type { AbstractSqlDriver } from '@mikro-orm/sql';
import type { Change } from '../capture/change.js';
import type { ConcreteClasses } from '../capture/concrete-class.js';
import { CascadeChanges } from '../cascade/cascade-changes.js';
import type { CascadeTools } from '../cascade/cascade-map.js';
import type { NamedRow } from '../cascade/found-row.js';
import { conditionKey } from '../model/stored-key.js';
import { changedLinks, type LinkOwner } from '../cascade/link-changes.js';
import { RowReader } from '../cascade/rows.query.js';
import type { DeletionRecording } from '../cascade/take-along.js';
import type { Attribution } from '../context/attribution-value.js';
import type { MovedLinks } from './moved-links.js';
import { placesIn } from './pivot-rows.js';
import type { IsRewritten } from './rewritten.js';

/** What writes rows without a change set: a flush, or a native call. */
export interface WriteScope {
  readonly tools: CascadeTools;
  readonly classes: ConcreteClasses;
  /** Absent where nothing is recorded; handlers do their work nevertheless. */
  readonly recording: ScopeRecording | undefined;
  readonly isRewritten: IsRewritten;
}

interface ScopeRecording {
  readonly attribution: Attribution;
  /** Whether somebody else tells of the deletion of a row, in a schema. */
  readonly isOwn: (row: NamedRow, schema: string | undefined) => boolean;
  readonly keep: (changes: readonly Change[]) => void;
}

/** How to record what happens on somebody's behalf, in a schema. */
export function recordingOf(
  by: Attribution,
  { tools, recording }: WriteScope,
  schema: string | undefined,
): DeletionRecording | undefined {
  return (
    recording && {
      changes: new CascadeChanges(tools.entities, by, schema),
      isOwn: row => recording.isOwn(row, schema),
      linksOfOwn: recording.keep,
      others: recording.keep,
    }
  );
}

/** Links that came and went in a schema, as changes of the objects that record them. */
export async function recordedLinks(
  links: MovedLinks,
  { tools, classes, recording, isRewritten }: WriteScope,
  schema: string | undefined,
): Promise<Change[]> {
  if (!recording || links.isEmpty) return [];
  const reader = new RowReader(tools, { isRecording: true, schema });
  const moved = links.changes(await placesIn(links, reader), isRewritten);
  const classOf = (owner: LinkOwner) => {
    const entity = loaded(owner, tools.em, schema);
    return entity && classes.toldOf(entity);
  };
  const byOwner = await changedLinks(moved, classOf, reader);
  const changes = new CascadeChanges(tools.entities, recording.attribution, schema);
  return [...byOwner.values()].map(owner => changes.links(owner.tracked, owner.id, owner.links));
}

export function driverOf(em: EntityManager): AbstractSqlDriver {
  return em.getDriver() as unknown as AbstractSqlDriver;
}

function loaded({ table, key }: LinkOwner, em: EntityManager, schema: string | undefined): object | undefined {
  const uow: UnitOfWork = em.getUnitOfWork(false);
  return uow.getById(table.class, conditionKey(key) as never, schema, true);
}
