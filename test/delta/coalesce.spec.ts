import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import fc from 'fast-check';
import { Post, User } from '../support/blog.js';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { seed } from '../support/property.js';

describe(`one transaction, one delta for each object (FC_SEED=${seed})`, () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm();
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  const summary = async () => (await test.deltas()).map(row => [row.revision, row.action, row.old, row.new]);
  const transactional = (fn: (em: EntityManager) => Promise<void>) => test.orm.em.fork().transactional(fn);

  async function seedUser(name = 'Ann'): Promise<number> {
    const em = test.orm.em.fork();
    const user = em.create(User, { name, email: null });
    await RevisionContext.runDisabled(() => em.flush());
    return user.id;
  }

  it('B1: created and removed is nothing', async () => {
    await transactional(async em => {
      const user = em.create(User, { name: 'Ann', email: null });
      await em.flush();
      em.remove(user);
    });
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
  });

  it('B1: created, changed and removed is nothing', async () => {
    await transactional(async em => {
      const user = em.create(User, { name: 'Ann', email: null });
      await em.flush();
      user.name = 'Anna';
      await em.flush();
      em.remove(user);
      await em.flush();
    });
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
  });

  it('B2, B9: created and changed is a create in the final state, each attribute once', async () => {
    await transactional(async em => {
      const user = em.create(User, { name: 'Ann', email: null });
      await em.flush();
      user.name = 'Anna';
      await em.flush();
      user.email = 'a@b';
    });
    expect(await summary()).toEqual([[1, 'create', null, { name: 'Anna', email: 'a@b' }]]);
    expect((await test.attributes()).map(row => [row.attribute, row.old, row.new])).toEqual([
      ['email', null, 'a@b'],
      ['name', null, 'Anna'],
    ]);
  });

  it('B3: changed twice is one update, from the first old value to the last new one', async () => {
    const id = await seedUser();
    await transactional(async em => {
      const user = await em.findOneOrFail(User, id);
      user.name = 'Anna';
      await em.flush();
      Object.assign(user, { name: 'Annabel', email: 'x' });
      await em.flush();
      user.email = 'y';
    });
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann', email: null }, { name: 'Annabel', email: 'y' }]]);
  });

  it('B3, S6: changed and back is nothing; of two attributes, only the one that differs', async () => {
    const id = await seedUser();
    const change = (email: string | null) =>
      transactional(async em => {
        const user = await em.findOneOrFail(User, id);
        user.name = 'Anna';
        await em.flush();
        Object.assign(user, { name: 'Ann', email });
      });
    await change(null);
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
    await change('x');
    expect(await summary()).toEqual([[1, 'update', { email: null }, { email: 'x' }]]);
  });

  it('B4: changed and removed is a delete of the state before the transaction', async () => {
    const id = await seedUser();
    await transactional(async em => {
      const user = await em.findOneOrFail(User, id);
      user.name = 'Anna';
      await em.flush();
      em.remove(user);
    });
    expect(await summary()).toEqual([[1, 'delete', { name: 'Ann', email: null }, null]]);
  });

  it('B5: removed and inserted again unchanged is nothing; changed, an update', async () => {
    const id = await seedUser();
    const replace = (data: { name: string; email: string | null }) =>
      transactional(async em => {
        em.remove(await em.findOneOrFail(User, id));
        await em.flush();
        em.create(User, { id, ...data });
      });
    await replace({ name: 'Ann', email: null });
    expect([await summary(), await test.revisions()]).toEqual([[], []]);
    await replace({ name: 'Ann', email: 'new' });
    expect(await summary()).toEqual([[1, 'update', { email: null }, { email: 'new' }]]);
  });

  it('B6: another object that takes the key of a deleted one is an update', async () => {
    const id = await seedUser();
    const em = test.orm.em.fork();
    em.remove(await em.findOneOrFail(User, id));
    em.persist(Object.assign(new User(), { id, name: 'Ben', email: 'b' }));
    await em.flush();
    expect(await summary()).toEqual([[1, 'update', { name: 'Ann', email: null }, { name: 'Ben', email: 'b' }]]);
  });

  it('B6: a third object that takes over the key of a deleted one: an update of that key, and the end of its own', async () => {
    const [gone, mover] = [await seedUser('gone'), await seedUser('mover')];
    await transactional(async em => {
      em.remove(await em.findOneOrFail(User, gone));
      await em.flush();
      const user = await em.findOneOrFail(User, mover);
      Object.assign(user, { id: gone, email: 'moved' });
    });
    expect(await test.database.query('select * from "user" where id = any($1)', [[gone, mover]])).toEqual([
      { id: gone, name: 'mover', email: 'moved' },
    ]);
    expect((await test.deltas()).map(row => [row.action, row.object, row.old, row.new])).toEqual([
      ['update', `User:${gone}`, { name: 'gone', email: null }, { name: 'mover', email: 'moved' }],
      ['delete', `User:${mover}`, { name: 'mover', email: null }, null],
    ]);
  });

  it('a key that changes ends one object and begins another, with all values that are known', async () => {
    const id = await seedUser('mover');
    const em = test.orm.em.fork();
    const user = await em.findOneOrFail(User, id);
    user.id = id + 50_000;
    await em.flush();
    expect(await test.database.query('select * from "user" where id > 50000')).toEqual([
      { id: id + 50_000, name: 'mover', email: null },
    ]);
    expect((await test.deltas()).map(row => [row.action, row.object, row.old, row.new])).toEqual([
      ['delete', `User:${id}`, { name: 'mover', email: null }, null],
      ['create', `User:${id + 50_000}`, null, { name: 'mover', email: null }],
    ]);
  });

  it('B8: whatever the flush mode, one revision per transaction', async () => {
    for (const flushMode of ['commit', 'auto', 'always'] as const) {
      await test.forget();
      const id = await seedUser();
      await test.orm.em.fork({ flushMode }).transactional(
        async em => {
          const user = await em.findOneOrFail(User, id);
          user.name = `${flushMode} 1`;
          em.create(Post, { title: 'One', slug: null, views: 0, meta: null, author: null });
          await em.find(Post, { title: 'none' });
          await em.find(User, { name: 'none' });
          user.name = `${flushMode} 2`;
        },
        { flushMode },
      );
      expect(
        (await test.deltas()).filter(row => row.object === `User:${id}`).map(row => [row.revision, row.old, row.new]),
      ).toEqual([[1, { name: 'Ann' }, { name: `${flushMode} 2` }]]);
      expect(await test.revisions()).toHaveLength(1);
    }
  });

  describe('two actors on one attribute', () => {
    const ann = new SystemActor('ann');
    const ben = new SystemActor('ben');
    const rows = async () =>
      (await test.attributes()).map(row => [row.attribute, row.action, row.old, row.new, row.actor, row.description]);

    it('in two flushes of a transaction: both kept, in order, each with its old and new value', async () => {
      const id = await seedUser();
      await transactional(async em => {
        const user = await em.findOneOrFail(User, id);
        await RevisionContext.run({ actor: ann, attributeDeltaDescription: 'first' }, async () => {
          Object.assign(user, { name: 'A', email: 'a' });
          await em.flush();
        });
        await RevisionContext.run({ actor: ben, attributeDeltaDescription: 'second' }, async () => {
          user.name = 'B';
          await em.flush();
        });
        await RevisionContext.run({ actor: ann }, async () => {
          user.name = 'C';
          await em.flush();
        });
      });
      expect(await rows()).toEqual([
        ['email', 'set', null, 'a', 'system:ann', 'first'],
        ['name', 'set', 'Ann', 'A', 'system:ann', 'first'],
        ['name', 'set', 'A', 'B', 'system:ben', 'second'],
        ['name', 'set', 'B', 'C', 'system:ann', null],
      ]);
      expect(await summary()).toEqual([[1, 'update', { name: 'Ann', email: null }, { name: 'C', email: 'a' }]]);
    });

    it('in a create and an update', async () => {
      await transactional(async em => {
        const user = RevisionContext.run({ actor: ann }, () => em.create(User, { name: 'A', email: null }));
        await RevisionContext.run({ actor: ann }, () => em.flush());
        await RevisionContext.run({ actor: ben }, async () => {
          user.name = 'B';
          await em.flush();
        });
      });
      expect(await rows()).toEqual([
        ['name', 'set', null, 'A', 'system:ann', null],
        ['name', 'set', 'A', 'B', 'system:ben', null],
      ]);
      expect((await test.deltas()).map(row => [row.action, row.new, row.actor])).toEqual([
        ['create', { name: 'B', email: null }, 'system:ann'],
      ]);
    });

    it('to null and back to a value', async () => {
      const id = await seedUser();
      await transactional(async em => {
        const user = await em.findOneOrFail(User, id);
        user.email = 'p';
        await em.flush();
        await RevisionContext.run({ actor: ann }, async () => {
          user.email = null;
          await em.flush();
        });
        await RevisionContext.run({ actor: ben }, async () => {
          user.email = 'q';
          await em.flush();
        });
      });
      expect(await rows()).toEqual([
        ['email', 'set', null, 'p', null, null],
        ['email', 'unset', 'p', null, 'system:ann', null],
        ['email', 'set', null, 'q', 'system:ben', null],
      ]);
    });
  });

  it('whatever a transaction does in however many flushes, its deltas take the old state to the new one', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('set' as const),
          on: fc.nat(2),
          name: fc.constantFrom('a', 'b'),
          email: fc.constantFrom(null, 'x'),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), on: fc.nat(2) }) },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('create' as const), on: fc.nat(2), name: fc.constantFrom('a', 'b') }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('flush' as const), on: fc.nat(2) }) },
    );
    await test.database.query('alter table "user" drop constraint user_email_unique');
    const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async steps => {
      await test.forget();
      const ids = [await seedUser('a'), await seedUser('a'), await seedUser('a')];
      const read = async () => {
        const rows = await test.database.query<{ id: number; name: string; email: string | null }>(
          'select * from "user" where id = any($1)',
          [ids],
        );
        return new Map(rows.map(({ id, ...values }) => [`User:${id}`, values]));
      };
      const before = await read();
      await transactional(async em => {
        const users = new Map((await em.find(User, { id: ids })).map(user => [ids.indexOf(user.id), user]));
        for (const one of steps) {
          const user = users.get(one.on);
          if (one.do === 'flush') await em.flush();
          else if (one.do === 'set' && user) Object.assign(user, { name: one.name, email: one.email });
          else if (one.do === 'remove' && user) {
            em.remove(user);
            users.delete(one.on);
          } else if (one.do === 'create' && !user) {
            await em.flush();
            users.set(one.on, em.create(User, { id: ids[one.on]!, name: one.name, email: null }));
          }
        }
      });
      const after = await read();
      const rows = await test.deltas();
      expect(new Set(rows.map(row => row.object)).size).toBe(rows.length);
      for (const row of rows) {
        const was = before.get(row.object);
        expect(was ?? {}).toMatchObject(row.old ?? {});
        const kept = Object.keys(row.new ?? {}).filter(name => row.old && row.old[name] === row.new![name]);
        expect(kept).toEqual([]);
      }
      const folded = new Map<string, unknown>(before);
      for (const row of rows) {
        if (row.new) folded.set(row.object, { ...(folded.get(row.object) as object), ...row.new });
        else folded.delete(row.object);
      }
      expect([...folded].toSorted(byContent)).toEqual([...after].toSorted(byContent));
      expect(await test.revisions()).toHaveLength(rows.length ? 1 : 0);
    });
    await fc.assert(property, { seed, numRuns: 25 });
  });
});
