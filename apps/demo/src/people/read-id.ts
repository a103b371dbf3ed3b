export const MAX_ID = 2_147_483_647;

/** A key from text, or `undefined` when it can be none. */
export function readId(text: string): number | undefined {
  const id = Number(text);
  return /^\d{1,10}$/.test(text) && id >= 1 && id <= MAX_ID ? id : undefined;
}
