import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { InjectQueue, BullModule, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Body, Controller, Post as HttpPost, UseGuards } from '@nestjs/common';
import { type CapturedContext, captureContext, RevisionContext } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription, WithRevisionContext } from '@revy/nestjs';
import { type Job, Queue, QueueEvents } from 'bullmq';
import type { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog, UserGuard } from './blog-app.js';
import { actorNow, by, byName, createUsers, tagged, TagWriter, until } from './tag-writer.js';

// The processor is tested by itself everywhere, and in a queue where a Redis answers on this machine: REDIS_URL, or the
// usual port.
const redis = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const connection = { host: redis.hostname, port: Number(redis.port || 6379) };
const hasRedis = await answers();
const inQueue = hasRedis ? describe : describe.skip;

const QUEUE = 'tags';

interface TagJob {
  readonly name: string;
  readonly context: CapturedContext;
}

const contextOf = (job: Job<TagJob>) => job.data.context;

@Processor(QUEUE, { concurrency: 10 })
class TagProcessor extends WorkerHost {
  readonly completed: string[] = [];

  constructor(private readonly tags: TagWriter) {
    super();
  }

  @WithRevisionContext({ captured: contextOf, description: (job: Job<TagJob>) => `job ${job.data.name}` })
  async process(job: Job<TagJob>) {
    await this.tags.write(`job ${job.data.name}`);
    return actorNow();
  }

  @OnWorkerEvent('completed')
  @WithRevisionContext({ captured: contextOf })
  async onCompleted(job: Job<TagJob>) {
    await this.tags.write(`done ${job.data.name}`);
    this.completed.push(job.data.name);
  }
}

@Controller('tags')
@UseGuards(UserGuard)
@RevisionActor()
@RevisionDescription('requested')
class TagController {
  constructor(
    @InjectQueue(QUEUE) private readonly queue: Pick<Queue<TagJob>, 'add'>,
    private readonly tags: TagWriter,
  ) {}

  @HttpPost()
  async add(@Body('name') name: string) {
    await this.tags.write(name);
    await this.queue.add('tag', { name, context: captureContext() });
  }
}

let blog: TestOrm;
let users: User[];

beforeAll(async () => {
  blog = await createOrm();
  users = await createUsers(blog, 20);
});

beforeEach(() => blog.forget());

afterAll(() => blog.close());

const addTags = (running: BlogApp) =>
  Promise.all(
    users.map(user => running.http.post('/tags').set('x-user', String(user.id)).send({ name: user.name }).expect(201)),
  );

/** The revision of each request, by the name of its tag. */
async function requested(): Promise<Map<string, number>> {
  const rows = await blog.database.query<{ name: string; revision: number }>(
    `select new_values ->> 'name' as name, revision_id::int as revision from revy_object_delta`,
  );
  return new Map(rows.map(({ name, revision }) => [name, revision]));
}

const causes = () =>
  blog.database.query<{ name: string }>(`
    select d.new_values ->> 'name' as name, r.actor_type || ':' || r.actor_id as actor, r.description,
      (r.metadata -> 'causedBy' ->> 'revision')::int as revision, r.metadata -> 'causedBy' ->> 'description' as cause
    from revy_object_delta d join revy_revision r on r.id = d.revision_id where r.metadata ? 'causedBy'`);

async function expectedCauses(hasEvents: boolean) {
  const revisions = await requested();
  return users.flatMap(user => {
    const caused = { actor: by(user), revision: revisions.get(user.name), cause: 'requested' };
    const done = { ...caused, name: `done ${user.name}`, description: 'requested' };
    return [{ ...caused, name: `job ${user.name}`, description: `job ${user.name}` }, ...(hasEvents ? [done] : [])];
  });
}

describe('a processor', () => {
  it('G5: is credited to the request of its own job, and names its revision, 20 at once', async () => {
    const jobs: string[] = [];
    const running = await startBlog({
      url: blog.database.url,
      controllers: [TagController],
      providers: [
        TagWriter,
        TagProcessor,
        {
          provide: `BullQueue_${QUEUE}`,
          useValue: { add: async (_: string, job: TagJob) => jobs.push(JSON.stringify(job)) },
        },
      ],
    });
    try {
      await addTags(running);
      const processor = running.app.get(TagProcessor);
      const data = jobs.map(job => JSON.parse(job) as TagJob);
      const actors = await Promise.all(data.map(job => processor.process({ data: job } as Job<TagJob>)));
      const userOf = ({ name }: TagJob) => users.find(user => user.name === name)!;
      expect(actors).toEqual(data.map(job => by(userOf(job))));
      expect(byName(await causes())).toEqual(byName(await expectedCauses(false)));
      expect(RevisionContext.isActive).toBe(false);
    } finally {
      await running.app.close();
    }
  });
});

inQueue(`a processor in a queue${hasRedis ? '' : ' (no Redis answers at 127.0.0.1:6379 or REDIS_URL)'}`, () => {
  it('G5: is credited to the request of its own job, and so are its events, 20 at once', async () => {
    const prefix = `revy-${randomUUID()}`;
    const running = await startBlog({
      url: blog.database.url,
      imports: [BullModule.forRoot({ connection, prefix }), BullModule.registerQueue({ name: QUEUE })],
      controllers: [TagController],
      providers: [TagWriter, TagProcessor],
    });
    const events = new QueueEvents(QUEUE, { connection, prefix });
    const queue = new Queue(QUEUE, { connection, prefix });
    try {
      await addTags(running);
      const processor = running.app.get(TagProcessor);
      await until(() => processor.completed.length === users.length);
      expect(await tagged(blog)).toHaveLength(users.length * 3);
      expect(byName(await causes())).toEqual(byName(await expectedCauses(true)));
    } finally {
      await queue.obliterate({ force: true });
      await Promise.all([queue.close(), events.close()]);
      await running.app.close();
    }
  });
});

function answers(): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ ...connection, timeout: 1000 }, () => socket.write('PING\r\n'));
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.on('data', data => end(String(data).startsWith('+PONG')));
    socket.on('error', () => end(false)).on('timeout', () => end(false));
  });
}
