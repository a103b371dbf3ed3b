import { Reflector } from '@nestjs/core';
import type { MetadataResolver } from './revy.module-options.js';

export const MetadataMark = Reflector.createDecorator<Record<string, unknown> | MetadataResolver>();

/**
 * Stores a JSON object with the revision of a handler, or of each handler of a class. What the handler, its class and
 * the module say is merged key by key; handler beats class beats module option.
 *
 * @param metadata an object, or what gives one for a call
 */
export function RevisionMetadata(
  metadata: Record<string, unknown> | MetadataResolver,
): ClassDecorator & MethodDecorator {
  return MetadataMark(metadata);
}
