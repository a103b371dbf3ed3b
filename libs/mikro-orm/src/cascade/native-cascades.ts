import type { EntityManager, EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { Change } from '../capture/change.js';
import { cascadedBy } from '../capture/read-changes.js';
import type { Attribution } from '../context/attribution-value.js';
import { CascadeChanges, followedBy } from './cascade-changes.js';
import type { CascadeMap } from './cascade-map.js';
import { columnValues, type FoundRow, rowId } from './found-row.js';
import { type FollowedKeys, keyChanges } from './key-changes.js';
import { NewForeignKeys } from './new-foreign-keys.js';
import { type FollowingRow, isSame, KeyChangePlan, planKeyChange } from './plan-key-change.js';
import { RowReader } from './rows.query.js';
import { tableOf } from './tables.js';
import { takeAlong } from './take-along.js';

type Key = readonly unknown[];

/** Rows of one class that a native call is about to delete, or to give other keys. They are locked already. */
interface NativeRows {
  readonly em: EntityManager;
  readonly ctx: object | undefined;
  readonly meta: EntityMetadata;
  /** Column values in the database's form; one inner array for each row. */
  readonly keys: readonly Key[];
  readonly schema: string | undefined;
}

interface Recording {
  readonly attribution: Attribution;
  /** Of more rows than this, values are read and recorded in parts. */
  readonly mostRows: number;
  readonly record: (changes: readonly Change[]) => Promise<void>;
}

/** What goes along with rows that are about to be deleted. */
interface GoneAlong {
  /** Links of the rows themselves, by object id. */
  readonly links: Map<string, Change['links']>;
  readonly isRecorded: boolean;
  /** Carries out what handlers say. */
  carryOut(): Promise<void>;
  /** What is to be recorded besides, once it has happened. */
  computed(): Promise<readonly Change[]>;
}

const NOTHING: GoneAlong = {
  links: new Map(),
  isRecorded: false,
  carryOut: async () => {},
  computed: async () => [],
};

type Followed = Omit<FollowedKeys, 'computed'>;

const NOTHING_FOLLOWED: Followed = { linksOfEnded: [], changes: [] };

/** What the database's rules, and the handlers in their place, do along with native calls. One for each ORM. */
export class NativeCascades {
  constructor(private readonly map: CascadeMap) {}

  /** Whether deleting rows of a class changes what is recorded in others. */
  takesAlong(meta: EntityMetadata): boolean {
    return this.map.leadsOn(meta, 'tracked');
  }

  /** Whether handlers have work to do where rows of a class are deleted. */
  isHandled(meta: EntityMetadata): boolean {
    return this.map.leadsOn(meta, 'handling');
  }

  /** Whether new values of these properties change what is recorded in rows that refer to them. */
  followsKeys(meta: EntityMetadata, properties: readonly string[]): boolean {
    return this.map.changesKeys(meta, name => properties.includes(name));
  }

  /**
   * Before rows are deleted: reads and records what goes along with them, in parts where it is much.
   *
   * @returns what is left to do: without a recording, handlers do their work all the same
   */
  async beforeDelete(
    { em, ctx, meta, keys, schema }: NativeRows,
    recording: Recording | undefined,
  ): Promise<GoneAlong> {
    const along = recording ? 'recording' : 'handling';
    if (keys.length === 0 || !this.map.leadsOn(meta, along)) return NOTHING;
    let isRecorded = false;
    const links: GoneAlong['links'] = new Map();
    const others = async (changes: readonly Change[]) => {
      isRecorded ||= changes.length > 0;
      await recording?.record(changes);
    };
    const doomed = { meta: tableOf(meta), from: tableOf(meta), keys, schema };
    const { carryOut, computed } = await takeAlong(
      doomed,
      this.map.tools(em, ctx, along),
      recording && {
        mostRows: recording.mostRows,
        changes: new CascadeChanges(this.map.entities, cascadedBy(recording.attribution), schema),
        // the plan itself knows which rows it was made for
        isOwn: () => false,
        linksOfOwn: changes => changes.forEach(change => links.set(change.objectId, change.links)),
        others,
      },
    );
    return { links, isRecorded, carryOut, computed };
  }

  /**
   * Before rows get other values in these properties: reads who refers to them.
   *
   * @returns what tells the changes once it has happened, from the keys that the rows have then, in the same order
   */
  async beforeKeyChange(
    { em, ctx, meta, keys, schema }: NativeRows,
    properties: readonly string[],
    attribution: Attribution,
  ): Promise<(keysAfter: readonly Key[]) => Promise<Followed>> {
    const tools = this.map.tools(em, ctx, 'keyChanges');
    const reader = new RowReader(tools, { isRecording: true, schema });
    const referred = tools.graph.referredProperties(tableOf(meta)).filter(prop => properties.includes(prop.name));
    const columns = referred.flatMap(prop => prop.fieldNames);
    const plan = new KeyChangePlan();
    const idOf = (key: Key) => rowId(meta, key, this.map.entities);
    const started = new Map<string, FollowingRow>();
    for (const row of await reader.byKey(tableOf(meta), keys, 'delete')) started.set(row.id, plan.start(row, columns));
    await planKeyChange(plan, tools.edges, reader, new NewForeignKeys(tools));
    return async keysAfter => {
      if (!plan.hasFollowers) return NOTHING_FOLLOWED;
      const after = new Map((await reader.byKey(tableOf(meta), keysAfter)).map(row => [row.id, row]));
      for (const [index, key] of keys.entries()) {
        const row = started.get(idOf(key));
        const now = after.get(idOf(keysAfter[index]!));
        if (row && now) plan.tell(row, changedValues(row.found, now, referred));
      }
      const changes = new CascadeChanges(this.map.entities, followedBy(attribution), schema);
      const followed = await keyChanges(plan, changes, reader);
      return { ...followed, changes: [...followed.changes, ...(await followed.computed())] };
    };
  }
}

function changedValues(before: FoundRow, after: FoundRow, props: readonly EntityProperty[]): Map<string, unknown> {
  const changed = new Map<string, unknown>();
  for (const prop of props) {
    const was = columnValues(before.row, prop);
    for (const [index, value] of columnValues(after.row, prop).entries()) {
      if (!isSame(was[index], value)) changed.set(prop.fieldNames[index]!, value);
    }
  }
  return changed;
}
