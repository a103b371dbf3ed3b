import { Reflector } from '@nestjs/core';
import type { DescriptionResolver } from './revy.module-options.js';

export const DescriptionMark = Reflector.createDecorator<string | DescriptionResolver>();

/**
 * Says why a handler, or each handler of a class, changes what it changes: the description of its revision.
 * Handler beats class beats module option.
 *
 * @param description a text, or what gives one for a call
 */
export function RevisionDescription(description: string | DescriptionResolver): ClassDecorator & MethodDecorator {
  return DescriptionMark(description);
}
