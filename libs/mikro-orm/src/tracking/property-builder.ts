import { UniversalPropertyOptionsBuilder, type UniversalPropertyKeys } from '@mikro-orm/core';
import type { PropertyTrackingOptions } from './tracking-options.js';

type BuilderKeys =
  Exclude<UniversalPropertyKeys, 'entity' | 'items'> | '~options' | '~type' | '$type' | 'strictNullable' | 'lazyRef';

declare module '@mikro-orm/core' {
  interface UniversalPropertyOptionsBuilder<in out Value, in out Options, in out IncludeKeys extends BuilderKeys> {
    /** What Revy records of this property. Import `@revy/mikro-orm` where you use it. */
    revy(
      options: PropertyTrackingOptions,
    ): Pick<UniversalPropertyOptionsBuilder<Value, Options, IncludeKeys>, IncludeKeys>;
  }
  interface PropertyChain<in out Value, in out Options> {
    /** What Revy records of this property. Import `@revy/mikro-orm` where you use it. */
    revy(options: PropertyTrackingOptions): PropertyChain<Value, Options>;
  }
}

interface Builder {
  assignOptions(options: object): object;
}

// MikroORM 7.2 has no way to add an option to its property builders; it requires each one to have a method there.
Object.assign(UniversalPropertyOptionsBuilder.prototype, {
  revy(this: Builder, options: PropertyTrackingOptions) {
    return this.assignOptions({ revy: options });
  },
});
