export { getRevyToken, InjectRevy } from './inject-revy.decorator.js';
export { RevisionActor } from './revision-actor.decorator.js';
export { RevisionDescription } from './revision-description.decorator.js';
export { RevisionMetadata } from './revision-metadata.decorator.js';
export { type RevyHealth, RevyHealthIndicator } from './revy.health-indicator.js';
export {
  AlreadyTrackedError,
  MikroOrmMissingError,
  MisplacedRevisionActorError,
  UnreachableResolverError,
} from './revy-nest.errors.js';
export type {
  ActorResolver,
  DescriptionResolver,
  MetadataResolver,
  RevisionResolver,
  RevyModuleAsyncOptions,
  RevyModuleOptions,
  RevyModuleOptionsFactory,
} from './revy.module-options.js';
export { RevyModule } from './revy.module.js';
export {
  type ValueOfCall,
  WithRevisionContext,
  type WithRevisionContextOptions,
} from './with-revision-context.decorator.js';
export { WithoutRevision } from './without-revision.decorator.js';
