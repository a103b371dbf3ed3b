import {
  ContextOutsideFrameError,
  HistoryService,
  ObjectDelta,
  Revision,
  RevisionContext,
  SystemActor,
} from '@revy/mikro-orm';
import { setTimeout as sleep } from 'node:timers/promises';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

let test: TestOrm;
let ann: User;
let bob: User;
let tag: Tag;
beforeAll(async () => {
  test = await createOrm();
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query('truncate "user", tag, post, comment, post_tags restart identity cascade');
  const em = test.orm.em.fork();
  ann = em.create(User, { name: 'Ann', email: null });
  bob = em.create(User, { name: 'Bob', email: null });
  tag = em.create(Tag, { name: 'tag' });
  await em.flush();
  await test.forget();
});

async function rename(name: string, id = tag.id): Promise<void> {
  const em = test.orm.em.fork();
  (await em.findOneOrFail(Tag, id)).name = name;
  await em.flush();
}

const byAnn = () => `User:${ann.id}`;
const byBob = () => `User:${bob.id}`;
const summary = async () => (await test.revisions()).map(({ description, actor }) => [description, actor]);

describe('a context and what it records', () => {
  it('G2: the actor of a creation, an update and a deletion is each its own; without one it is the system', async () => {
    const em = test.orm.em.fork();
    const made = await RevisionContext.run({ actor: ann }, async () => {
      const one = em.create(Tag, { name: 'x' });
      await em.flush();
      return one;
    });
    await RevisionContext.run({ actor: bob }, async () => {
      made.name = 'y';
      await em.flush();
    });
    await RevisionContext.run({ actor: new SystemActor('sweeper') }, () => em.remove(made).flush());
    await rename('by nobody');
    expect((await test.deltas()).map(({ action, actor }) => [action, actor])).toEqual([
      ['create', byAnn()],
      ['update', byBob()],
      ['delete', 'system:sweeper'],
      ['update', null],
    ]);
  });

  it('G3: a frame holds in its block only, overrides key by key, and is over after an exception', async () => {
    await RevisionContext.run({ actor: ann, revisionDescription: 'outer' }, async () => {
      await rename('a');
      await RevisionContext.run({ actor: bob }, () => rename('b'));
      await RevisionContext.run({ revisionDescription: 'inner' }, () => rename('c'));
      await expect(
        RevisionContext.run({ actor: bob, revisionDescription: 'failing' }, async () => {
          await rename('d');
          throw new Error('stop');
        }),
      ).rejects.toThrow('stop');
      await rename('e');
    });
    await rename('f');
    expect(await summary()).toEqual([
      ['outer', byAnn()],
      ['outer', byBob()],
      ['inner', byAnn()],
      ['failing', byBob()],
      ['outer', byAnn()],
      [null, null],
    ]);
  });

  it('G4, H2: tasks side by side neither see each other’s context nor switch each other off', async () => {
    const em = test.orm.em.fork();
    const tags = Array.from({ length: 12 }, (_, n) => em.create(Tag, { name: `t${n}` }));
    await RevisionContext.runDisabled(() => em.flush());
    await Promise.all(
      tags.map(({ id }, n) =>
        RevisionContext.run({ actor: n % 2 ? ann : bob, revisionDescription: `task ${n}` }, async () => {
          if (n % 3 === 0) RevisionContext.disable();
          await sleep((12 - n) % 5);
          await rename(`task ${n}`, id);
          await sleep(n % 4);
          RevisionContext.enable();
        }),
      ),
    );
    expect(RevisionContext.isActive).toBe(false);
    const recorded = (await test.deltas()).map(({ object, actor, new: values }) => [object, actor, values]);
    const expected = tags.flatMap(({ id }, n) =>
      n % 3 ? [[`Tag:${id}`, n % 2 ? byAnn() : byBob(), { name: `task ${n}` }]] : [],
    );
    expect(recorded).toHaveLength(expected.length);
    expect(recorded).toEqual(expect.arrayContaining(expected));
    expect((await summary()).every(([description]) => /^task \d+$/.test(description!))).toBe(true);
  });

  it('G7: a function makes the revision when it is first needed, once, and not at all if nothing changes', async () => {
    let calls = 0;
    const revision = () => {
      calls++;
      return Object.assign(new Revision(), { description: `made lazily ${calls}` });
    };
    await RevisionContext.run({ revision, actor: ann }, async () => {
      await rename('tag');
      expect(calls).toBe(0);
      await rename('a');
      await rename('b');
      await RevisionContext.run({ actor: bob }, () => rename('c'));
    });
    expect(calls).toBe(1);
    await RevisionContext.run({ revision }, () => rename('d'));
    expect(calls).toBe(2);
    expect(await summary()).toEqual([
      ['made lazily 1', byAnn()],
      ['made lazily 2', null],
    ]);
    expect((await test.deltas()).map(({ revision: id, actor }) => [id, actor])).toEqual([
      [1, byAnn()],
      [1, byAnn()],
      [1, byBob()],
      [2, null],
    ]);
  });

  it('G7: one revision can be continued later, and from several tasks at once', async () => {
    const shared = new Revision();
    await RevisionContext.run({ revision: shared, revisionDescription: 'import' }, () => rename('a'));
    expect(shared.id).toBe(1);
    const em = test.orm.em.fork();
    const tags = Array.from({ length: 6 }, (_, n) => em.create(Tag, { name: `t${n}` }));
    await RevisionContext.run({ revision: shared }, () => em.flush());
    await RevisionContext.run({ revision: await em.findOneOrFail(Revision, 1) }, () =>
      Promise.all(tags.map(({ id }, n) => rename(`u${n}`, id))),
    );
    expect(await summary()).toEqual([['import', null]]);
    expect(new Set((await test.deltas()).map(({ revision }) => revision))).toEqual(new Set([1]));
    expect(await test.deltas()).toHaveLength(13);
  });

  it('G8: quotes, percent signs and all other text are stored as they are', async () => {
    const nasty = `it's "100%" \\ $1 ? :x {{y}} \n\t ü 🦜 '; drop table tag; --`;
    const metadata = { [nasty]: [nasty, { "'": '%s' }, null, 0, false, ''] };
    await RevisionContext.run(
      {
        actor: new SystemActor(nasty),
        revisionDescription: nasty,
        objectDeltaDescription: nasty,
        attributeDeltaDescription: `${nasty}!`,
        metadata,
      },
      () => rename(nasty),
    );
    expect(await test.revisions()).toEqual([{ id: 1, description: nasty, actor: `system:${nasty}`, metadata }]);
    expect(await test.attributes()).toMatchObject([{ new: nasty, description: `${nasty}!` }]);
    const [revision] = await new HistoryService(test.orm.em.fork()).revisions({
      actor: new SystemActor(nasty),
      description: nasty,
    });
    expect(revision!.metadata).toEqual(metadata);
  });

  it('metadata of inner frames is laid over the outer frames’, key by key', async () => {
    await RevisionContext.run({ metadata: { request: 1, user: 'a' } }, async () => {
      await RevisionContext.run({ metadata: { user: 'b', job: null } }, () => rename('a'));
      await rename('b');
    });
    expect((await test.revisions()).map(({ metadata }) => metadata)).toEqual([
      { request: 1, user: 'b', job: null },
      { request: 1, user: 'a' },
    ]);
  });

  it('G10: a key set outside every frame is refused', () => {
    expect(() => RevisionContext.set('actor', ann)).toThrow(ContextOutsideFrameError);
    expect(() => RevisionContext.disable()).toThrow(ContextOutsideFrameError);
  });

  it('G11: frames nested in one transaction are one revision, which says what held at its COMMIT', async () => {
    const em = test.orm.em.fork();
    await RevisionContext.run({ actor: ann, revisionDescription: 'whole' }, () =>
      em.transactional(async inner => {
        const one = await inner.findOneOrFail(Tag, tag.id);
        await RevisionContext.run(
          { actor: bob, revisionDescription: 'part', objectDeltaDescription: 'in part' },
          async () => {
            one.name = 'a';
            await inner.flush();
          },
        );
        inner.create(Tag, { name: 'new' });
        await inner.flush();
      }),
    );
    expect(await summary()).toEqual([['whole', byAnn()]]);
    expect(await test.deltas()).toMatchObject([
      { revision: 1, action: 'update', actor: byBob(), description: 'in part' },
      { revision: 1, action: 'create', actor: byAnn(), description: null },
    ]);
  });

  it('G12: reading makes no revision, and an error takes the revision with it', async () => {
    await RevisionContext.run({ actor: ann, revisionDescription: 'GET' }, async () => {
      const em = test.orm.em.fork();
      await em.find(Tag, {});
      await em.transactional(inner => inner.find(User, {}));
      await em.flush();
    });
    await RevisionContext.run({ actor: ann }, () =>
      test.orm.em.fork().transactional(async inner => {
        (await inner.findOneOrFail(Tag, tag.id)).name = 'lost';
        await inner.flush();
        throw new Error('500');
      }),
    ).catch(() => {});
    expect([await test.revisions(), await test.deltas()]).toEqual([[], []]);
  });

  it('G13: what the context is told late, before the COMMIT, is what the revision says', async () => {
    await RevisionContext.run({ actor: ann }, () =>
      test.orm.em.fork().transactional(async inner => {
        (await inner.findOneOrFail(Tag, tag.id)).name = 'a';
        await inner.flush();
        RevisionContext.set('revisionDescription', 'said at the end');
        RevisionContext.set('metadata', { late: true });
      }),
    );
    expect(await test.revisions()).toEqual([
      { id: 1, description: 'said at the end', actor: byAnn(), metadata: { late: true } },
    ]);
  });

  it('G14: who made it look like this, and who ended that state, stand in one delta and the next', async () => {
    await RevisionContext.run({ actor: ann }, () => rename('a'));
    await RevisionContext.run({ actor: bob }, () => rename('b'));
    const [made, ended] = await new HistoryService(test.orm.em.fork()).deltas(Tag, tag.id);
    expect([made, ended]).toMatchObject([
      { newValues: { name: 'a' }, actorId: String(ann.id) },
      { oldValues: { name: 'a' }, actorId: String(bob.id) },
    ]);
  });

  it('G15: what a revision changed can be listed by type, each object once', async () => {
    await RevisionContext.run({ actor: ann }, async () => {
      const em = test.orm.em.fork();
      await em.transactional(async inner => {
        const one = await inner.findOneOrFail(Tag, tag.id);
        for (const name of ['a', 'b']) {
          one.name = name;
          await inner.flush();
        }
        inner.create(Post, { title: 'p', slug: null, views: 0, meta: null, author: null });
      });
    });
    const changed = await test.orm.em.fork().find(ObjectDelta, { revision: 1 }, { orderBy: { objectType: 'asc' } });
    expect(changed.map(({ objectType, action }) => [objectType, action])).toEqual([
      ['Post', 'create'],
      ['Tag', 'update'],
    ]);
  });

  it('an actor that exists only in a transaction that is rolled back leaves nothing to refer to', async () => {
    const em = test.orm.em.fork();
    const ghost = em.create(User, { name: 'Ghost', email: null });
    await em.begin();
    await em.flush();
    await em.rollback();
    await RevisionContext.run({ actor: ghost }, () => rename('by a ghost'));
    const [revision] = await new HistoryService(test.orm.em.fork()).revisions();
    expect(revision!.actorId).toBe(String(ghost.id));
    expect(await revision!.actors).toEqual([]);
  });
});

