import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { revy, type RevyOptions } from '@revy/mikro-orm';
import { BLOG } from './blog.js';
import { createDatabase, type TestDatabase } from './database.js';

export interface TestOrm {
  readonly orm: MikroORM;
  readonly database: TestDatabase;
  /** Deltas as plain rows, read on a connection of their own, in order. */
  deltas(): Promise<DeltaRow[]>;
  attributes(): Promise<AttributeRow[]>;
  revisions(): Promise<RevisionRow[]>;
  /** Empties the history, so that a test sees only its own. */
  forget(): Promise<void>;
  close(): Promise<void>;
}

export interface DeltaRow {
  readonly revision: number;
  readonly action: string;
  readonly object: string;
  readonly old: Record<string, unknown> | null;
  readonly new: Record<string, unknown> | null;
  readonly actor: string | null;
  readonly description: string | null;
}

export interface AttributeRow {
  readonly object: string;
  readonly attribute: string;
  readonly action: string;
  readonly old: unknown;
  readonly new: unknown;
  readonly actor: string | null;
  readonly description: string | null;
}

export interface RevisionRow {
  readonly id: number;
  readonly description: string | null;
  readonly actor: string | null;
  readonly metadata: Record<string, unknown> | null;
}

export interface TestOrmOptions {
  readonly revy?: RevyOptions | false;
  readonly config?: Partial<Options>;
}

/** An ORM on a database of its own, with its schema made. */
export async function createOrm(entities: Options['entities'] = BLOG, options: TestOrmOptions = {}): Promise<TestOrm> {
  const database = await createDatabase();
  const extensions = options.revy === false ? [] : [revy(options.revy)];
  const config = { clientUrl: database.url, entities, extensions, ...options.config };
  const orm = await MikroORM.init(config).catch(async (error: unknown) => {
    await database.drop();
    throw error;
  });
  await orm.schema.create();
  const actor = "actor_type || coalesce(':' || actor_id, '') as actor";
  const object = "object_type || ':' || object_id as object";
  return {
    orm,
    database,
    deltas: () =>
      database.query(
        `select revision_id::int as revision, action, ${object}, old_values as old, new_values as new, ${actor}, description from revy_object_delta order by id`,
      ),
    attributes: () =>
      database.query(
        `select ${object}, attribute, action, old_value as old, new_value as new, ${actor}, description from revy_attribute_delta order by object_delta_id, attribute, position`,
      ),
    revisions: () => database.query(`select id::int, description, ${actor}, metadata from revy_revision order by id`),
    forget: async () => {
      await database.query('truncate revy_revision, revy_object_delta restart identity');
    },
    close: async () => {
      await orm.close(true);
      await database.drop();
    },
  };
}
