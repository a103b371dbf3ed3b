import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises';
import { RevisionContext } from '../../libs/mikro-orm/src/context/revision-context.js';
import { SystemActor } from '../../libs/mikro-orm/src/context/actor.js';
import { currentFrame } from '../../libs/mikro-orm/src/context/frame-store.js';

const alice = { name: 'alice' };
const bob = { name: 'bob' };

const actor = () => RevisionContext.get('actor');

describe('a frame', () => {
  it('says nothing outside of run', () => {
    expect(RevisionContext.isActive).toBe(false);
    expect(actor()).toBeUndefined();
    expect(RevisionContext.isDisabled).toBe(false);
  });

  it('returns what a sync function returns, and ends with it', () => {
    const result: number = RevisionContext.run({ actor: alice }, () => (actor() === alice ? 1 : 0));
    expect(result).toBe(1);
    expect(RevisionContext.isActive).toBe(false);
  });

  it('holds across awaits, and returns what an async function resolves to', async () => {
    const result: Promise<unknown> = RevisionContext.run({ actor: alice }, async () => {
      await sleep(2);
      return actor();
    });
    expect(actor()).toBeUndefined();
    await expect(result).resolves.toBe(alice);
    expect(actor()).toBeUndefined();
  });

  it('overrides outer keys, leaves the others, and gives way again, also after an error', () => {
    RevisionContext.run({ actor: alice, revisionDescription: 'outer' }, () => {
      const inner = () =>
        RevisionContext.run({ actor: bob }, () => {
          expect([actor(), RevisionContext.get('revisionDescription')]).toEqual([bob, 'outer']);
          throw new Error('inner');
        });
      expect(inner).toThrow('inner');
      expect(actor()).toBe(alice);
    });
  });

  it('takes undefined for absent and null for the system', () => {
    RevisionContext.run({ actor: alice, revisionDescription: 'why' }, () => {
      RevisionContext.run({ actor: undefined, revisionDescription: undefined }, () => {
        expect([actor(), RevisionContext.get('revisionDescription')]).toEqual([alice, 'why']);
      });
      RevisionContext.run({ actor: null, revisionDescription: null }, () => {
        expect([actor(), RevisionContext.get('revisionDescription')]).toEqual([null, null]);
      });
    });
  });

  it('merges metadata over the enclosing frames', () => {
    RevisionContext.run({ metadata: { ip: '::1', job: 1 } }, () =>
      RevisionContext.run({ metadata: { job: 2 } }, () => {
        expect(RevisionContext.get('metadata')).toEqual({ ip: '::1', job: 2 });
      }),
    );
  });

  it('is a new one each time that a function re-enters', () => {
    const descend = (depth: number): unknown[] =>
      RevisionContext.run({ metadata: { depth } }, () => {
        const inner = depth === 3 ? [] : descend(depth + 1);
        return [RevisionContext.get('metadata'), ...inner];
      });
    expect(descend(1)).toEqual([{ depth: 1 }, { depth: 2 }, { depth: 3 }]);
  });

  it('keeps the values it was given when the caller changes the object later', () => {
    const values: { actor: object } = { actor: alice };
    RevisionContext.run(values, () => {
      values.actor = bob;
      expect(actor()).toBe(alice);
    });
  });

  it('awaits thenables inside the frame', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- MikroORM's query builders are such objects
    const lazy = { then: (resolve: (value: unknown) => void) => resolve(actor()) } as PromiseLike<unknown>;
    await expect(RevisionContext.run({ actor: alice }, () => lazy)).resolves.toBe(alice);
  });
});

