import { startEmbeddedPg } from './embedded-pg.mjs';

export default async () => {
  if (process.env.DATABASE_URL) return;
  const server = await startEmbeddedPg();
  globalThis.__REVY_PG__ = server;
  process.env.DATABASE_URL = server.url;
};
