import type { EntityManager } from '@mikro-orm/core';
import { runtimeOf } from '../runtime.js';
import { conflictOf } from './conflict.js';
import { findObstacles } from './obstacles.js';
import { type PlaceChange, type Places, placesOf } from './place.js';
import { planObject } from './plan-object.js';
import { type Obstacle, obstaclesOf, PlannedDrafts } from './planned-draft.js';
import { type Present, readPresent, type Sought } from './present.js';
import { applyChoices, type Choose, type ConflictChoice, type OnConflict, stops } from './resolve.js';
import type { RevisionInTheWay } from './revert-plan.js';
import { readRevisions } from './revisions.query.js';
import type { Selection } from './selection.js';
import type { Telling } from './told-values.js';
import { objectKey, readTimelines, type TimelineEntry } from './timeline.js';

/** A plan with the entities that it is about. */
export interface PreparedPlan extends Telling {
  readonly drafts: PlannedDrafts;
  /** The revisions that are undone, wholly or in part. */
  readonly reverts: readonly number[];
  /** Whether a conflict stops it. */
  readonly isStopped: boolean;
}

/** One object to plan. */
interface Planning extends Sought {
  readonly places: Places;
}

/** Works out what undoing the selected deltas would do. A number of SELECTs that grows with the classes alone. */
export async function prepare(
  em: EntityManager,
  selection: Selection,
  onConflict: OnConflict,
  isLocking: boolean,
): Promise<PreparedPlan> {
  const read = async () => [...(await readTimelines(em, selection.deltas)).values()];
  let timelines = await read();
  const planned = () => timelines.flatMap(timeline => planningOf(em, timeline, selection) ?? []);
  const present = await readAll(em, planned(), isLocking);
  // whoever held the rows until now has committed its history with them
  if (isLocking) timelines = await read();
  const drafts = new PlannedDrafts(planned().map(one => planObject(one, one.places, present.get(keyOf(one)))));
  const revisions = new Map<number, RevisionInTheWay>();
  const telling: Telling = { revisions, maskWith: runtimeOf(em).entities.options.maskWith };
  const choices = new Map<Obstacle, ConflictChoice>();
  const choose = remembering(choices, onConflict, telling);
  await readRevisions(em, drafts.all.flatMap(obstaclesOf), revisions);
  applyChoices(drafts.all, choose);
  for (let known = -1; known < choices.size;) {
    known = choices.size;
    await findObstacles(em, drafts);
    applyChoices(drafts.all, choose);
  }
  const isStopped = drafts.all.flatMap(obstaclesOf).some(obstacle => stops(obstacle, choices.get(obstacle)!));
  const undone = timelines.flat().filter(entry => entry.isSelected);
  return { ...telling, drafts, isStopped, reverts: [...new Set(undone.map(entry => entry.revision))] };
}

function remembering(choices: Map<Obstacle, ConflictChoice>, onConflict: OnConflict, telling: Telling): Choose {
  return (obstacle, draft, value) => {
    const known = choices.get(obstacle);
    if (known) return known;
    const conflict = conflictOf(obstacle, telling, draft, value);
    const choice = typeof onConflict === 'function' ? onConflict(conflict) : onConflict;
    choices.set(obstacle, choice);
    return choice;
  };
}

/** Places that are not meant count as what others did. */
function planningOf(em: EntityManager, timeline: readonly TimelineEntry[], selection: Selection): Planning | undefined {
  const { type, objectId } = timeline[0]!;
  const tracked = runtimeOf(em).entities.ofType(type);
  if (!tracked?.isTracked) return undefined;
  const places = placesOf(timeline, new Set(tracked.collections.keys()));
  const isMeant = selection.includesObject(type, objectId);
  const attributes = [...places.attributes].filter(([name]) => selection.includes(type, objectId, name));
  const links = [...places.links].map(
    ([name, targets]) =>
      [name, new Map([...targets].filter(([target]) => selection.includes(type, objectId, name, target)))] as const,
  );
  return {
    tracked,
    type,
    objectId,
    collections: links.filter(([, targets]) => targets.size > 0).map(([name]) => name),
    places: {
      existence: isMeant ? places.existence : places.existence.map(unselected),
      attributes: new Map(attributes),
      links: new Map(links),
    },
  };
}

function unselected(change: PlaceChange): PlaceChange {
  return { ...change, entry: { ...change.entry, isSelected: false } };
}

/** Class by class in one order, so that two reverts wait for each other and do not deadlock. */
async function readAll(
  em: EntityManager,
  sought: readonly Sought[],
  isLocking: boolean,
): Promise<Map<string, Present>> {
  const present = new Map<string, Present>();
  const byClass = [...Map.groupBy(sought, ({ tracked }) => tracked)];
  for (const [tracked, ofClass] of byClass.toSorted(([a], [b]) => (a.type < b.type ? -1 : 1))) {
    for (const [objectId, one] of await readPresent(em, tracked, ofClass, isLocking)) {
      present.set(keyOf({ tracked, objectId }), one);
    }
  }
  return present;
}

function keyOf({ tracked, objectId }: Pick<Sought, 'tracked' | 'objectId'>): string {
  return objectKey(tracked.type, objectId);
}
