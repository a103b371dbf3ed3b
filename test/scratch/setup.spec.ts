import { MikroORM } from '@mikro-orm/postgresql';
import { revy } from '@revy/mikro-orm';
import pg from 'pg';
import { BLOG } from '../support/blog.js';
it('x', async () => {
  const c = new pg.Client({ connectionString: process.env.DATABASE_URL }); await c.connect();
  await c.query('drop database if exists hist_bench'); await c.query('create database hist_bench'); await c.end();
  const url = new URL(process.env.DATABASE_URL!); url.pathname = '/hist_bench';
  const orm = await MikroORM.init({ clientUrl: String(url), entities: BLOG, extensions: [revy()] });
  await orm.schema.create();
  const e = (sql: string) => orm.em.getConnection().execute(sql);
  await e(`insert into "user"(name) select 'u' || i from generate_series(1, 100) i`);
  await e(`insert into post(title, views, author_id) select 'p' || i, i, 1 + i % 100 from generate_series(1, 10000) i`);
  await e(`insert into comment(text, post_id) select 'c' || i, 1 + i % 10000 from generate_series(1, 30000) i`);
  // revisions: one per delta, 1 second apart. 10,000 posts x 6 deltas, 30,000 comments x 1, one post with 10,000 versions
  await e(`insert into revy_revision(recorded_at, description, actor_type, actor_id, metadata) select timestamptz '2026-01-01' + i * interval '1 second', 'change ' || i % 1000, 'User', (1 + i % 100)::text, case when i % 100 = 0 then '{"source":"api"}'::jsonb end from generate_series(1, 100000) i`);
  await e(`insert into revy_object_delta(revision_id, action, object_type, object_id, version, actor_type, actor_id, new_values) select i, 'create', 'Post', i::text, 1, 'User', (1 + i % 100)::text, jsonb_build_object('title', 'p' || i, 'slug', null, 'views', 0, 'meta', null, 'author', 1 + i % 100) from generate_series(1, 10000) i`);
  await e(`insert into revy_object_delta(revision_id, action, object_type, object_id, version, actor_type, actor_id, new_values) select 10000 + i, 'create', 'Comment', i::text, 1, 'User', (1 + i % 100)::text, jsonb_build_object('text', 'comment text number ' || i, 'post', 1 + i % 10000) from generate_series(1, 30000) i`);
  await e(`insert into revy_object_delta(revision_id, action, object_type, object_id, version, actor_type, actor_id, old_values, new_values) select 40000 + i, 'update', 'Post', (1 + (i - 1) % 10000)::text, 2 + (i - 1) / 10000, 'User', (1 + i % 100)::text, jsonb_build_object('title', 'p' || i - 10000, 'views', i - 10000), jsonb_build_object('title', 'p' || i, 'views', i) from generate_series(1, 50000) i`);
  await e(`insert into post(id, title, views) values (20000, 'long', 0)`);
  await e(`insert into revy_object_delta(revision_id, action, object_type, object_id, version, new_values) values (90001, 'create', 'Post', '20000', 1, '{"title":"long","slug":null,"views":0,"meta":null,"author":1}')`);
  await e(`insert into revy_object_delta(revision_id, action, object_type, object_id, version, actor_type, actor_id, old_values, new_values, state) select 90000 + i, 'update', 'Post', '20000', i, 'User', (1 + i % 100)::text, jsonb_build_object('views', i - 1), jsonb_build_object('views', i), case when (i - 1) % 8 = 0 then jsonb_build_object('title', 'long', 'slug', null, 'views', i, 'meta', null, 'author', 1) end from generate_series(2, 10000) i`);
  await e('vacuum analyze');
  await orm.close(true);
}, 300000);
