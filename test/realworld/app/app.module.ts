import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import {
  type DynamicModule,
  Module,
  UnprocessableEntityException,
  type ValidationError,
  ValidationPipe,
} from '@nestjs/common';
import { APP_PIPE } from '@nestjs/core';
import { JwtModule } from '@nestjs/jwt';
import { ArticlesController, TagsController } from './articles.controller.js';
import { AuthGuard } from './auth.js';
import { ENTITIES } from './entities.js';
import { ProfilesController, UsersController } from './users.controllers.js';

function unprocessable(errors: ValidationError[]): UnprocessableEntityException {
  const messages = errors.map(({ property, constraints = {} }) => [property, Object.values(constraints)]);
  return new UnprocessableEntityException({ errors: Object.fromEntries(messages) as object });
}

@Module({
  imports: [JwtModule.register({ secret: 'a secret for tests', signOptions: { expiresIn: '1h' } })],
  controllers: [UsersController, ProfilesController, ArticlesController, TagsController],
  providers: [
    AuthGuard,
    {
      provide: APP_PIPE,
      useValue: new ValidationPipe({ whitelist: true, transform: true, exceptionFactory: unprocessable }),
    },
  ],
})
export class AppModule {
  static on(clientUrl: string): DynamicModule {
    const orm = MikroOrmModule.forRoot({
      driver: PostgreSqlDriver,
      clientUrl,
      entities: ENTITIES,
      metadataProvider: ReflectMetadataProvider,
    });
    return { module: AppModule, imports: [orm as never] };
  }
}
