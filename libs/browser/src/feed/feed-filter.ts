import type { EntityManager, EntityProperty } from '@mikro-orm/core';
import {
  type Actor,
  ActorRef,
  type DeltaFilter,
  type ObjectAction,
  type RevisionFilter,
  SystemActor,
  type TrackedType,
  UnusableFilterError,
} from '@revy/mikro-orm';

/** What the form of the feed asks for, as it was typed. */
export const FEED_FIELDS = ['type', 'action', 'actor', 'attribute', 'value', 'since', 'until'] as const;

export type FeedField = (typeof FEED_FIELDS)[number];

export type FeedFields = Readonly<Partial<Record<FeedField, string>>>;

const ACTIONS: readonly string[] = ['create', 'update', 'delete'] satisfies ObjectAction[];

/** An empty field of a form asks for nothing. */
export function feedFields(query: ReadonlyMap<string, string>): FeedFields {
  const given = FEED_FIELDS.map(name => [name, query.get(name)?.trim()] as const);
  return Object.fromEntries(given.filter(([, value]) => value));
}

/**
 * What is typed, as the history is asked for revisions.
 *
 * @throws {UnusableFilterError} if a field has a value that it cannot take
 */
export function revisionFilter(
  em: EntityManager,
  types: readonly TrackedType[],
  fields: FeedFields,
): RevisionFilter<object> {
  const { objectType, ...filter } = historyFilter(em, types, fields);
  return { ...filter, ...(objectType !== undefined && { where: { objectDeltas: { $some: { objectType } } } }) };
}

/** The same, for deltas. */
export function deltaFilter(em: EntityManager, types: readonly TrackedType[], fields: FeedFields): DeltaFilter<object> {
  const { objectType, ...filter } = historyFilter(em, types, fields);
  return { ...filter, ...(objectType !== undefined && { where: { objectType } }) };
}

type SharedFilter = Omit<RevisionFilter<object>, 'where'> & {
  /** A class that is no more, or lies in a schema that its type names; what is recorded of it is there all the same. */
  readonly objectType?: string;
};

function historyFilter(em: EntityManager, types: readonly TrackedType[], fields: FeedFields): SharedFilter {
  const { type, action, actor, since, until } = fields;
  if (action !== undefined && !ACTIONS.includes(action)) {
    throw new UnusableFilterError('action', action, `one of ${ACTIONS.join(', ')}`);
  }
  const tracked = type === undefined ? undefined : types.find(one => one.type === type);
  return {
    ...(type !== undefined && (tracked ? { type: tracked.entity } : { objectType: type })),
    ...(action !== undefined && { action: action as ObjectAction }),
    ...(actor !== undefined && { involving: actorOf(actor) }),
    ...changedFilter(em, tracked, fields),
    ...(since !== undefined && { since: timeOf('since', since) }),
    ...(until !== undefined && { until: timeOf('until', until) }),
  };
}

function changedFilter(em: EntityManager, tracked: TrackedType | undefined, { attribute, value }: FeedFields): object {
  if (attribute === undefined) {
    if (value === undefined) return {};
    throw new UnusableFilterError('value', value, 'it with an attribute, whose value it is');
  }
  if (!tracked) throw new UnusableFilterError('attribute', attribute, 'it with a type, whose attribute it is');
  if (value === undefined) return { changed: attribute };
  const prop = em.getMetadata().get(tracked.entity).properties[attribute as never] as EntityProperty | undefined;
  return { changed: { [attribute]: { to: typedValue(prop, value) } } };
}

/** What a value is as text depends on the attribute; what it cannot be, the history refuses. */
function typedValue(prop: EntityProperty | undefined, text: string): unknown {
  if (text === 'null') return null;
  const type = prop?.targetMeta ? prop.targetMeta.getPrimaryProp().runtimeType : prop?.runtimeType;
  switch (type) {
    case 'number':
      return parsed(text, 'a number', /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i, Number);
    case 'boolean':
      return parsed(text, 'true or false', /^(true|false)$/, () => text === 'true');
    case 'bigint':
      return parsed(text, 'a whole number', /^-?\d+$/, BigInt);
    case 'Date':
      return timeOf('value', text);
    default:
      return text;
  }
}

function parsed<T>(text: string, expected: string, form: RegExp, parse: (text: string) => T): T {
  if (!form.test(text)) throw new UnusableFilterError('value', text, `${expected}, or null`);
  return parse(text);
}

/** `User:1` is an entity, `system:importer` a named system, `system` the system. */
export function actorOf(text: string): Actor {
  const at = text.indexOf(':');
  if (at < 0 && text === 'system') return null;
  if (at < 1 || at === text.length - 1) {
    throw new UnusableFilterError('actor', text, 'a type and an id, such as "User:1", or "system"');
  }
  const [type, id] = [text.slice(0, at), text.slice(at + 1)];
  return type === 'system' ? new SystemActor(id) : new ActorRef(type, id);
}

/** Forms have no time zone, and pages show UTC. */
export function timeOf(name: string, text: string): Date {
  const isZoned = /(z|[+-]\d\d:?\d\d)$/i.test(text);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const time = new Date(isZoned || isDay ? text : `${text}Z`);
  if (Number.isNaN(time.getTime())) {
    throw new UnusableFilterError(name, text, 'a time in UTC, such as "2026-01-31T12:00"');
  }
  return time;
}
