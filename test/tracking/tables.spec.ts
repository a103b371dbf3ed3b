import { describe, expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/postgresql';
import {
  AttributeDelta,
  HistoryService,
  revy,
  RevisionContext,
  type RevyOptions,
  SnapshotService,
} from '@revy/mikro-orm';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createDatabase, type TestDatabase } from '../support/database.js';

class Note {
  id!: number;
  text!: string;
}

const noteSchema = () =>
  defineEntity({ class: Note, properties: { id: p.integer().primary().autoincrement(), text: p.string() } });

async function withDatabase(fn: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createDatabase();
  try {
    await fn(database);
  } finally {
    await database.drop();
  }
}

const init = (database: TestDatabase, options: RevyOptions, config: object = {}) =>
  MikroORM.init({ clientUrl: database.url, entities: [noteSchema()], extensions: [revy(options)], ...config });

async function write(orm: MikroORM, text: string): Promise<number> {
  const em = orm.em.fork();
  const note = em.create(Note, { text });
  await em.flush();
  note.text += '!';
  await em.flush();
  return note.id;
}

async function expectReadable(orm: MikroORM, id: number, text: string): Promise<void> {
  const em = orm.em.fork();
  expect((await new SnapshotService(em).at(Note, id, { version: 1 }))!.entity.text).toBe(text);
  expect((await new HistoryService(em).deltas(Note, id)).map(delta => delta.newValues)).toEqual([
    { text },
    { text: `${text}!` },
  ]);
  const attributes = await em.find(AttributeDelta, { objectId: String(id) }, { orderBy: { revision: 1 } });
  expect(attributes.map(({ attribute, oldValue, newValue }) => [attribute, oldValue, newValue])).toEqual([
    ['text', null, text],
    ['text', text, `${text}!`],
  ]);
}

describe("the history's tables", () => {
  it.each<RevyOptions>([
    {},
    { tablePrefix: 'audit_' },
    { schema: 'history' },
    { schema: 'history', tablePrefix: '' },
    { tablePrefix: 'Audit of ' },
    { schema: 'select', tablePrefix: 'From ' },
    { keyframeEvery: 2 },
  ])('F8, F9: options %j', options =>
    withDatabase(async database => {
      const orm = await init(database, options);
      await orm.schema.create();
      expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
      const id = await write(orm, 'a');
      await expectReadable(orm, id, 'a');
      const { schema = 'public', tablePrefix = 'revy_' } = options;
      const tables = await database.query(
        `select table_name as name, table_type as type from information_schema.tables where table_schema = $1 and table_name <> 'note' order by 1`,
        [schema],
      );
      expect(tables.toSorted((a, b) => String(a['name']).localeCompare(String(b['name'])))).toEqual([
        { name: `${tablePrefix}attribute_delta`, type: 'VIEW' },
        { name: `${tablePrefix}object_delta`, type: 'BASE TABLE' },
        { name: `${tablePrefix}revision`, type: 'BASE TABLE' },
      ]);
      await orm.close(true);
    }),
  );

  it('migrations bring the tables and the view; afterwards there is nothing to migrate', () =>
    withDatabase(async database => {
      const path = await mkdtemp(join(tmpdir(), 'revy-migrations-'));
      // so that the migration finds the package that it extends
      await symlink(resolve('node_modules'), join(path, 'node_modules'));
      const config = { extensions: [Migrator, revy()], migrations: { path, emit: 'ts', snapshot: false } };
      const orm = await MikroORM.init({ clientUrl: database.url, entities: [noteSchema()], ...config } as never);
      try {
        const created = await orm.migrator.create();
        expect(created.diff.up.join('\n')).toContain('create view "revy_attribute_delta"');
        expect((await readdir(path)).filter(file => file.startsWith('Migration'))).toEqual([created.fileName]);
        expect((await orm.migrator.up()).map(({ name }) => name)).toEqual([created.fileName.replace(/\.\w+$/, '')]);
        expect((await orm.migrator.create()).diff.up).toEqual([]);
        expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
        await expectReadable(orm as MikroORM, await write(orm as MikroORM, 'a'), 'a');
      } finally {
        await orm.close(true);
        await rm(path, { recursive: true });
      }
    }));

  it('two ORMs in one process, with different options, keep to their own tables', () =>
    withDatabase(async one =>
      withDatabase(async two => {
        const first = await init(one, {});
        const second = await init(two, { tablePrefix: 'audit_', outsideContext: 'ignore', maskWith: 'x' });
        for (const orm of [first, second]) await orm.schema.create();
        await Promise.all([
          write(first, 'a'),
          write(second, 'unseen'),
          RevisionContext.run({}, () => write(second, 'b')),
        ]);
        await expectReadable(first, 1, 'a');
        const [{ id }] = (await two.query(`select id from note where text = 'b!'`)) as [{ id: number }];
        await expectReadable(second, id, 'b');
        expect(await one.query('select object_type from revy_object_delta')).toHaveLength(2);
        expect(await two.query('select object_type from audit_object_delta')).toHaveLength(2);
        await first.close(true);
        await write(second, 'ignored');
        await second.close(true);
      }),
    ));

  it('an ORM with the extension and one without it share entities and database', () =>
    withDatabase(async database => {
      const tracked = await init(database, {});
      await tracked.schema.create();
      const bare = await MikroORM.init({ clientUrl: database.url, entities: [noteSchema()] });
      const id = await write(bare, 'bare');
      expect(await database.query('select * from revy_object_delta')).toEqual([]);
      const em = tracked.em.fork();
      (await em.findOneOrFail(Note, id)).text = 'seen';
      await em.flush();
      expect(await database.query('select old_values, new_values from revy_object_delta')).toEqual([
        { old_values: { text: 'bare!' }, new_values: { text: 'seen' } },
      ]);
      await bare.close(true);
      await tracked.close(true);
    }));
});
