import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { revy, SystemActor } from '@revy/mikro-orm';
import {
  AlreadyTrackedError,
  MikroOrmMissingError,
  type RevyModuleOptions,
  type RevyModuleOptionsFactory,
  RevyModule,
} from '@revy/nestjs';
import { createOrm, type TestOrm } from '../support/orm.js';
import { type BlogApp, startBlog } from './blog-app.js';
import { named, PostsController, Seeder } from './module-controllers.js';

let blog: TestOrm;
let running: BlogApp[] = [];

async function start(options: Partial<Parameters<typeof startBlog>[0]> = {}): Promise<BlogApp> {
  const app = await startBlog({ url: blog.database.url, controllers: [PostsController], ...options });
  running.push(app);
  return app;
}

beforeAll(async () => {
  blog = await createOrm();
});

beforeEach(() => blog.forget());

afterEach(async () => {
  for (const { app } of running) await app.close();
  running = [];
});

afterAll(() => blog.close());

describe('RevyModule.forRoot() twice', () => {
  it('records once, asks once, and adds up what both say', async () => {
    const asked: string[] = [];
    const first: RevyModuleOptions = {
      actor: () => void asked.push('first actor') as undefined,
      metadata: { from: 'first', first: true },
    };
    const second: RevyModuleOptions = {
      actor: () => (asked.push('second actor'), new SystemActor('second')),
      description: () => (asked.push('description'), 'from the second'),
      metadata: { from: 'second', second: true },
    };
    const { http } = await start({ revy: [RevyModule.forRoot(first), RevyModule.forRoot(second)] });
    const { body } = await http.post('/posts').send({ title: 'a' }).expect(201);
    expect(body).toMatchObject({ actor: 'second' });
    expect(asked).toEqual(['first actor', 'second actor', 'description']);
    expect(await blog.revisions()).toEqual([
      {
        id: 1,
        actor: 'system:second',
        description: 'from the second',
        metadata: { from: 'first', first: true, second: true },
      },
    ]);
    expect(await blog.deltas()).toHaveLength(1);
  });

  it('lets neither override what a decorator says', async () => {
    const settings = [named('first'), { ...named('second'), metadata: { from: 'second', second: true } }];
    const { http } = await start({ revy: settings.map(options => RevyModule.forRoot(options)) });
    await http.post('/posts/decorated').send({ title: 'a' }).expect(201);
    await http.post('/posts').send({ title: 'b' }).expect(201);
    expect(await blog.revisions()).toMatchObject([
      { actor: 'system:decorator', metadata: { from: 'decorator', second: true } },
      { actor: 'system:first', metadata: { from: 'second', second: true } },
    ]);
  });
});

describe('RevyModule.forRootAsync()', () => {
  @Injectable()
  class Settings implements RevyModuleOptionsFactory {
    readonly name = 'from a class';

    async createRevyOptions(): Promise<RevyModuleOptions> {
      return named(this.name);
    }
  }

  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  it.each([
    ['useClass', RevyModule.forRootAsync({ useClass: Settings })],
    ['useExisting', RevyModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })],
    [
      'useFactory',
      RevyModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async (settings: Settings) => named(settings.name),
      }),
    ],
  ])('takes its options from %s', async (_, module) => {
    const { http } = await start({ revy: [module] });
    const { body } = await http.post('/posts').send({ title: 'a' }).expect(201);
    expect(body).toMatchObject({ actor: 'from a class' });
    expect(await blog.revisions()).toMatchObject([{ actor: 'system:from a class' }]);
  });

  it('passes the options of revy() on, before any module starts', async () => {
    const module = RevyModule.forRootAsync({ useFactory: async () => ({ revy: { track: 'marked' } }) });
    await start({ revy: [module], providers: [Seeder] });
    expect(await blog.deltas()).toEqual([]);
  });
});

describe('an application that cannot be tracked', () => {
  it('does not start without MikroOrmModule, and says what is missing', async () => {
    @Module({ imports: [RevyModule.forRoot()] })
    class Alone {}
    const starting = NestFactory.createApplicationContext(Alone, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(new MikroOrmMissingError());
  });

  it('does not start with options that come too late', async () => {
    const module = RevyModule.forRoot({ revy: { track: 'marked' } });
    await expect(start({ revy: [module], config: { extensions: [revy()] } })).rejects.toThrow(
      new AlreadyTrackedError(),
    );
  });

  it('does not start with an option that does not exist', async () => {
    const misplaced = { track: 'marked' } as RevyModuleOptions;
    await expect(start({ revy: [RevyModule.forRoot(misplaced)] })).rejects.toThrow(
      `Cannot set up Revy: the option "track" is 'marked'. ` +
        `Use one of actor, description, metadata, revy, middleware; ` +
        `the options of revy() go into "revy", contextName beside useFactory.`,
    );
  });

  it('does not start with a contextName that comes too late', async () => {
    const late = RevyModule.forRootAsync({ useFactory: () => ({ contextName: 'books' }) as object });
    await expect(start({ revy: [late] })).rejects.toThrow(`the option "contextName" is 'books'`);
  });

  it('fails with the reason of the ORM, where it is the ORM that fails', async () => {
    const afterDiscovered = () => {
      throw new Error('the ORM fails');
    };
    await expect(start({ config: { discovery: { afterDiscovered } } })).rejects.toThrow('the ORM fails');
  });
});
