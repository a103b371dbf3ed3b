import type { MikroORM, PostgreSqlConnection } from '@mikro-orm/postgresql';

/** How many connections an ORM's pool has lent out. */
export async function connectionsInUse(orm: MikroORM): Promise<number> {
  const pool = await (orm.em.getConnection() as PostgreSqlConnection).getNativeClient();
  return pool.totalCount - pool.idleCount;
}
