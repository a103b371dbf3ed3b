import { MikroORM } from '@mikro-orm/postgresql';
import { Controller, Get } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { revy } from '@revy/mikro-orm';
import { RevyHealthIndicator } from '@revy/nestjs';
import { BLOG } from '../support/blog.js';
import { createDatabase } from '../support/database.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { AuditDelta, AUDITED, AuditDeltaSchema, AuditRevision, AuditRevisionSchema } from '../swapped/audit.js';
import { type BlogApp, startBlog } from './blog-app.js';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly revy: RevyHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.revy.isHealthy()]);
  }
}

let blog: TestOrm;
let running: BlogApp;

beforeEach(async () => {
  blog = await createOrm();
  running = await startBlog({
    url: blog.database.url,
    imports: [TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
  });
});

afterEach(async () => {
  await running.app.close();
  await blog.close();
});

describe('RevyHealthIndicator', () => {
  it('is up where the history can be written, for three statements that find nothing', async () => {
    let body: unknown;
    await running.http.get('/health').expect(200); // connects
    const sent = await statementsOf(async () => {
      ({ body } = await running.http.get('/health').expect(200));
    });
    expect(body).toMatchObject({ status: 'ok', info: { revy: { status: 'up' } } });
    expect(sent).toHaveLength(3);
  });

  it.each([
    ['its tables are missing', 'drop table revy_object_delta cascade', /relation "revy_object_delta" does not exist/],
    ['its view is missing', 'drop view revy_attribute_delta', /relation "revy_attribute_delta" does not exist/],
    ['a column is missing', 'alter table revy_revision drop column reverts', /column r0\.reverts does not exist/],
  ])('is down where %s, and says so', async (_, sql, reason) => {
    await blog.database.query(sql);
    const { body } = await running.http.get('/health').expect(503);
    expect(body).toMatchObject({ status: 'error', error: { revy: { status: 'down' } } });
    const { message } = (body as { error: { revy: { message: string } } }).error.revy;
    expect(message).toMatch(/^the history cannot be read: /);
    expect(message).toMatch(reason);
  });

  it('looks at the columns of entities that stand in the places of ours', async () => {
    const audit = revy({ tablePrefix: 'audit_', entities: { Revision: AuditRevision, ObjectDelta: AuditDelta } });
    const entities = [...AUDITED, AuditRevisionSchema, AuditDeltaSchema];
    const database = await createDatabase();
    const orm = await MikroORM.init({ clientUrl: database.url, entities, extensions: [audit] });
    await orm.schema.create();
    const indicator = new RevyHealthIndicator(orm.em);
    expect(await indicator.isHealthy()).toEqual({ revy: { status: 'up' } });
    const { schema, tableName } = orm.getMetadata().get(AuditRevision);
    await database.query(`alter table ${schema ?? 'public'}.${tableName} drop column ip`);
    const { revy: health } = await indicator.isHealthy();
    expect(health).toEqual({ status: 'down', message: expect.stringMatching(/column a0\.ip does not exist/) });
    await orm.close();
    await database.drop();
  });

  it('is down for an ORM that nothing tracks, under the name that it is given', async () => {
    const orm = await MikroORM.init({ clientUrl: blog.database.url, entities: BLOG });
    expect(await new RevyHealthIndicator(orm.em).isHealthy('history')).toEqual({
      history: { status: 'down', message: 'this ORM does not run Revy: nothing is recorded' },
    });
    await orm.close();
  });
});
