import type { AddressInfo } from 'node:net';
import type { MikroORM } from '@mikro-orm/core';
import { EntityManager, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { MikroOrmModule, type MikroOrmModuleSyncOptions } from '@mikro-orm/nestjs';
import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  Injectable,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { RevyModule } from '@revy/nestjs';
import supertest from 'supertest';
import { BLOG, User } from '../support/blog.js';

export type Platform = 'express' | 'fastify';

export interface BlogAppOptions extends Pick<ModuleMetadata, 'imports' | 'controllers' | 'providers'> {
  readonly url: string;
  /** @defaultValue `'express'` */
  readonly platform?: Platform;
  /** @defaultValue `[RevyModule.forRoot()]` */
  readonly revy?: (DynamicModule | Type | Promise<DynamicModule>)[];
  /** What the ORM's configuration has beside its entities. */
  readonly config?: MikroOrmModuleSyncOptions;
  /** What is done with the app before it listens. */
  readonly before?: (app: INestApplication) => unknown;
  /** Whether bodies are parsed before they get to a handler. */
  readonly bodyParser?: boolean;
  /** Middleware around everything else. */
  readonly middleware?: (next: () => void) => void;
}

export interface BlogApp {
  readonly app: INestApplication;
  /** A client of the app, which listens on a port of its own. */
  readonly http: ReturnType<typeof supertest>;
  readonly url: string;
}

class BlogModule {}

/** A Nest app on the blog's tables, with a request context for each request. */
export async function startBlog(options: BlogAppOptions): Promise<BlogApp> {
  const orms: MikroORM[] = [];
  try {
    const app = await createApp(options, orms);
    const { middleware, before } = options;
    await before?.(app);
    if (middleware) app.use((_request: unknown, _response: unknown, next: () => void) => middleware(next));
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    return { app, http: supertest(url), url };
  } catch (error) {
    // Nest closes nothing of an application that did not start, and its connections would outlive the database.
    for (const orm of orms) await orm.close();
    throw error;
  }
}

async function createApp(options: BlogAppOptions, orms: MikroORM[]): Promise<INestApplication> {
  const { revy = [RevyModule.forRoot()], imports = [], controllers, providers, config } = options;
  const orm = await MikroOrmModule.forRoot({
    driver: PostgreSqlDriver,
    clientUrl: options.url,
    entities: BLOG,
    ...config,
    extensions: [...(config?.extensions ?? []), { register: made => orms.push(made) }],
  });
  const module = { module: BlogModule, imports: [orm, ...revy, ...imports], controllers, providers };
  const { bodyParser = true } = options;
  const settings = { logger: false, abortOnError: false, bodyParser } as const;
  return options.platform === 'fastify'
    ? NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), settings)
    : NestFactory.create(module, settings);
}

/** A request whose guard found out who is calling. */
export interface UserRequest {
  readonly headers: Record<string, string | undefined>;
  user?: User;
}

export function requestOf(context: ExecutionContext): UserRequest {
  return context.switchToHttp().getRequest<UserRequest>();
}

/** The user of the header `x-user`, as an authentication guard leaves it behind. */
@Injectable()
export class UserGuard implements CanActivate {
  constructor(private readonly em: EntityManager) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = requestOf(context);
    const id = request.headers['x-user'];
    if (id !== undefined) request.user = await this.em.findOneOrFail(User, Number(id));
    return true;
  }
}
