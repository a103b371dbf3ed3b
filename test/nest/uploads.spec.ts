import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Controller, Post as HttpPost, Req, UseGuards } from '@nestjs/common';
import { RevisionActor } from '@revy/nestjs';
import { User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, type Platform, startBlog, UserGuard } from './blog-app.js';
import { actorNow, createUsers } from './tag-writer.js';

const leaveToHandler = (_request: unknown, _body: unknown, done: (error: null) => void) => done(null);

/** Fastify has a request of its own around that of Node. */
type UploadRequest = Readable & { readonly raw?: Readable };

const bodyOf = (request: UploadRequest): Readable => request.raw ?? request;

@Controller('uploads')
@UseGuards(UserGuard)
@RevisionActor()
class UploadController {
  @HttpPost('awaited')
  async awaited(@Req() request: UploadRequest) {
    const seen: string[] = [];
    for await (const _ of bodyOf(request)) seen.push(actorNow());
    return seen.at(-1);
  }

  @HttpPost('pipeline')
  async pipeline(@Req() request: UploadRequest) {
    const seen: string[] = [];
    await pipeline(bodyOf(request), async source => {
      for await (const _ of source) seen.push(actorNow());
    });
    return seen.at(-1);
  }

  @HttpPost('written')
  async written(@Req() request: UploadRequest) {
    const seen: string[] = [];
    const write = (_: unknown, __: unknown, done: () => void) => {
      seen.push(actorNow());
      done();
    };
    await pipeline(bodyOf(request), new Writable({ write }));
    return seen.at(-1);
  }

  @HttpPost('heard')
  heard(@Req() request: UploadRequest) {
    const body = bodyOf(request);
    return new Promise(resolve => {
      let seen = '';
      body.on('data', () => (seen = actorNow()));
      body.on('end', () => resolve(seen));
    });
  }
}

describe.each<Platform>(['express', 'fastify'])('the body of a request on %s, as a stream', platform => {
  let blog: TestOrm;
  let users: User[];
  let running: BlogApp;
  beforeAll(async () => {
    blog = await createOrm();
    users = await createUsers(blog, 10);
    running = await startBlog({
      url: blog.database.url,
      controllers: [UploadController],
      providers: [UserGuard],
      bodyParser: false,
      platform,
      before: app => {
        if (platform === 'fastify') app.getHttpAdapter().getInstance().addContentTypeParser('*', leaveToHandler);
      },
    });
  });
  afterAll(async () => {
    await running?.app.close();
    await blog.close();
  });

  const upload = async (path: string, user: User) => {
    const body = (async function* () {
      for (let i = 0; i < 3; i++) {
        yield Buffer.alloc(100_000);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    })();
    const answer = await fetch(`${running.url}/uploads/${path}`, {
      method: 'POST',
      body: body as never,
      duplex: 'half',
      headers: { 'x-user': String(user.id) },
    } as RequestInit);
    return answer.text();
  };

  it.each(['awaited', 'pipeline', 'written', 'heard'])(
    'G5: is received in the frame of its own request: %s',
    async path => {
      expect(await Promise.all(users.map(user => upload(path, user)))).toEqual(users.map(({ name }) => name));
    },
  );
});
