import { ReferenceKind } from '@mikro-orm/core';
import type { Change, LinkChange } from '../capture/change.js';
import type { Attribution } from '../context/attribution-value.js';
import type { Json, JsonRecord } from '../model/json.js';
import { keyColumns } from '../model/stored-key.js';
import {
  type TrackedAttribute,
  type TrackedEntities,
  type TrackedEntity,
  valueInRow,
} from '../tracking/tracked-entities.js';
import { columnValues, type FoundRow, keyAfter, type Row, rowId } from './found-row.js';

/** Column values that a row gets, by column. */
export type NewValues = ReadonlyMap<string, unknown>;

const NOTHING = { before: {}, after: {}, links: {}, steps: new Map() } as const;

/** Turns rows that the database, or a handler, changes into changes like those that a flush makes. */
export class CascadeChanges {
  constructor(
    private readonly entities: TrackedEntities,
    private readonly attribution: Attribution,
    /** Where the rows are whose table has no schema of its own. */
    private readonly schema: string | undefined,
  ) {}

  deletion({ meta, id, row }: FoundRow, links: Change['links'] = {}): Change | undefined {
    const tracked = this.entities.tracked(meta.class);
    return tracked && { ...this.#about(tracked, id), action: 'delete', before: valuesOf(row, tracked), links };
  }

  creation({ meta, id, row }: FoundRow): Change | undefined {
    const tracked = this.entities.tracked(meta.class);
    return tracked && { ...this.#about(tracked, id), action: 'create', after: valuesOf(row, tracked) };
  }

  /** What is left of an object that lost the tables of its class, and not those of a class above it. */
  remainder(tracked: TrackedEntity, { id, row }: FoundRow): Change {
    return { ...this.#about(tracked, id), action: 'create', after: valuesOf(row, tracked) };
  }

  update({ meta, id, row }: FoundRow, values: NewValues): Change | undefined {
    const tracked = this.entities.tracked(meta.class);
    const before: JsonRecord = {};
    const after: JsonRecord = {};
    for (const attribute of tracked?.attributes.values() ?? []) {
      if (!attribute.prop.fieldNames?.some(column => values.has(column))) continue;
      before[attribute.name] = attribute.codec.encodeRow(row[attribute.name]);
      after[attribute.name] = valueAfter(attribute, row, values);
    }
    if (!tracked || Object.keys(after).length === 0) return undefined;
    return { ...this.#about(tracked, id), action: 'update', before, after };
  }

  /**
   * What becomes of a row whose foreign key follows another key. Under another key of its own it is another object: the
   * old one ends there, and the new one begins with all of its values.
   */
  follow(found: FoundRow, values: NewValues): Change[] {
    const { meta, id, row } = found;
    const idAfter = rowId(meta, keyAfter(meta, row, values), this.entities);
    const changed = this.update(found, values);
    if (idAfter === id) return changed ? [changed] : [];
    const deleted = this.deletion(found);
    const after = { ...deleted?.before, ...changed?.after };
    return deleted ? [deleted, { ...deleted, objectId: idAfter, action: 'create', before: {}, after }] : [];
  }

  /** What the database has computed anew for a row. */
  computed(before: FoundRow, after: FoundRow): Change | undefined {
    const tracked = this.entities.tracked(before.meta.class);
    if (!tracked) return undefined;
    const valuesIn = ({ row }: FoundRow) =>
      Object.fromEntries(tracked.generated.map(({ name, codec }) => [name, codec.encodeRow(row[name])]));
    return { ...this.#about(tracked, before.id), action: 'update', before: valuesIn(before), after: valuesIn(after) };
  }

  links(tracked: TrackedEntity, id: string, links: Readonly<Record<string, LinkChange>>): Change {
    return { ...this.#about(tracked, id), action: 'update', links };
  }

  #about(tracked: TrackedEntity, objectId: string): Omit<Change, 'action'> {
    const type = tracked.typeIn(this.schema);
    return { ...NOTHING, type, objectId, attribution: this.attribution, masked: tracked.masked };
  }
}

/** What follows a changed key is the system's doing, and nothing is said of why. */
export function followedBy(attribution: Attribution): Attribution {
  return { ...attribution, actor: null, objectDescription: null, attributeDescription: null };
}

/**
 * The key of an entity at the other end of a link in stored form, from the columns of the link's row. Where targets are of
 * several classes, the first one says which.
 */
export function storedTarget(tracked: TrackedEntity, name: string, values: readonly unknown[]): Json {
  const columns = keyColumns(tracked.collections.get(name)!.targetMeta!, tracked.platform);
  const rest = values.length - columns.length;
  const key = columns.map((column, index) => column.codec.encodeRow(values[rest + index]));
  if (rest > 0) return [values[0] as Json, ...key];
  return key.length === 1 ? (key[0] ?? null) : key;
}

function valuesOf(row: Row, tracked: TrackedEntity): JsonRecord {
  const values: JsonRecord = {};
  for (const attribute of tracked.attributes.values()) {
    const value = valueInRow(attribute, row);
    if (value !== undefined) values[attribute.name] = value;
  }
  return values;
}

/** A relation of several columns refers to nothing once one of them is null. */
function valueAfter({ prop, codec }: TrackedAttribute, row: Row, values: NewValues): Json {
  const before = columnValues(row, prop);
  const after = prop.fieldNames.map((column, index) => (values.has(column) ? values.get(column) : before[index]));
  if (prop.kind === ReferenceKind.SCALAR || after.length === 1) return codec.encodeRow(after[0]);
  return after.includes(null) ? null : codec.encodeRow(after);
}
