import { createDatabase, type TestDatabase } from '../support/database.js';
import { describeApi } from './api-tests.js';
import { AppModule } from './app/app.module.js';
import { RunningApp } from './running-app.js';

let database: TestDatabase;
let running: RunningApp;

beforeAll(async () => {
  database = await createDatabase();
  running = await RunningApp.start(AppModule.on(database.url));
});

afterAll(async () => {
  await running.app.close();
  await database.drop();
});

describe('an application that knows nothing of Revy', () => {
  describeApi(call => running.call(call));

  it('has no history', async () => {
    expect(await database.query(`select to_regclass('revy_revision') as history`)).toEqual([{ history: null }]);
  });
});
