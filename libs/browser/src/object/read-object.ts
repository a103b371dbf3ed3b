import type { MikroORM } from '@mikro-orm/core';
import {
  type AttributeBlame,
  type CollectionDiff,
  HistoryService,
  type Page,
  type Snapshot,
  SnapshotService,
  type TrackedType,
  trackedTypes,
  UnusableFilterError,
  type ValueDiff,
  type Version,
} from '@revy/mikro-orm';
import { NotInHistoryError } from '../browser.errors.js';
import { timeOf } from '../feed/feed-filter.js';

/** What is asked about one object. */
export interface ObjectQuestion {
  readonly type: string;
  readonly id: string;
  /** The version to show; without it, that of a time, or the latest. */
  readonly at: string | undefined;
  readonly when: string | undefined;
  /** Two versions to compare. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Where the list of versions goes on. */
  readonly after: string | undefined;
}

export type Blamed = Readonly<Record<string, AttributeBlame<unknown> | undefined>>;

export interface Comparison {
  readonly from: number;
  readonly to: number;
  readonly changed: Readonly<Record<string, ValueDiff<unknown> | CollectionDiff<object>>>;
  readonly unknown: readonly string[];
}

/** What is known of one object. */
export interface ObjectAnswer {
  readonly tracked: TrackedType;
  readonly versions: Page<Version<object>>;
  readonly latest: Version<object>;
  /** The version that is shown; `null` if there was none at the time. */
  readonly shown: Version<object> | null;
  readonly snapshot: Snapshot<object> | null;
  /** Who set what, if the latest version is shown. */
  readonly blame: Blamed | null;
  readonly comparison: Comparison | null;
}

/** A constant number of statements, however long the history is. */
export async function readObject(orm: MikroORM, question: ObjectQuestion, limit: number): Promise<ObjectAnswer> {
  const name = `${question.type} ${question.id}`;
  const [type, schema] = typeAndSchema(question.type);
  const em = orm.em.fork(schema === undefined ? {} : { schema });
  const tracked = trackedTypes(em).find(one => one.type === type);
  if (!tracked) throw new NotInHistoryError(name);
  const history = new HistoryService(em);
  const [entity, key] = [tracked.entity, keyOf(tracked, question.id, name)];
  const versions = await history.versions(entity, key, { order: 'desc', limit, after: question.after ?? null });
  const [latest] = question.after ? await history.versions(entity, key, { order: 'desc', limit: 1 }) : versions;
  if (!latest) throw new NotInHistoryError(name);
  const shown = await shownVersion(history, tracked, key, latest, question);
  const options = { includeDeleted: true } as const;
  const snapshot = shown && (await new SnapshotService(em).at(entity, key, { version: shown.number }, options));
  const blame = shown?.number === latest.number ? ((await history.blame(entity, key)) as Blamed | null) : null;
  const comparison = await compare(history, tracked, key, question);
  return { tracked, versions, latest, shown, snapshot, blame, comparison };
}

/** A stored type names the schema of its rows where that is not the class's own. */
function typeAndSchema(stored: string): [type: string, schema: string | undefined] {
  const at = stored.indexOf('@');
  return at < 0 ? [stored, undefined] : [stored.slice(0, at), stored.slice(at + 1)];
}

function keyOf(tracked: TrackedType, id: string, name: string): never {
  try {
    return tracked.keyOf(id);
  } catch {
    throw new NotInHistoryError(name); // a text that is no key of the class
  }
}

async function shownVersion(
  history: HistoryService,
  { entity }: TrackedType,
  key: never,
  latest: Version<object>,
  { at, when }: ObjectQuestion,
): Promise<Version<object> | null> {
  if (at) return history.versionAt(entity, key, { version: numberOf('at', at) });
  return when ? history.versionAt(entity, key, timeOf('when', when)) : latest;
}

async function compare(
  history: HistoryService,
  { entity }: TrackedType,
  key: never,
  question: ObjectQuestion,
): Promise<Comparison | null> {
  if (!question.from || !question.to) return null;
  const [from, to] = [numberOf('from', question.from), numberOf('to', question.to)];
  const diff = await history.diff(entity, key, { version: from }, { version: to });
  const changed = (diff?.changed ?? {}) as Comparison['changed'];
  return { from, to, changed, unknown: diff?.unknown ?? [] };
}

function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UnusableFilterError(name, text, 'the number of a version');
  return Number(text);
}
