import { PassThrough } from 'node:stream';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { libraryConfig } from '../../apps/demo/src/mikro-orm.config.js';
import { GeneratedHistory } from '../../apps/demo/src/replay/generated-history.js';
import { replay } from '../../apps/demo/src/replay/replay.js';
import { revisionFrame } from '../../apps/demo/src/replay/revision-frame.js';
import { checkEveryCommit } from '../../apps/demo/src/tour/check-every-commit.js';
import { Terminal } from '../../apps/demo/src/tour/terminal.js';
import type { TourState } from '../../apps/demo/src/tour/tour-state.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let state: TourState;
let said = '';

beforeAll(async () => {
  database = await createDatabase();
  const orm = await MikroORM.init(libraryConfig(database.url));
  await orm.schema.create();
  const history = new GeneratedHistory();
  const out = Object.assign(new PassThrough(), { isTTY: false, columns: 200 });
  out.on('data', chunk => (said += String(chunk)));
  const terminal = new Terminal(out as never);
  state = { orm, terminal, history, replayed: await replay(orm, history, { frame: revisionFrame }) };
});
afterAll(async () => {
  await state.orm.close();
  await database.drop();
});

it('finds every document at every commit as it was, by three ways', async () => {
  expect(await checkEveryCommit(state)).toBe(true);
  const counts = [
    ...said.replaceAll(/\s+/g, ' ').matchAll(/120 commits, ([\d,]+) documents compared, 0 differences/g),
  ].map(found => found[1]);
  expect(counts).toEqual(['26,400', '26,400', '26,400']);
}, 300_000);

it('tells where one of them is wrong', async () => {
  const { replayed } = state;
  const [first] = replayed.index.documents;
  await database.query(`update revy_object_delta set new_values = new_values || '{"mode": "wrong"}'
    where object_type = 'Document' and object_id = '${first!.id}' and action = 'create'`);
  said = '';
  expect(await checkEveryCommit(state)).toBe(false);
  expect(said).toContain('mode is wrong, not');
}, 300_000);
