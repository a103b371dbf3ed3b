import { createOrm, type TestOrm } from '../support/orm.js';
import { createDomain } from './domain.js';

/** An ORM of the domain on a database of its own; with `revy: false`, as it works without Revy. */
export async function createStage(options: { revy?: false } = {}): Promise<TestOrm> {
  const stage = await createOrm(createDomain(options.revy !== false), {
    ...options,
    // what a crash of the server would lose is not what is tested here
    config: { driverOptions: { options: '-c synchronous_commit=off' } },
  });
  await stage.database.query(`insert into staff (id, name) values (1, 'Ann')`);
  if (options.revy === false) {
    await stage.database.query(
      'create table revy_object_delta (); create table revy_revision (); create table witness ()',
    );
  }
  return stage;
}
