import { defineEntity, p } from '@mikro-orm/core';
import { openOrm } from '../competitors/open-orm.mjs';
import { createDatabase, query } from './server.mjs';

const articlesOfAuthor = 100;
const objectsOfRevision = 10;
const keyframeEvery = 8;

function defineLibrary() {
  const Author = defineEntity({
    name: 'Author',
    tableName: 'author',
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      articles: () => p.oneToMany(Article).mappedBy('author'),
    },
  });
  const Article = defineEntity({
    name: 'Article',
    tableName: 'article',
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      status: p.string(),
      views: p.integer(),
      language: p.string(),
      summary: p.string(),
      author: () => p.manyToOne(Author).index(),
    },
  });
  return { Author, Article };
}

/**
 * An ORM on a database of articles that have all been changed in turn, `versions` times each, ten to a revision. Written
 * by SQL in the form in which Revy would have: millions of flushes would take hours.
 */
export async function openLibrary({ serverUrl, articles, versions }) {
  const { revy } = await import('@revy/mikro-orm');
  const database = await createDatabase(serverUrl, 'library');
  const entities = defineLibrary();
  const orm = await openOrm(database.url, { entities: Object.values(entities), extensions: [revy()] });
  await orm.schema.create();
  for (const sql of fill(articles, versions)) await query(database.url, sql);
  const revisionsOfRound = Math.ceil(articles / objectsOfRevision);
  return {
    orm,
    database,
    ...entities,
    articles,
    deltas: articles * versions,
    /** Behind the first half of all changes: everything has been changed since. And with a hundredth to come. */
    points: {
      'half of it ago': { revision: 1 + Math.floor(versions / 2) * revisionsOfRound },
      'just before': { revision: 1 + versions * revisionsOfRound - Math.ceil(revisionsOfRound / 100) },
    },
    close: async () => {
      await orm.close();
      await database.drop();
    },
  };
}

/** Version v of article i, attributes of which are functions of both. */
const changing = (i, v) => `'title', 'Article ' || ${i} || ', version ' || ${v}, 'views', ${v},
  'status', case when ${v} % 5 = 0 then 'draft' else 'final' end`;
const values = (
  i,
  v,
) => `jsonb_build_object(${changing(i, v)}, 'language', case when ${i} % 10 = 0 then 'fr' else 'en' end,
  'summary', 'What article ' || ${i} || ' says in two lines or three', 'author', 1 + (${i} - 1) / ${articlesOfAuthor})`;

function fill(articles, versions) {
  const authors = Math.ceil(articles / articlesOfAuthor);
  const revisionsOfRound = Math.ceil(articles / objectsOfRevision);
  return [
    `insert into author select i, 'Author ' || i from generate_series(1, ${authors}) i`,
    `insert into article (id, title, status, views, language, summary, author_id)
     select i, s ->> 'title', s ->> 'status', (s ->> 'views')::int, s ->> 'language', s ->> 'summary', (s ->> 'author')::int
     from generate_series(1, ${articles}) i, lateral (select ${values('i', versions)} as s) s`,
    `insert into revy_revision (recorded_at)
     select now() - interval '1 day' + n * interval '1 ms' from generate_series(1, ${1 + versions * revisionsOfRound}) n order by n`,
    `insert into revy_object_delta (revision_id, action, object_type, object_id, version, new_values)
     select 1, 'create', 'Author', i::text, 1, jsonb_build_object('name', 'Author ' || i) from generate_series(1, ${authors}) i`,
    `insert into revy_object_delta (revision_id, action, object_type, object_id, version, old_values, new_values, state)
     select 1 + (v - 1) * ${revisionsOfRound} + (i + ${objectsOfRevision - 1}) / ${objectsOfRevision},
       case v when 1 then 'create' else 'update' end, 'Article', i::text, v,
       case when v > 1 then jsonb_build_object(${changing('i', '(v - 1)')}) end,
       case v when 1 then ${values('i', 'v')} else jsonb_build_object(${changing('i', 'v')}) end,
       case when v > 1 and v % ${keyframeEvery} = 1 then ${values('i', 'v')} end
     from generate_series(1, ${versions}) v, generate_series(1, ${articles}) i order by v, i`,
    'vacuum analyze',
  ];
}
