import type { Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { DescriptionResolver, RevisionResolver } from './revy.module-options.js';

export const DescriptionMark = Reflector.createDecorator<
  string | DescriptionResolver | Type<RevisionResolver<string | null>>
>();

/**
 * Says why a handler, or each handler of a class, changes what it changes: the description of its revision.
 * Handler beats class beats module option.
 *
 * @param description a text, or a function or a class of the container that gives one for a call
 */
export function RevisionDescription(
  description: string | DescriptionResolver | Type<RevisionResolver<string | null>>,
): ClassDecorator & MethodDecorator {
  return DescriptionMark(description);
}