describe('disabled contexts', () => {
  it('H1: nest, in both directions, and are restored after exceptions', async () => {
    await RevisionContext.run({ actor: ann }, async () => {
      await RevisionContext.runDisabled(async () => {
        await rename('1');
        await RevisionContext.runEnabled(async () => {
          await rename('2');
          await RevisionContext.runDisabled(() => rename('3'));
          await rename('4');
        });
        await rename('5');
        await expect(
          RevisionContext.runEnabled(async () => {
            await rename('6');
            throw new Error('stop');
          }),
        ).rejects.toThrow('stop');
        await rename('7');
      });
      await expect(RevisionContext.runDisabled(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
      expect(RevisionContext.isDisabled).toBe(false);
      await rename('8');
    });
    expect((await test.deltas()).map(({ old, new: now, actor }) => [old!.name, now!.name, actor])).toEqual([
      ['1', '2', byAnn()],
      ['3', '4', byAnn()],
      ['5', '6', byAnn()],
      ['7', '8', byAnn()],
    ]);
  });

  it('H1: what was switched off in a frame ends with the frame', async () => {
    await RevisionContext.run({ actor: ann }, async () => {
      await RevisionContext.run({}, async () => {
        RevisionContext.disable();
        await rename('1');
      });
      expect(RevisionContext.isDisabled).toBe(false);
      await rename('2');
    });
    expect(await test.deltas()).toMatchObject([{ old: { name: '1' }, new: { name: '2' } }]);
  });

  it('send no statement of ours', async () => {
    const em = test.orm.em.fork();
    const one = await em.findOneOrFail(Tag, tag.id);
    const sent = await RevisionContext.runDisabled(() =>
      statementsOf(async () => {
        one.name = 'quiet';
        await em.flush();
      }),
    );
    expect(sent).toEqual(['begin', expect.stringMatching(/^update "tag"/), 'commit']);
  });

  it('H3: a flush in a transaction is left out on its own, and the rest of the transaction is recorded', async () => {
    await test.orm.em.fork().transactional(async inner => {
      const one = await inner.findOneOrFail(Tag, tag.id);
      await RevisionContext.runDisabled(async () => {
        one.name = 'unseen';
        await inner.flush();
      });
      inner.create(Tag, { name: 'seen' });
    });
    expect(await test.deltas()).toMatchObject([{ action: 'create', new: { name: 'seen' } }]);
  });

  it('H4: after a change that was not recorded, the next delta starts from the row as it was', async () => {
    await rename('a');
    await RevisionContext.runDisabled(() => rename('b'));
    await rename('c');
    expect((await test.deltas()).map(({ old, new: now }) => [old, now])).toEqual([
      [{ name: 'tag' }, { name: 'a' }],
      [{ name: 'b' }, { name: 'c' }],
    ]);
  });

  it('H4: so it does for an object that is still loaded', async () => {
    const em = test.orm.em.fork();
    const one = await em.findOneOrFail(Tag, tag.id);
    await RevisionContext.runDisabled(async () => {
      one.name = 'b';
      await em.flush();
    });
    one.name = 'c';
    await em.flush();
    expect((await test.deltas()).map(({ old, new: now }) => [old, now])).toEqual([[{ name: 'b' }, { name: 'c' }]]);
  });
});

describe('H5: tracking that is off unless asked for', () => {
  it('outsideContext: ignore records only inside a context, or where it is switched on', async () => {
    const quiet = await createOrm(undefined, { revy: { outsideContext: 'ignore' } });
    const make = async (name: string) => {
      const em = quiet.orm.em.fork();
      em.create(Tag, { name });
      await em.flush();
    };
    await make('unseen');
    await RevisionContext.runEnabled(() => make('enabled'));
    await RevisionContext.run({}, () => make('in a context'));
    await make('unseen again');
    expect((await quiet.deltas()).map(({ new: values }) => values!.name)).toEqual(['enabled', 'in a context']);
    await quiet.close();
  });
});
