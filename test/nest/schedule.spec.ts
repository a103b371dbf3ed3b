import { MikroORM } from '@mikro-orm/core';
import { CreateRequestContext } from '@mikro-orm/decorators/legacy';
import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { RevisionContext, SystemActor } from '@revy/mikro-orm';
import { RevisionDescription, WithRevisionContext } from '@revy/nestjs';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog } from './blog-app.js';
import { actorNow, byName, tagged, TagWriter, until } from './tag-writer.js';

@Injectable()
class TagJobs {
  readonly seen: Record<string, string> = {};

  constructor(
    private readonly tags: TagWriter,
    readonly orm: MikroORM,
  ) {}

  @Interval('above', 5)
  @WithRevisionContext({ actor: new SystemActor('interval') })
  async above() {
    await this.once('above');
  }

  @WithRevisionContext({ actor: async () => new SystemActor('cron') })
  @RevisionDescription('every second')
  @Cron('* * * * * *', { name: 'below' })
  async below() {
    await this.once('below');
  }

  @Timeout('timeout', 5)
  @CreateRequestContext()
  @WithRevisionContext({ actor: new SystemActor('timeout'), description: 'once' })
  async timeout() {
    await this.once('timeout');
  }

  @Interval('bare', 5)
  async bare() {
    await this.once('bare');
  }

  private async once(job: string) {
    if (this.seen[job] !== undefined) return;
    this.seen[job] = actorNow();
    await this.tags.write(job);
  }
}

let blog: TestOrm;
let running: BlogApp;

beforeAll(async () => {
  blog = await createOrm();
  running = await startBlog({
    url: blog.database.url,
    imports: [ScheduleModule.forRoot()],
    providers: [TagJobs, TagWriter],
  });
});

afterAll(async () => {
  const schedule = running.app.get(SchedulerRegistry);
  for (const name of schedule.getIntervals()) schedule.deleteInterval(name);
  for (const name of schedule.getCronJobs().keys()) schedule.deleteCronJob(name);
  await running.app.close();
  await blog.close();
});

describe('@nestjs/schedule', () => {
  it('runs in the frame of @WithRevisionContext(), above or below its own decorator, and in none without it', async () => {
    await until(async () => (await tagged(blog)).length === 4);
    expect(running.app.get(TagJobs).seen).toEqual({
      above: 'interval',
      below: 'cron',
      timeout: 'timeout',
      bare: 'nobody',
    });
    expect(await tagged(blog)).toEqual(
      byName([
        { name: 'above', actor: 'system:interval', description: null },
        { name: 'below', actor: 'system:cron', description: 'every second' },
        { name: 'timeout', actor: 'system:timeout', description: 'once' },
        { name: 'bare', actor: null, description: null },
      ]),
    );
    expect(RevisionContext.isActive).toBe(false);
  });
});
