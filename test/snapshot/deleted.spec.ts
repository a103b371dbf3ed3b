import { defineEntity, p, PrimaryKeyProp } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Page {
  [PrimaryKeyProp]?: 'path';
  path!: string;
  title!: string;
  views!: number | null;
}

const PageSchema = defineEntity({
  class: Page,
  properties: { path: p.string().primary(), title: p.string(), views: p.integer().nullable() },
});

describe('deletion and re-creation under the same key', () => {
  const PATH = `/it's "a" page\\ü,1]`;
  let test: TestOrm;
  let snapshots: SnapshotService;
  beforeAll(async () => {
    test = await createOrm([PageSchema], { revy: { keyframeEvery: 2 } });
    snapshots = new SnapshotService(test.orm.em.fork());
    for (const [title, views] of [
      ['one', 1],
      ['two', null],
    ] as const) {
      const em = test.orm.em.fork();
      const page = em.create(Page, { path: PATH, title, views });
      await em.flush();
      page.title = `${title}!`;
      await em.flush();
      await em.remove(page).flush();
    }
  });
  afterAll(() => test.close());

  const at = (version: number) => snapshots.at(Page, PATH, { version });
  const deletedAt = (version: number) => snapshots.at(Page, PATH, { version }, { includeDeleted: true });

  it('F6: gives six versions, and each shows its own life of the object', async () => {
    expect((await at(1))!.entity).toEqual({ path: PATH, title: 'one', views: 1 });
    expect((await at(2))!.entity).toEqual({ path: PATH, title: 'one!', views: 1 });
    expect((await at(4))!.entity).toEqual({ path: PATH, title: 'two', views: null });
    expect((await at(5))!.entity).toEqual({ path: PATH, title: 'two!', views: null });
  });

  it('A2, I2: there is nothing where the object was deleted', async () => {
    expect([await at(3), await at(6)]).toEqual([null, null]);
    expect(await snapshots.at(Page, PATH, new Date(Date.now() + 1000))).toBeNull();
    expect(await snapshots.at(Page, PATH, { before: 1 })).toBeNull();
  });

  it('I6: shows what was deleted to whoever asks for it', async () => {
    expect(await deletedAt(3)).toMatchObject({ entity: { title: 'one!', views: 1 }, isDeleted: true, version: 3 });
    expect(await deletedAt(6)).toMatchObject({ entity: { title: 'two!', views: null }, isDeleted: true, version: 6 });
    expect((await deletedAt(6))!.isLive).toBe(false);
    expect(await deletedAt(5)).toMatchObject({ isDeleted: false, isLive: false });
    expect(await snapshots.at(Page, PATH, { before: 1 }, { includeDeleted: true })).toBeNull();
  });

  it('tells the live version from all others', async () => {
    const em = test.orm.em.fork();
    em.create(Page, { path: '/live', title: 'a', views: null });
    await em.flush();
    expect(await snapshots.at(Page, '/live', { version: 1 })).toMatchObject({ isLive: true });
    (await em.findOneOrFail(Page, '/live')).title = 'b';
    await em.flush();
    expect(await snapshots.at(Page, '/live', { version: 1 })).toMatchObject({ isLive: false, entity: { title: 'a' } });
    expect(await snapshots.at(Page, '/live', { version: 2 })).toMatchObject({ isLive: true, entity: { title: 'b' } });
  });
});
