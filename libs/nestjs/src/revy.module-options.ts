import type { ConfigurableModuleAsyncOptions, ExecutionContext, Type } from '@nestjs/common';
import type { Actor, RevyOptions } from '@revy/mikro-orm';

/**
 * Says who makes the changes of a call: an entity, a `SystemActor`, or `null` for the system.
 *
 * Asked once a call, after the guards. `undefined` passes the question on: from the handler to its class, and from
 * there to the module's option. What it throws becomes the response, as if the handler had thrown it.
 */
export type ActorResolver = (context: ExecutionContext) => Actor | undefined | Promise<Actor | undefined>;

/** Says why a call changes what it changes; `null` for no reason. `undefined` passes on, as in {@link ActorResolver}. */
export type DescriptionResolver = (
  context: ExecutionContext,
) => string | null | undefined | Promise<string | null | undefined>;

/** Gives what is stored with a call's revision as JSON, beside its actor and its description. */
export type MetadataResolver = (
  context: ExecutionContext,
) => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>;

/**
 * What a class given in place of a function implements. Its instance is the one of the container, of any module and any
 * scope; a class that no module provides is made once, with what the container has for its constructor.
 */
export interface RevisionResolver<Value> {
  /** Asked as {@link ActorResolver} is. */
  resolve(context: ExecutionContext): Value | undefined | Promise<Value | undefined>;
}

/** Options of `RevyModule.forRoot`. */
export interface RevyModuleOptions {
  /**
   * Who makes the changes, where no `@RevisionActor()` says so.
   *
   * @defaultValue `null`, the system
   */
  readonly actor?: ActorResolver | Type<RevisionResolver<Actor>>;
  /**
   * Why they are made, where no `@RevisionDescription()` says so.
   *
   * @defaultValue no description
   */
  readonly description?: string | DescriptionResolver | Type<RevisionResolver<string | null>>;
  /**
   * Stored with each revision; `@RevisionMetadata()` adds to it, and wins where both have a key.
   *
   * @defaultValue no metadata
   */
  readonly metadata?: Record<string, unknown> | MetadataResolver | Type<RevisionResolver<Record<string, unknown>>>;
  /**
   * Options of `revy()`, for an ORM whose configuration does not list `revy()` in its "extensions" itself.
   *
   * @defaultValue the defaults of `revy()`
   */
  readonly revy?: RevyOptions;
  /**
   * Opens a frame around the whole of each HTTP request as well, for what the handler's frame does not reach: exception
   * filters, streamed bodies, and middleware and guards that call `RevisionContext.set`. Interceptors and pipes that
   * run before it know its actor once the guards have run.
   *
   * @defaultValue `false`
   */
  readonly middleware?: boolean;
  /**
   * The ORM to track, by the `contextName` of its `MikroOrmModule`; its services are injected with `@InjectRevy()`.
   *
   * @defaultValue the ORM without a name
   */
  readonly contextName?: string;
}

/** What a class given to `RevyModule.forRootAsync` as `useClass` or `useExisting` implements. */
export interface RevyModuleOptionsFactory {
  /** The options of the module. Called once, when the application starts. */
  createRevyOptions(): Omit<RevyModuleOptions, 'contextName'> | Promise<Omit<RevyModuleOptions, 'contextName'>>;
}

/** Options of `RevyModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`, as in every Nest module. */
export type RevyModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  Omit<RevyModuleOptions, 'contextName'>,
  keyof RevyModuleOptionsFactory
> &
  Pick<RevyModuleOptions, 'contextName'>;
