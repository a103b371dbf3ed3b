import fc from 'fast-check';
import { type Kind, LOAD_COUNT, STEP_KINDS } from './steps.js';

/** One thing that a program does. What it does it to and with is drawn by number from what there is at that time. */
export interface Step {
  readonly kind: Kind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Steps of their own savepoint, or of their own frame. */
export interface Block {
  readonly kind: 'savepoint' | 'attempt' | 'given up' | 'frame';
  readonly actor: number;
  readonly steps: readonly (Step | Block)[];
}

export interface TransactionScript {
  readonly mode: 'flush' | 'transactional' | 'begin' | 'transactional given up' | 'begin rolled back';
  /** The entity manager: that of the transaction before, as it is or cleared, or a new one. */
  readonly manager: 'same' | 'cleared' | 'fork';
  /** Who acts; none leaves the steps outside every frame. */
  readonly actor: number | null;
  /** What is loaded at the beginning. */
  readonly loads: readonly number[];
  readonly steps: readonly (Step | Block)[];
}

/** What one run does. */
export interface Script {
  /** Which foreign keys the rows have that are there before. */
  readonly variant: number;
  readonly transactions: readonly TransactionScript[];
}

const nat = fc.nat(11);

const step: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom(...STEP_KINDS), a: nat, b: nat, c: nat });

const block: fc.Arbitrary<Block> = fc.letrec<{ block: Block; item: Step | Block }>(tie => ({
  item: fc.oneof({ maxDepth: 2 }, { weight: 5, arbitrary: step }, { weight: 1, arbitrary: tie('block') }),
  block: fc.record({
    kind: fc.constantFrom('savepoint' as const, 'attempt' as const, 'given up' as const, 'frame' as const),
    actor: fc.nat(2),
    steps: fc.array(tie('item'), { minLength: 1, maxLength: 4 }),
  }),
})).block;

const transaction: fc.Arbitrary<TransactionScript> = fc.record({
  mode: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('flush' as const, 'transactional' as const, 'begin' as const) },
    { weight: 1, arbitrary: fc.constantFrom('transactional given up' as const, 'begin rolled back' as const) },
  ),
  manager: fc.constantFrom('same', 'cleared', 'fork'),
  actor: fc.option(fc.nat(2), { freq: 3 }),
  loads: fc.array(fc.nat(LOAD_COUNT - 1), { maxLength: 3 }),
  steps: fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 1, arbitrary: block }), {
    minLength: 1,
    maxLength: 8,
  }),
});

export const script: fc.Arbitrary<Script> = fc.record({
  variant: fc.nat(99),
  transactions: fc.array(transaction, { minLength: 1, maxLength: 4 }),
});
