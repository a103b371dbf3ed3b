export { RevisionActor } from './revision-actor.decorator.js';
export { RevisionDescription } from './revision-description.decorator.js';
export { RevisionMetadata } from './revision-metadata.decorator.js';
export { AlreadyTrackedError, MikroOrmMissingError, MisplacedRevisionActorError } from './revy-nest.errors.js';
export type {
  ActorResolver,
  DescriptionResolver,
  MetadataResolver,
  RevyModuleAsyncOptions,
  RevyModuleOptions,
  RevyModuleOptionsFactory,
} from './revy.module-options.js';
export { RevyModule } from './revy.module.js';
export { WithoutRevision } from './without-revision.decorator.js';
