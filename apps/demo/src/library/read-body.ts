import { BadRequestException } from '@nestjs/common';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a JSON body. Refuses what is no object, is empty, or has fields that nobody asked for. */
export function readFields(body: unknown, allowed: readonly string[]): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new BadRequestException(`The body is a JSON object with ${listWords(allowed)}.`);
  }
  const names = Object.keys(body);
  const unknown = names.filter(name => !allowed.includes(name));
  if (unknown.length > 0) {
    throw new BadRequestException(`There is no field "${unknown[0]}" to set here, only ${listWords(allowed)}.`);
  }
  if (names.length === 0) {
    throw new BadRequestException(`The body sets nothing: it can set ${listWords(allowed)}.`);
  }
  return body as Fields;
}

/** "a, b and c" */
export function listWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
