import type { ConfigurableModuleAsyncOptions, ExecutionContext } from '@nestjs/common';
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

/** Options of `RevyModule.forRoot`. */
export interface RevyModuleOptions {
  /**
   * Who makes the changes, where no `@RevisionActor()` says so.
   *
   * @defaultValue `null`, the system
   */
  readonly actor?: ActorResolver;
  /**
   * Why they are made, where no `@RevisionDescription()` says so.
   *
   * @defaultValue no description
   */
  readonly description?: string | DescriptionResolver;
  /**
   * Stored with each revision; `@RevisionMetadata()` adds to it, and wins where both have a key.
   *
   * @defaultValue no metadata
   */
  readonly metadata?: Record<string, unknown> | MetadataResolver;
  /**
   * Options of `revy()`, for an ORM whose configuration does not list `revy()` in its "extensions" itself.
   *
   * @defaultValue the defaults of `revy()`
   */
  readonly revy?: RevyOptions;
}

/** What a class given to `RevyModule.forRootAsync` as `useClass` or `useExisting` implements. */
export interface RevyModuleOptionsFactory {
  createRevyOptions(): RevyModuleOptions | Promise<RevyModuleOptions>;
}

/** Options of `RevyModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`, as in every Nest module. */
export type RevyModuleAsyncOptions = ConfigurableModuleAsyncOptions<RevyModuleOptions, keyof RevyModuleOptionsFactory>;
