import { jest } from '@jest/globals';
import { sameAttribution } from '../../libs/mikro-orm/src/context/attribution-value.js';
import { currentFrame } from '../../libs/mikro-orm/src/context/frame-store.js';
import { RevisionContext } from '../../libs/mikro-orm/src/context/revision-context.js';

const alice = { name: 'alice' };
const bob = { name: 'bob' };

describe('the attribution of a frame', () => {
  it('is one object for as long as it says the same', () => {
    RevisionContext.run({ actor: alice, attributeDeltaDescription: 'typo' }, () => {
      const { attribution } = currentFrame()!;
      expect(attribution).toEqual({
        actor: alice,
        objectDescription: null,
        attributeDescription: 'typo',
        deletionDescription: null,
      });
      RevisionContext.set('metadata', { job: 1 });
      RevisionContext.run({ revisionDescription: 'inner', actor: alice }, () => {
        expect(currentFrame()!.attribution).toBe(attribution);
      });
      RevisionContext.set('actor', bob);
      expect(currentFrame()!.attribution).not.toBe(attribution);
      expect(sameAttribution(currentFrame()!.attribution, attribution)).toBe(false);
    });
  });
});

describe('the revision of a frame', () => {
  it('belongs to the frame that set it', () => {
    const revision = () => ({ id: 1 });
    RevisionContext.run({ revision }, () => {
      const owner = currentFrame()!;
      RevisionContext.run({ actor: alice }, () => {
        expect(currentFrame()!.values).toMatchObject({ revision, revisionOwner: owner });
      });
    });
  });
});

describe('the end of a frame', () => {
  it('calls back once: on return, on an error, when a promise settles, and on disposal', async () => {
    const ends: string[] = [];
    const note = (name: string) => currentFrame()!.onExit(() => ends.push(name));
    RevisionContext.run({}, () => note('return'));
    expect(() =>
      RevisionContext.run({}, () => {
        note('throw');
        throw new Error('stop');
      }),
    ).toThrow('stop');
    await RevisionContext.run({}, async () => note('resolve')).then(() => ends.push('resolved'));
    const rejected = RevisionContext.run({}, async () => {
      note('reject');
      throw new Error('stop');
    });
    await expect(rejected).rejects.toThrow('stop');
    const block = RevisionContext.enter({});
    note('dispose');
    block[Symbol.dispose]();
    block[Symbol.dispose]();
    expect(ends).toEqual(['return', 'throw', 'resolve', 'resolved', 'reject', 'dispose']);
  });

  it('reports what a callback throws, unless the function itself failed', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const fail = () =>
      currentFrame()!.onExit(() => {
        throw new Error('callback');
      });
    expect(() => RevisionContext.run({}, fail)).toThrow('callback');
    const failTwice = () =>
      RevisionContext.run({}, () => {
        fail();
        throw new Error('function');
      });
    expect(failTwice).toThrow('function');
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ message: 'callback' }));
    warn.mockRestore();
  });
});

describe('deep nesting', () => {
  it('resolves a thousand frames, looked at from the innermost only', () => {
    const descend = (depth: number): unknown =>
      depth === 0 ? RevisionContext.get('actor') : RevisionContext.run({}, () => descend(depth - 1));
    expect(RevisionContext.run({ actor: alice }, () => descend(1000))).toBe(alice);
  });
});
