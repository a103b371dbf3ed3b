import { defineEntity, p } from '@mikro-orm/core';
import { type BlogApp } from '../nest/blog-app.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser, textOf } from './browser-app.js';
import { Reader } from './reader.js';

/** Lives in each tenant's schema. */
class Shop {
  id!: number;
  name!: string;
}

const ShopSchema = defineEntity({
  class: Shop,
  schema: '*',
  properties: { id: p.integer().primary().autoincrement(), name: p.string() },
});

const CONFIG = { schema: 'public', entities: [ShopSchema] };
const TENANTS = ['north', 'so@uth'];

let blog: TestOrm;
let running: BlogApp;
let ann: Reader;

/** Revision 1 makes a shop of each tenant, 2 renames both, and 3 and 4 delete them. */
beforeEach(async () => {
  blog = await createOrm([ShopSchema], { config: CONFIG });
  for (const tenant of TENANTS) {
    await blog.database.query(
      `create schema "${tenant}"; create table "${tenant}".shop (id serial primary key, name text)`,
    );
  }
  const em = blog.orm.em.fork();
  const shops = TENANTS.map(schema => em.create(Shop, { name: 'first' }, { schema }));
  await em.flush();
  for (const shop of shops) shop.name = 'second';
  await em.flush();
  running = await startBrowser(
    { url: blog.database.url, config: CONFIG },
    { canActivate: () => true, canRevert: () => true },
  );
  ann = new Reader(running.http);
});

afterEach(async () => {
  await running?.app.close();
  await blog.close();
});

const names = async () => {
  const rows = TENANTS.map(tenant => blog.database.query<{ name: string }>(`select name from "${tenant}".shop`));
  return (await Promise.all(rows)).map(found => found.map(({ name }) => name));
};

it('an object of a tenant is put back where it lives', async () => {
  const path = '/history/revert?type=Shop%40so%40uth&id=1&version=1';
  const { text, fields } = await ann.open(path);
  expect(textOf(text)).toContain('Shop@so@uth 1 will change\nAttribute\nNow\nPut back\nname\nsecond\nfirst');
  expect((await ann.send(path, fields)).status).toBe(200);
  expect(await names()).toEqual([['second'], ['first']]);
});

it('what is gone comes back to its tenant', async () => {
  const em = blog.orm.em.fork();
  for (const schema of TENANTS) await em.remove(await em.findOneOrFail(Shop, 1, { schema })).flush();
  const { text: deleted } = await ann.open('/history/deleted');
  const [, link] = /href="[^"?]*(\?type=Shop%40so%40uth[^"]*)">bring it back/.exec(deleted)!;
  const path = `/history/revert${link!.replaceAll('&amp;', '&')}`;
  const { fields } = await ann.open(path);
  expect((await ann.send(path, fields)).status).toBe(200);
  expect(await names()).toEqual([[], ['second']]);
});

it('a revision of several tenants is put back one tenant at a time', async () => {
  const { status, text } = await ann.open('/history/revert?revision=2');
  expect([status, textOf(text).includes('objects in several schemas were changed')]).toEqual([400, true]);
  const { text: revision } = await ann.open('/history/revisions/2');
  const [, link] = /href="[^"?]*(\?revision=2&amp;object=[^"]*so%40uth[^"]*)"/.exec(revision)!;
  const path = `/history/revert${link!.replaceAll('&amp;', '&')}`;
  const { fields } = await ann.open(path);
  expect((await ann.send(path, fields)).status).toBe(200);
  expect(await names()).toEqual([['second'], ['first']]);
});
