import {
  type Collection,
  type Dictionary,
  type EntityManager,
  type EntityProperty,
  type MikroORM,
  ReferenceKind,
} from '@mikro-orm/core';
import {
  type Activity,
  type AttributeBlame,
  type CollectionDiff,
  HistoryService,
  type Page,
  SnapshotService,
  type TrackedType,
  UnusableFilterError,
  type ValueDiff,
  type Version,
} from '@revy/mikro-orm';
import { NotInHistoryError } from '../browser.errors.js';
import { timeOf } from '../feed/feed-filter.js';
import { findObject } from './find-object.js';

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

export type Links = Readonly<Record<string, readonly object[]>>;

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
  /** Its values then, and who had set them. */
  readonly blame: Blamed | null;
  /** What its many-to-many collections held then, where that is known. */
  readonly links: Links;
  readonly activity: Activity;
  readonly comparison: Comparison | null;
}

/** A constant number of statements, however long the history is. */
export async function readObject(orm: MikroORM, question: ObjectQuestion, limit: number): Promise<ObjectAnswer> {
  const name = `${question.type} ${question.id}`;
  const { em, tracked, key } = findObject(orm, question.type, question.id);
  const history = new HistoryService(em);
  const { entity } = tracked;
  const versions = await history.versions(entity, key, { order: 'desc', limit, after: question.after ?? null });
  const [latest] = question.after ? await history.versions(entity, key, { order: 'desc', limit: 1 }) : versions;
  if (!latest) throw new NotInHistoryError(name);
  const shown = await shownVersion(history, tracked, key, latest, question);
  const blame = shown && ((await history.blame(entity, key, { version: shown.number })) as Blamed | null);
  const links = await linksOf(em, tracked, key, shown);
  const comparison = await compare(history, tracked, key, question);
  const activity = await history.activity({ type: entity, keys: [key] });
  return { tracked, versions, latest, shown, blame, links, comparison, activity };
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

async function linksOf(
  em: EntityManager,
  { entity, attributes }: TrackedType,
  key: never,
  shown: Version<object> | null,
): Promise<Links> {
  const { relations } = em.getMetadata().get(entity);
  const isShown = ({ kind, name }: EntityProperty) => kind === ReferenceKind.MANY_TO_MANY && attributes.includes(name);
  const names = relations.filter(isShown).map(({ name }) => name);
  if (names.length === 0 || !shown || shown.isDeleted) return {};
  const version = { version: shown.number };
  const snapshot = await new SnapshotService(em).at(entity, key, version, { populate: names as never[] });
  const state = (snapshot?.entity ?? {}) as Dictionary<Collection<object> | undefined>;
  const known = names.filter(name => state[name]?.isInitialized());
  return Object.fromEntries(known.map(name => [name, state[name]!.getItems()]));
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
