import fc from 'fast-check';

/** Seed of this run's property-based tests; `FC_SEED` repeats a run. It stands in the titles, so that it is printed. */
export const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);

/** Text that PostgreSQL can hold: everything but NUL, lone surrogates included. */
export const text = (maxLength = 30): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: fc.integer({ min: 1, max: 0xff_ff }).map(code => String.fromCharCode(code)), maxLength }),
    fc.string({ unit: 'grapheme', maxLength }).filter(value => !value.includes('\0')),
    fc.string({ unit: fc.constantFrom('\\', '"', `'`, '%', '{', '}', ',', '\\ud800', '~', '[', ']', ' '), maxLength }),
  );

/** JSON that `jsonb` can hold: no NUL and no lone surrogates. */
export const json = (): fc.Arbitrary<unknown> =>
  fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 3 }).filter(value => !JSON.stringify(value).includes('\\u0000'));
