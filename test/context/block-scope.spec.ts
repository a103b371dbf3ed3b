import { setImmediate as tick, setTimeout as sleep } from 'node:timers/promises';
import { RevisionContext } from '../../libs/mikro-orm/src/context/revision-context.js';

const alice = { name: 'alice' };
const bob = { name: 'bob' };
const actor = () => RevisionContext.get('actor');

async function changeAs(who: object): Promise<unknown> {
  using _frame = RevisionContext.enter({ actor: who });
  await sleep(1);
  return actor();
}

describe('a frame entered for a block', () => {
  it('ends with the block, also when the block throws', () => {
    const block = () => {
      using _frame = RevisionContext.enter({ actor: alice });
      expect(actor()).toBe(alice);
      throw new Error('stop');
    };
    expect(block).toThrow('stop');
    expect(RevisionContext.isActive).toBe(false);
  });

  it('nests in other frames, and leaves them as they were', () => {
    RevisionContext.run({ actor: alice, revisionDescription: 'outer' }, () => {
      {
        using _frame = RevisionContext.enter({ actor: bob });
        expect([actor(), RevisionContext.get('revisionDescription')]).toEqual([bob, 'outer']);
      }
      expect(actor()).toBe(alice);
    });
  });

  it('leaves the context of an async function’s caller as it was', async () => {
    await RevisionContext.run({ actor: alice }, async () => {
      await expect(changeAs(bob)).resolves.toBe(bob);
      expect(actor()).toBe(alice);
      await tick();
      expect(actor()).toBe(alice);
    });
    await changeAs(bob);
    expect(RevisionContext.isActive).toBe(false);
  });

  it('holds for each of several async functions in a row, and for none of what follows', async () => {
    expect([await changeAs(alice), await changeAs(bob), actor()]).toEqual([alice, bob, undefined]);
  });

  it('is gone after a Promise.all of functions that enter one each', async () => {
    expect(await Promise.all([changeAs(alice), changeAs(bob)])).toEqual([alice, bob]);
    expect(RevisionContext.isActive).toBe(false);
  });

  it('is not seen by timers and continuations that outlive the block', async () => {
    const late: Promise<unknown>[] = [];
    {
      using _frame = RevisionContext.enter({ actor: alice });
      late.push(
        sleep(5).then(actor),
        new Promise(resolve => setTimeout(() => resolve(actor()), 5)),
        RevisionContext.run({ revisionDescription: 'inner' }, async () => {
          await sleep(5);
          return actor();
        }),
      );
    }
    await expect(Promise.all(late)).resolves.toEqual([undefined, undefined, undefined]);
  });

  it('may be disposed twice, and in any order', () => {
    const outer = RevisionContext.enter({ actor: alice });
    const inner = RevisionContext.enter({ revisionDescription: 'inner' });
    outer[Symbol.dispose]();
    expect([actor(), RevisionContext.get('revisionDescription')]).toEqual([undefined, 'inner']);
    inner[Symbol.dispose]();
    inner[Symbol.dispose]();
    expect(RevisionContext.isActive).toBe(false);
  });
});
