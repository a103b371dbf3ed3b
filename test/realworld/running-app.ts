import type { AddressInfo } from 'node:net';
import { MikroORM } from '@mikro-orm/postgresql';
import type { DynamicModule, INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import supertest from 'supertest';
import type { Answer, Call } from './api-tests.js';

/** The application, listening, with a client that remembers what each user's token is. */
export class RunningApp {
  readonly #tokens = new Map<string, string>();

  private constructor(
    readonly app: INestApplication,
    private readonly http: ReturnType<typeof supertest>,
  ) {}

  static async start(module: DynamicModule): Promise<RunningApp> {
    const app = await NestFactory.create(module, { logger: false });
    await app.get(MikroORM).schema.create();
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new RunningApp(app, supertest(`http://127.0.0.1:${port}`));
  }

  async call({ method, path, as, body }: Call): Promise<Answer> {
    const verb = method.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
    const request = this.http[verb](path).set(as ? { Authorization: `Token ${this.#tokens.get(as)}` } : {});
    const answer: Answer = await (body ? request.send(body) : request);
    const { user } = answer.body as { user?: { username: string; token: string } };
    if (user) this.#tokens.set(user.username, user.token);
    return answer;
  }
}