describe('set, unset and reset', () => {
  it('change the innermost frame, whose inner frames follow, even after they have looked', async () => {
    await RevisionContext.run({ actor: alice }, async () => {
      const outer = currentFrame()!;
      await RevisionContext.run({ revisionDescription: 'branch' }, async () => {
        expect(actor()).toBe(alice);
        outer.set('actor', bob);
        expect(actor()).toBe(bob);
        await tick();
        expect(actor()).toBe(bob);
      });
      expect(actor()).toBe(bob);
    });
  });

  it('let the enclosing value show through again, or clear it everywhere', () => {
    RevisionContext.run({ actor: alice }, () =>
      RevisionContext.run({ actor: bob }, () => {
        RevisionContext.unset('actor');
        expect(actor()).toBe(alice);
        RevisionContext.set('actor', bob);
        expect(actor()).toBe(bob);
        RevisionContext.reset('actor');
        expect(actor()).toBeUndefined();
      }),
    );
  });

  it.each(['set', 'unset', 'reset'] as const)('%s refuses to work outside a frame', name => {
    expect(() => RevisionContext[name]('actor', null)).toThrow(
      'Cannot change "actor" of the revision context: no frame is open here, so nothing would hold the change. ' +
        'Wrap the code in RevisionContext.run({}, () => ...), or pass the value to RevisionContext.run itself.',
    );
  });

  it.each(['disable', 'enable'] as const)('%s refuses to work outside a frame', name => {
    expect(() => RevisionContext[name]()).toThrow(
      expect.objectContaining({
        name: 'ContextOutsideFrameError',
        code: 'REVY_CONTEXT_OUTSIDE_FRAME',
        key: 'isDisabled',
      }),
    );
  });
});

describe('disabling', () => {
  it('holds in inner frames until one of them enables, and ends with its frame, also after an error', () => {
    const states: boolean[] = [];
    const note = () => states.push(RevisionContext.isDisabled);
    expect(() =>
      RevisionContext.runDisabled(() => {
        RevisionContext.run({ actor: alice }, note);
        RevisionContext.runEnabled(() => {
          note();
          RevisionContext.runDisabled(note);
        });
        note();
        throw new Error('stop');
      }),
    ).toThrow('stop');
    note();
    expect(states).toEqual([true, false, true, true, false]);
  });

  it('is switched in the present frame by disable and enable', () => {
    RevisionContext.run({}, () => {
      RevisionContext.disable();
      expect([RevisionContext.isDisabled, RevisionContext.isActive]).toEqual([true, true]);
      RevisionContext.run({}, () => RevisionContext.enable());
      expect(RevisionContext.isDisabled).toBe(true);
      RevisionContext.enable();
      expect(RevisionContext.isDisabled).toBe(false);
    });
  });

  it('never reaches a task that runs at the same time', async () => {
    const inEnabled = async () => {
      await sleep(1);
      return RevisionContext.isDisabled;
    };
    const both = [RevisionContext.runDisabled(inEnabled), RevisionContext.run({}, inEnabled)];
    await expect(Promise.all(both)).resolves.toEqual([true, false]);
  });
});

describe('parallel requests', () => {
  it('never see one another, a thousand at a time', async () => {
    const request = (id: number) =>
      RevisionContext.run({ metadata: { id } }, async () => {
        await sleep(id % 7);
        RevisionContext.set('revisionDescription', `request ${id}`);
        return RevisionContext.run({ actor: { id } }, async () => {
          await tick();
          return [actor(), RevisionContext.get('metadata'), RevisionContext.get('revisionDescription')];
        });
      });
    const ids = Array.from({ length: 1000 }, (_, id) => id);
    const seen = await Promise.all(ids.map(request));
    expect(seen).toEqual(ids.map(id => [{ id }, { id }, `request ${id}`]));
  });
});

describe('a SystemActor', () => {
  it('needs a name', () => {
    expect(new SystemActor('importer').name).toBe('importer');
    expect(SystemActor.is(new SystemActor('importer'))).toBe(true);
    expect(SystemActor.is(alice)).toBe(false);
    expect(() => new SystemActor(' ')).toThrow(
      expect.objectContaining({
        code: 'REVY_EMPTY_ACTOR_NAME',
        message:
          'Cannot make a SystemActor: its name is empty, so nobody could tell it from another system. ' +
          `Give it a name, as in new SystemActor('importer'), or use the actor null for the system as a whole.`,
      }),
    );
  });
});
