import { type EntityMetadata, type EntityProperty, ReferenceKind } from '@mikro-orm/core';
import { handlerOf } from './handler-of.js';
import { DeleteRuleConflictError } from './on-delete.errors.js';
import type { OnDeleteHandler } from './on-delete.js';
import type { LinkEnds } from './pivot-links.js';
import { tableOf } from './tables.js';

/** What the database does to a row when the row that it refers to is deleted, or gets another key. */
export type ReferentialAction = 'cascade' | 'set null' | 'set default';

/** A foreign key, seen from the table that it refers to. */
export interface ForeignKeyEdge {
  /** The table that holds it: the root's in single-table inheritance, the declaring class's in table-per-type. */
  readonly table: EntityMetadata;
  readonly prop: EntityProperty;
  readonly target: EntityMetadata;
  /** Column by column. */
  readonly columns: { readonly own: readonly string[]; readonly target: readonly string[] };
  readonly onDelete: OnDeleteHandler['action'] | undefined;
  readonly onUpdate: ReferentialAction | undefined;
  /** Where we carry out `onDelete`, because the database does not. */
  readonly handler: OnDeleteHandler | undefined;
  /** The collections whose links the rows of `table` are; those of most tables are of none. */
  readonly links: readonly LinkEnds[];
}

/** What the configuration of the schema generator says about rules. */
export interface RuleDefaults {
  readonly createForeignKeyConstraints?: boolean;
  readonly defaultDeleteRule?: string;
  readonly defaultUpdateRule?: string;
}

/** MikroORM 7.2 makes no constraint for polymorphic relations; those inside an object or array have no column. */
export function isForeignKey(prop: EntityProperty): boolean {
  const isToOne = prop.kind === ReferenceKind.MANY_TO_ONE || (prop.kind === ReferenceKind.ONE_TO_ONE && prop.owner);
  return isToOne && prop.persist !== false && !prop.polymorphic && !prop.object && prop.targetMeta !== undefined;
}

/** The database's rule goes first: a handler that repeats it is left out, and one that contradicts it is refused. */
export function edgeOf(
  prop: EntityProperty,
  table: EntityMetadata,
  classes: readonly EntityMetadata[],
  links: readonly LinkEnds[],
  defaults: RuleDefaults,
): ForeignKeyEdge {
  const hasConstraint = prop.createForeignKeyConstraint && defaults.createForeignKeyConstraints !== false;
  const rule = hasConstraint ? action(prop.deleteRule ?? defaults.defaultDeleteRule) : undefined;
  const onUpdate = hasConstraint ? action(prop.updateRule ?? defaults.defaultUpdateRule) : undefined;
  const handler = handlerOf(prop, classes);
  if (rule && handler && handler.action !== rule) {
    throw new DeleteRuleConflictError(table.className, prop.name, rule, handler.action);
  }
  const columns = { own: prop.fieldNames, target: prop.referencedColumnNames };
  const target = tableOf(prop.targetMeta!);
  const ends = { table, prop, target, columns, onUpdate, links };
  return { ...ends, onDelete: rule ?? handler?.action, handler: rule ? undefined : handler };
}

function action(rule: string | undefined): ReferentialAction | undefined {
  switch (rule?.toLowerCase()) {
    case 'cascade':
      return 'cascade';
    case 'set null':
      return 'set null';
    case 'set default':
      return 'set default';
    default:
      return undefined;
  }
}
