import { type DynamicModule, Module } from '@nestjs/common';
import { RevisionActor, RevyModule } from '@revy/nestjs';
import { ApiController } from './app/api.controller.js';
import { AppModule } from './app/app.module.js';

// All that there is to it, written here so that the application's own files stay as they are: one decorator, as above
// the class of its controllers, …
RevisionActor()(ApiController);

/** … and one import. */
@Module({ imports: [RevyModule.forRoot()] })
export class TrackedAppModule {
  static on(clientUrl: string): DynamicModule {
    return { module: TrackedAppModule, imports: [AppModule.on(clientUrl)] };
  }
}
