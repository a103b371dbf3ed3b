import { type WrittenTable, writtenTables } from '../../libs/mikro-orm/src/bypass/written-tables.js';

const write = (verb: WrittenTable['verb'], table: string, schema?: string): WrittenTable => ({ verb, schema, table });

describe('SQL text', () => {
  it.each<[string, WrittenTable[]]>([
    ['insert into post (title) values (?)', [write('insert', 'post')]],
    ['INSERT INTO "Post" VALUES (1)', [write('insert', 'Post')]],
    ['  update\n\tPOST set a = 1', [write('update', 'post')]],
    ['update only public.post p set a = 1', [write('update', 'post', 'public')]],
    ['update "my ""odd"" schema"."post" set a = 1', [write('update', 'post', 'my "odd" schema')]],
    ['update db.public.post set a = 1', [write('update', 'post', 'public')]],
    ['delete from post where id = 1', [write('delete', 'post')]],
    ['-- why\n/* and /* how */ */ delete from post', [write('delete', 'post')]],
    ['truncate post', [write('truncate', 'post')]],
    [
      'truncate table only a, audit.b, "C" restart identity cascade',
      [write('truncate', 'a'), write('truncate', 'b', 'audit'), write('truncate', 'C')],
    ],
    ['merge into post using x on true when matched then delete', [write('merge', 'post')]],
    ['copy post (a, b) from stdin', [write('copy', 'post')]],
    ['with gone as (delete from post returning *) select * from gone', [write('delete', 'post')]],
    ['with x as (select 1) update post set a = 1 from x', [write('update', 'post')]],
    [
      'with x as materialized (insert into a select 1 returning *), y as (update b set c = 1) select 1',
      [write('insert', 'a'), write('update', 'b')],
    ],
    ['explain analyze update post set a = 1', [write('update', 'post')]],
    ['explain (analyze, buffers) delete from post', [write('delete', 'post')]],
    ['prepare p as insert into post values (1)', [write('insert', 'post')]],
    ['select 1; delete from post', [write('delete', 'post')]],
    ['begin; update post set a = 1; commit;', [write('update', 'post')]],
    ['insert into post (a) values (1) on conflict (a) do update set b = 2', [write('insert', 'post')]],
    ["insert into post values ('it''s; delete from user')", [write('insert', 'post')]],
    ["insert into post values (E'it\\'s'); delete from post", [write('insert', 'post'), write('delete', 'post')]],
    ['insert into post values ($$ ; delete from a; $$, $x$ update b $x$)', [write('insert', 'post')]],
    ['update größe set a = 1', [write('update', 'größe')]],
  ])('%s', (sql, expected) => {
    expect(writtenTables(sql)).toEqual(expected);
  });

  it.each([
    'select * from post',
    'select * from post for update',
    'select * from post for no key update of post',
    "select 'delete from post'",
    "select 'a;b', 'delete from post'",
    'select "update", "delete from" from post;',
    'select 1; select 2',
    '/* delete from post */ select 1',
    '-- delete from post',
    'with x as (select * from post for update) select * from x',
    'copy post to stdout',
    'copy (select * from post) to stdout',
    'create table post (a int references b on update cascade on delete set null)',
    'create trigger t after update on post execute function f(); select 1',
    'grant select, insert, update on post to reader; select 1',
    'set search_path = a; show all',
    'savepoint update',
    'explain select * from post',
    '',
    ';',
  ])('that writes nothing: %s', sql => {
    expect(writtenTables(sql)).toEqual([]);
  });

  it('costs next to nothing to look at where it reads', () => {
    const sql = `select ${Array.from({ length: 500 }, (_, i) => `"p0"."column_${i}"`).join(', ')} from "post" as "p0"`;
    const start = performance.now();
    for (let i = 0; i < 100_000; i++) writtenTables(sql);
    const microseconds = ((performance.now() - start) * 1000) / 100_000;
    expect(microseconds).toBeLessThan(5);
  });
});
