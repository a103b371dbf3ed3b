import { Collection, defineEntity, p } from '@mikro-orm/core';
import { HistoryService, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

describe('links that are recorded with the other side, or masked', () => {
  class Member {
    id!: number;
    clubs = new Collection<Circle>(this);
  }
  class Circle {
    id!: number;
    members = new Collection<Member>(this);
  }

  async function linked(member: object, use: (test: TestOrm) => Promise<void>): Promise<void> {
    const entities = [
      defineEntity({
        class: Member,
        ...member,
        properties: { id: p.integer().primary(), clubs: () => p.manyToMany(Circle).owner() },
      }),
      defineEntity({
        class: Circle,
        properties: { id: p.integer().primary(), members: () => p.manyToMany(Member).mappedBy('clubs') },
      }),
    ];
    const test = await createOrm(entities);
    const em = test.orm.em.fork();
    const circle = em.create(Circle, { id: 1 });
    circle.members.add(em.create(Member, { id: 1 }));
    await em.flush();
    circle.members.add(em.create(Member, { id: 2 }));
    circle.members.remove(circle.members[0]!);
    await em.flush();
    try {
      await use(test);
    } finally {
      await test.close();
    }
  }

  const ids = (items: Collection<Circle> | Collection<Member>) => items.getItems().map(({ id }) => id);

  it('are read from both sides, where the class of their owner is not tracked', async () => {
    await linked({ revy: { track: false } }, async ({ orm }) => {
      const snapshots = new SnapshotService(orm.em.fork());
      const at = (revision: number) => snapshots.many(Circle, [1], { revision }, { populate: ['members.clubs'] });
      const [first] = await at(1);
      expect(ids(first!.entity.members)).toEqual([1]);
      expect(ids(first!.entity.members[0]!.clubs)).toEqual([1]);
      expect(ids((await at(2))[0]!.entity.members)).toEqual([2]);
    });
  });

  it('are unknown where they are masked, and so are their differences', async () => {
    await linked({ revy: { mask: ['clubs'] } }, async ({ orm }) => {
      const snapshots = new SnapshotService(orm.em.fork());
      const [circle] = await snapshots.many(Circle, [1], { revision: 2 }, { populate: ['members'] });
      expect(circle!.reasons).toEqual({ members: 'masked' });
      const member = await snapshots.at(Member, 1, { revision: 1 }, { populate: ['clubs'] });
      expect(member!.reasons).toEqual({ clubs: 'masked' });
      const diff = await new HistoryService(orm.em.fork()).diff(Member, 1, { revision: 1 }, { revision: 2 });
      expect(diff).toEqual({ action: null, changed: {}, unknown: ['clubs'] });
    });
  });
});
