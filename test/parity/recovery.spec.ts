import { Collection, defineEntity, p } from '@mikro-orm/core';
import { HistoryService, RevisionContext, SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

// The recovery sample of Revy for Django: a membership that was removed is put back from its snapshot.

class User {
  id!: number;
  username!: string;
  groups = new Collection<Group>(this);
}

class Group {
  id!: number;
  name!: string;
}

class Membership {
  id!: number;
  user!: User;
  group!: Group;
}

const userProperties = { id: p.integer().primary().autoincrement(), username: p.string().length(40).unique() };

const UserSchema = defineEntity({ class: User, properties: userProperties });
const PivotUserSchema = defineEntity({
  class: User,
  properties: { ...userProperties, groups: () => p.manyToMany(Group).pivotEntity(() => Membership) },
});
const GroupSchema = defineEntity({
  class: Group,
  properties: { id: p.integer().primary().autoincrement(), name: p.string().unique() },
});
const MembershipSchema = defineEntity({
  class: Membership,
  uniques: [{ properties: ['user', 'group'] }],
  properties: {
    id: p.integer().primary().autoincrement(),
    user: () => p.manyToOne(User),
    group: () => p.manyToOne(Group),
  },
});

describe.each(['a class of its own', 'the pivot entity of a many-to-many'])('a membership that is %s', kind => {
  const isPivot = kind.includes('pivot');
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(
      isPivot ? [PivotUserSchema, GroupSchema, MembershipSchema] : [UserSchema, GroupSchema, MembershipSchema],
    );
  });
  afterAll(() => test.close());

  const countGroups = async (user: User) => {
    const em = test.orm.em.fork();
    if (!isPivot) return em.count(Membership, { user: user.id });
    return (await em.findOneOrFail(User, user.id, { populate: ['groups'] })).groups.length;
  };

  it('comes back from its snapshot after its removal, with its key and both ends', async () => {
    await RevisionContext.run({}, async () => {
      const em = test.orm.em.fork();
      const user = em.create(User, { username: 'ann' });
      const group = em.create(Group, { name: 'Users' });
      const membership = em.create(Membership, { user, group });
      await em.flush();
      expect(await countGroups(user)).toBe(1);
      const { id } = membership;
      await em.remove(membership).flush();
      expect(await countGroups(user)).toBe(0);

      const [deletion] = await new HistoryService(em).deltas(Membership, id, {
        action: 'delete',
        order: 'desc',
        limit: 1,
      });
      expect(deletion).toMatchObject({
        action: 'delete',
        objectType: 'Membership',
        objectId: String(id),
        oldValues: { user: user.id, group: group.id },
      });
      const snapshot = await new SnapshotService(em).at(Membership, id, { before: deletion!.revision });
      expect(snapshot).toMatchObject({ isDeleted: false, unknown: [], version: 1 });
      expect(await countGroups(user)).toBe(0);

      await em.persist(snapshot!.entity).flush();
      expect(await countGroups(user)).toBe(1);
      expect(snapshot!.entity.id).toBe(id);
      expect(snapshot!.entity.user).toBe(user);
      expect(snapshot!.entity.group).toBe(group);
      expect(await test.database.query('select * from membership')).toEqual([
        { id, user_id: user.id, group_id: group.id },
      ]);
      expect(
        await test.database.query(
          'select (select count(*) from "user")::int as users, (select count(*) from "group")::int as groups',
        ),
      ).toEqual([{ users: 1, groups: 1 }]);
      const deltas = (await test.deltas()).map(({ action, object }) => `${action} ${object}`);
      expect(deltas.filter(one => one.endsWith(`Membership:${id}`)).slice(-2)).toEqual([
        `delete Membership:${id}`,
        `create Membership:${id}`,
      ]);
    });
  });
});
