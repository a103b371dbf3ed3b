import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { revy } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { createDomain } from './domain.js';

/** The connections of a stage's ORM are called so, and no others. */
export const STAGE = 'stage';

const CONFIG: Partial<Options> = {
  // what a crash of the server would lose is not what is tested here
  driverOptions: { options: '-c synchronous_commit=off', application_name: STAGE },
};

/** An ORM of the domain on a database of its own; with `revy: false`, as it works without Revy. */
export async function createStage(options: { revy?: false; pool?: Options['pool'] } = {}): Promise<TestOrm> {
  const { revy: isTracked, pool } = options;
  const config = { ...CONFIG, ...(pool && { pool }) };
  const stage = await createOrm(createDomain(isTracked !== false), {
    ...(isTracked === false && { revy: false }),
    config,
  });
  await stage.database.query(`insert into staff (id, name) values (1, 'Ann')`);
  if (isTracked === false) {
    await stage.database.query(
      'create table revy_object_delta (); create table revy_revision (); create table witness ()',
    );
  }
  return stage;
}

/** Another ORM on the database of a stage, for another process. */
export async function joinStage(clientUrl: string, pool?: Options['pool']): Promise<MikroORM> {
  return MikroORM.init({ clientUrl, entities: createDomain(), extensions: [revy()], ...CONFIG, ...(pool && { pool }) });
}
