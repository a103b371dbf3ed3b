import type { EntityManager } from '@mikro-orm/core';
import type { Actor } from '../../context/actor.js';
import { runtimeOf } from '../../runtime.js';
import { storedActor } from '../../tracking/stored-actor.js';
import type { TextFilter } from './history-filter.js';
import { allOf, type Sql, sql } from './sql.js';
import { textTest } from './text-test.js';

/** One attribute as somebody set it: by an object delta, or by one of several steps in it. SQL expressions. */
export interface Step {
  /** Of type `jsonb`: null is JSON's, and SQL's null is unknown. */
  readonly oldValue: Sql;
  readonly newValue: Sql;
  /** The same, with null for what a create found and a deletion left. */
  readonly oldValueOrNull: Sql;
  readonly newValueOrNull: Sql;
  readonly actorType: Sql;
  readonly actorId: Sql;
  readonly description: Sql;
}

/** Whether a delta changed an attribute. */
export function isChanged(delta: Sql, key: string): Sql {
  return sql`case ${delta}.action
    when 'update' then ${delta}.new_values -> ${key} is not null
    when 'create' then ${delta}.new_values -> ${key} <> 'null'
    else ${delta}.old_values -> ${key} <> 'null' end`;
}

/**
 * Whether one of those who set an attribute in a delta did it so; the test is asked twice. `case` keeps the subquery from
 * running for the many deltas that one actor made.
 */
export function someStep(delta: Sql, key: string, test: (step: Step) => Sql): Sql {
  const steps = sql`${delta}.attributions -> ${key}`;
  return sql`case when ${steps} is null then ${test(wholeStep(delta, key))} else exists (
    select from jsonb_array_elements(${steps}) with ordinality s(step, position)
    where ${test(oneOfSteps(delta, key, steps))}) end`;
}

function wholeStep(delta: Sql, key: string): Step {
  const oldValue = sql`${delta}.old_values -> ${key}`;
  const newValue = sql`${delta}.new_values -> ${key}`;
  return {
    oldValue,
    newValue,
    oldValueOrNull: sql`case ${delta}.action when 'create' then 'null' else ${oldValue} end`,
    newValueOrNull: sql`case ${delta}.action when 'delete' then 'null' else ${newValue} end`,
    actorType: sql`${delta}.actor_type`,
    actorId: sql`${delta}.actor_id`,
    description: sql`${delta}.description`,
  };
}

/** Each step but the last has the value that it set; the last one set what the delta says. */
function oneOfSteps(delta: Sql, key: string, steps: Sql): Step {
  const whole = wholeStep(delta, key);
  const before = sql`case when s.position > 1 then ${steps} -> s.position::int - 2 -> 'value'`;
  const own = sql`s.step -> 'value'`;
  return {
    oldValue: sql`${before} else ${whole.oldValue} end`,
    newValue: sql`coalesce(${own}, ${whole.newValue})`,
    oldValueOrNull: sql`${before} else ${whole.oldValueOrNull} end`,
    newValueOrNull: sql`coalesce(${own}, ${whole.newValueOrNull})`,
    actorType: sql`s.step ->> 'actorType'`,
    actorId: sql`s.step ->> 'actorId'`,
    description: sql`s.step ->> 'description'`,
  };
}

export interface AttributionFilter {
  readonly actor?: Actor;
  readonly description?: TextFilter;
}

/** Whether a step was made by somebody, and for a reason. */
export function attributionTest(em: EntityManager, step: Step, { actor, description }: AttributionFilter): Sql {
  const tests: Sql[] = [];
  if (actor !== undefined) tests.push(actorTest(em, step, actor));
  if (description !== undefined) tests.push(textTest(step.description, description));
  return allOf(tests);
}

export function actorTest(em: EntityManager, step: Pick<Step, 'actorType' | 'actorId'>, actor: Actor): Sql {
  const { actorType, actorId } = storedActor(actor, runtimeOf(em).entities);
  // for what may be null on both sides, PostgreSQL would not know how few rows that leaves
  if (actorType === null) return sql`(${step.actorType} is null and ${step.actorId} is null)`;
  return sql`(${step.actorType} = ${actorType} and ${step.actorId} = ${actorId})`;
}
