import type { Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { MetadataResolver, RevisionResolver } from './revy.module-options.js';

type MetadataSource = Record<string, unknown> | MetadataResolver | Type<RevisionResolver<Record<string, unknown>>>;

export const MetadataMark = Reflector.createDecorator<MetadataSource>();

/**
 * Stores a JSON object with the revision of a handler, or of each handler of a class. What the handler, its class and
 * the module say is merged key by key; handler beats class beats module option.
 *
 * @param metadata an object, or a function or a class of the container that gives one for a call
 */
export function RevisionMetadata(
  metadata: Record<string, unknown> | MetadataResolver | Type<RevisionResolver<Record<string, unknown>>>,
): ClassDecorator & MethodDecorator {
  return MetadataMark(metadata);
}
