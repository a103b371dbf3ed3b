import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { Revision, revy, SnapshotService } from '@revy/mikro-orm';
import { Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('the history itself', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('is not protected: whoever may write to its tables may change it, and no foreign key keeps them together', async () => {
    const em = test.orm.em.fork();
    em.create(Tag, { name: 'news' });
    await em.flush();
    await em.nativeDelete(Revision, { id: 1 });
    expect(await test.revisions()).toEqual([]);
    expect(await test.deltas()).toHaveLength(1);
  });
});

describe('names', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());

  it('a renamed class without "as" starts a history of its own; with it, the history goes on', async () => {
    const em = test.orm.em.fork();
    em.create(Tag, { name: 'news' });
    await em.flush();
    for (const as of [undefined, 'Tag']) {
      const Label = defineEntity({
        name: 'Label',
        tableName: 'tag',
        ...(as && { revy: { as } }),
        properties: { id: p.integer().primary(), name: p.string() },
      });
      const orm = await MikroORM.init({ clientUrl: test.database.url, entities: [Label], extensions: [revy()] });
      const { version } = (await new SnapshotService(orm.em.fork()).at(Label, 1, new Date()))!;
      expect(version).toBe(as ? 1 : 0);
      await orm.close(true);
    }
  });

  it('a mask holds from now on: what was stored before it stays stored, and snapshots do not show it', async () => {
    const em = test.orm.em.fork();
    em.create(User, { name: 'Ann', email: 'ann@example.org' });
    await em.flush();
    const Masked = defineEntity({
      name: 'User',
      revy: { mask: ['email'] },
      properties: { id: p.integer().primary(), name: p.string(), email: p.string().nullable() },
    });
    const orm = await MikroORM.init({ clientUrl: test.database.url, entities: [Masked], extensions: [revy()] });
    const { unknown, entity } = (await new SnapshotService(orm.em.fork()).at(Masked, 1, new Date()))!;
    expect([unknown, entity.email]).toEqual([['email'], undefined]);
    expect((await test.attributes()).find(({ attribute }) => attribute === 'email')!.new).toBe('ann@example.org');
    await orm.close(true);
  });
});
