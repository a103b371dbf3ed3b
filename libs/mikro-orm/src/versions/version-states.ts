import type { EntityManager } from '@mikro-orm/core';
import { type Statement, statement } from '../database/statement.js';
import { query } from '../history/query.js';
import type { Target } from '../history/target.js';
import type { ObjectAction } from '../model/action.js';
import type { JsonRecord } from '../model/json.js';
import { quoted, type TableNames } from '../model/tables.js';
import { runtimeOf } from '../runtime.js';
import { instanceOf, stateAt } from './object-state.js';

/** A version whose state is asked for, with the id of its delta. */
interface Asked {
  readonly number: number;
  readonly id: string;
}

interface Waiting<T> extends Asked {
  readonly resolve: (state: T | null) => void;
  readonly reject: (reason: unknown) => void;
}

interface DeltaRow {
  readonly id: string;
  readonly action: ObjectAction;
  readonly new_values: JsonRecord | null;
}

/**
 * States of the versions of one object. Those that are asked for in one tick are read together: the first of them as
 * any snapshot, the others by what the deltas since then have changed.
 */
export class VersionStates<T extends object> {
  #waiting: Waiting<T>[] = [];

  constructor(
    private readonly em: EntityManager,
    private readonly target: Target,
  ) {}

  of(version: Asked): Promise<T | null> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => void this.#settle());
      this.#waiting.push({ ...version, resolve, reject });
    });
  }

  async #settle(): Promise<void> {
    const waiting = this.#waiting.toSorted((a, b) => a.number - b.number);
    this.#waiting = [];
    try {
      const states = await this.#read(waiting);
      for (const { id, resolve } of waiting) {
        const values = states.get(id);
        resolve(values ? instanceOf<T>(this.em, this.target, values) : null);
      }
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }

  /** In stored form. At most three SELECTs for the first, and one for all the others. */
  async #read(versions: readonly Asked[]): Promise<Map<string, JsonRecord>> {
    const [first, last] = [versions[0]!, versions.at(-1)!];
    const state = await stateAt<T>(this.em, this.target, { version: first.number });
    const states = new Map(state ? [[first.id, state.values]] : []);
    if (!state || first.id === last.id) return states;
    let { values } = state;
    for (const { id, action, new_values: changed } of await this.#deltas(first.id, last.id)) {
      values = { ...(action === 'update' && values), ...this.target.tracked.names.toPresent(changed ?? {}) };
      if (versions.some(version => version.id === id)) states.set(id, values);
    }
    return states;
  }

  #deltas(after: string, until: string): Promise<DeltaRow[]> {
    const { type, objectId } = this.target;
    const select = deltasStatement(runtimeOf(this.em).tables);
    return query<DeltaRow>(this.em, select, [type, objectId, after, until]);
  }
}

/** Parameters: type, object id, the id behind which to begin, and the last one. */
function deltasStatement(tables: TableNames): Statement {
  return statement(`
select d.id, d.action, d.new_values from ${quoted(tables, 'objectDelta')} d
where d.object_type = $1 and d.object_id = $2 and d.id > $3::bigint and d.id <= $4::bigint
order by d.id`);
}
