import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MikroORM } from '@mikro-orm/postgresql';
import { AppModule } from './app.module.js';
import type { History } from './replay/commit.js';
import type { Terminal } from './tour/terminal.js';
import { runCheck, runTour, type TourResult } from './tour/tour.js';

export interface Demo extends TourResult {
  readonly app: INestApplication;
}

/** The library on an empty database, filled from a history and shown. The caller listens, and closes. */
export async function startDemo(
  databaseUrl: string,
  history: History,
  { terminal, isCheck = false }: { readonly terminal: Terminal; readonly isCheck?: boolean },
): Promise<Demo> {
  const app = await NestFactory.create(await AppModule.on(databaseUrl), {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  try {
    await app.init();
    const orm = app.get<MikroORM>(MikroORM);
    await orm.schema.create();
    return { app, ...(await (isCheck ? runCheck : runTour)(orm, history, terminal)) };
  } catch (error) {
    await app.close();
    throw error;
  }
}
