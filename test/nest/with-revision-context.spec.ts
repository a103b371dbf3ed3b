import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { SetMetadata } from '@nestjs/common';
import { type CapturedContext, captureContext, RevisionContext, SystemActor } from '@revy/mikro-orm';
import {
  RevisionActor,
  RevisionDescription,
  RevisionMetadata,
  UnreachableResolverError,
  WithoutRevision,
  WithRevisionContext,
} from '@revy/nestjs';
import { concatMap, interval, lastValueFrom, map, type Observable, of, take, toArray } from 'rxjs';
import { Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const now = () => (RevisionContext.get('actor') as SystemActor | null | undefined)?.name ?? 'nobody';
const system = (name: string) => new SystemActor(name);

class CurrentUser {
  resolve() {
    return null;
  }
}

@RevisionMetadata({ from: 'class' })
class Jobs {
  readonly name = 'jobs';
  resumed: string[] = [];

  @WithRevisionContext()
  empty() {
    return { isActive: RevisionContext.isActive, actor: RevisionContext.get('actor') };
  }

  @WithRevisionContext({ actor: system('clock'), description: 'tick', metadata: { own: 1 } })
  sync(a: number, b: number) {
    const { name } = this;
    return { name, sum: a + b, actor: now(), ...values() };
  }

  @WithRevisionContext({
    actor(this: Jobs, user: string) {
      return system(`${this.name} of ${user}`);
    },
    description: async (user: string) => `by ${user}`,
  })
  waits(user: string): unknown {
    return { actor: now(), ...values(), user };
  }

  @SetMetadata('above', 1)
  @RevisionDescription('decorated above')
  @WithRevisionContext({ actor: () => undefined })
  @RevisionActor(context => system(`${context.getType()} ${context.getArgByIndex<string>(0)}`))
  @SetMetadata('below', 2)
  decorated(_of: string) {
    return { actor: now(), ...values() };
  }

  @WithRevisionContext({ captured: (job: { context?: CapturedContext }) => job.context, description: 'job' })
  async process(_job: { context?: CapturedContext }) {
    await sleep(Math.random() * 5);
    return { actor: RevisionContext.get('actor'), ...values() };
  }

  @WithRevisionContext({ actor: system('failing') })
  fails(): never {
    throw new Error(`by ${now()}`);
  }

  @WithRevisionContext({ actor: system('failing') })
  async rejects() {
    await sleep(1);
    throw new Error(`by ${now()}`);
  }

  @WithRevisionContext({ actor: system('stream') })
  observable(): Observable<string> {
    return interval(1).pipe(
      take(2),
      concatMap(n => of(`${n} by ${now()}`)),
    );
  }

  @WithRevisionContext({ actor: system('stream') })
  async promised(): Promise<Observable<string>> {
    await sleep(1);
    return of(1).pipe(map(() => now()));
  }

  @WithRevisionContext({ actor: system('generator') })
  *numbers(): Generator<string, string, string | undefined> {
    try {
      RevisionContext.set('revisionDescription', 'kept');
      const given = yield now();
      yield `${given} ${RevisionContext.get('revisionDescription')}`;
      return now();
    } finally {
      this.resumed.push(now());
    }
  }

  @WithRevisionContext({ actor: (name: string) => system(name) })
  async *pages(_name: string) {
    try {
      for (let page = 1; page <= 3; page += 1) {
        await sleep(Math.random() * 3);
        yield `${page} ${now()}`;
      }
    } finally {
      this.resumed.push(now());
    }
  }

  @WithRevisionContext()
  @RevisionActor(CurrentUser)
  unreachable() {}

  @WithRevisionContext({ actor: system('off') })
  @WithoutRevision()
  off() {
    return { actor: now(), isDisabled: RevisionContext.isDisabled };
  }
}

function values() {
  return { description: RevisionContext.get('revisionDescription'), metadata: RevisionContext.get('metadata') };
}

const jobs = new Jobs();

describe('@WithRevisionContext()', () => {
  beforeEach(() => {
    jobs.resumed = [];
  });

  it('opens a frame, of the system where nobody names an actor', () => {
    expect(jobs.empty()).toEqual({ isActive: true, actor: null });
    expect(RevisionContext.isActive).toBe(false);
    expect(RevisionContext.run({ actor: system('outer') }, () => jobs.empty())).toEqual({
      isActive: true,
      actor: system('outer'),
    });
  });

  it('leaves a sync method sync, with its instance and its arguments', () => {
    expect(jobs.sync(1, 2)).toEqual({
      name: 'jobs',
      sum: 3,
      actor: 'clock',
      description: 'tick',
      metadata: { own: 1, from: 'class' },
    });
  });

  it('waits for values that have to be waited for, and asks with the instance and the arguments', async () => {
    const answers = await Promise.all(['ann', 'bob', 'eve'].map(user => jobs.waits(user)));
    expect(answers).toEqual(
      ['ann', 'bob', 'eve'].map(user => ({
        actor: `jobs of ${user}`,
        description: `by ${user}`,
        metadata: { from: 'class' },
        user,
      })),
    );
  });

  it('heeds the other decorators, above and below, and hides nothing that they keep', () => {
    expect(jobs.decorated('ann')).toEqual({
      actor: 'method ann',
      description: 'decorated above',
      metadata: { from: 'class' },
    });
    const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'decorated')!.value as (of: string) => unknown;
    expect([method.name, method.length]).toEqual(['decorated', 1]);
    expect([Reflect.getMetadata('above', method), Reflect.getMetadata('below', method)]).toEqual([1, 2]);
    expect(Reflect.getMetadata('design:paramtypes', Jobs.prototype, 'decorated')).toEqual([String]);
  });

  it('restores the context that came with a job, and lets the job say why', async () => {
    const actors = Array.from({ length: 20 }, (_, n) => system(`request ${n}`));
    const sent = actors.map(actor =>
      RevisionContext.run({ actor, revisionDescription: 'request', metadata: { request: actor.name } }, captureContext),
    );
    const answers = await Promise.all(sent.map(context => jobs.process({ context })));
    expect(answers).toEqual(
      actors.map(actor => ({
        actor,
        description: 'job',
        metadata: {
          from: 'class',
          request: actor.name,
          causedBy: expect.objectContaining({ actorId: actor.name, description: 'request' }),
        },
      })),
    );
    expect(await jobs.process({})).toEqual({ actor: null, description: 'job', metadata: { from: 'class' } });
  });

  it('passes failures on as they are', async () => {
    expect(() => jobs.fails()).toThrow('by failing');
    await expect(jobs.rejects()).rejects.toThrow('by failing');
  });

  it('keeps its frame in Observables, each subscription of its own', async () => {
    const observable = jobs.observable();
    const twice = await Promise.all([observable, observable].map(one => lastValueFrom(one.pipe(toArray()))));
    expect(twice).toEqual(Array.from({ length: 2 }, () => ['0 by stream', '1 by stream']));
    expect(await lastValueFrom(await jobs.promised())).toBe('stream');
  });

  it('keeps one frame in a generator, whoever resumes it', () => {
    const generator = RevisionContext.run({ actor: system('elsewhere') }, () => jobs.numbers());
    expect(generator.next()).toEqual({ value: 'generator', done: false });
    expect(RevisionContext.run({ actor: system('other') }, () => generator.next('given'))).toEqual({
      value: 'given kept',
      done: false,
    });
    expect(generator.next()).toEqual({ value: 'generator', done: true });
    expect(Array.from(jobs.numbers() as Iterable<string>)).toEqual(['generator', 'undefined kept']);
    const broken = jobs.numbers();
    broken.next();
    expect(() => broken.throw(new Error('thrown in'))).toThrow('thrown in');
    expect(jobs.resumed).toEqual(['generator', 'generator', 'generator']);
  });

  it('keeps the frames of async generators apart, also where they are left early', async () => {
    const read = async (name: string) => {
      const pages: string[] = [];
      for await (const page of jobs.pages(name)) pages.push(page);
      return pages;
    };
    expect(await Promise.all(['a', 'b'].map(read))).toEqual([
      ['1 a', '2 a', '3 a'],
      ['1 b', '2 b', '3 b'],
    ]);
    for await (const page of jobs.pages('left')) {
      expect(page).toBe('1 left');
      break;
    }
    expect(jobs.resumed.toSorted()).toEqual(['a', 'b', 'left']);
  });

  it('leaves out of history what is marked so', () => {
    expect(jobs.off()).toEqual({ actor: 'off', isDisabled: true });
  });

  it('refuses a class of a container that it cannot reach', () => {
    expect(() => jobs.unreachable()).toThrow(new UnreachableResolverError('CurrentUser', 'Jobs.unreachable'));
  });

  it('is typed for methods, and for the arguments of its functions', () => {
    class Typed {
      @WithRevisionContext({ actor: () => null, description: (n: number) => `${n}`, metadata: async () => undefined })
      right(n: number) {
        return n;
      }

      // @ts-expect-error: an actor is an object or null
      @WithRevisionContext({ actor: () => 'ann' })
      // @ts-expect-error: a description is a text
      @WithRevisionContext({ description: 7 })
      wrong() {}
    }
    expect(new Typed().right(2)).toBeInstanceOf(Promise);
  });
});

describe('what it records', () => {
  let blog: TestOrm;
  let ann: User;

  class Worker {
    constructor(private readonly em: EntityManager) {}

    @WithRevisionContext({ captured: (job: { context: CapturedContext }) => job.context, description: 'tagged' })
    async tag(job: { context: CapturedContext; name: string }) {
      const em = this.em.fork();
      em.create(Tag, { name: job.name });
      await em.flush();
    }
  }

  beforeAll(async () => {
    blog = await createOrm();
    const em = blog.orm.em.fork();
    ann = em.create(User, { name: 'Ann' });
    await em.flush();
    await blog.forget();
  });

  afterAll(() => blog.close());

  it('is credited to whoever caused the job, with the revision that caused it', async () => {
    const { orm } = blog;
    const job = await RevisionContext.run({ actor: ann, revisionDescription: 'request' }, async () => {
      const em = orm.em.fork();
      em.create(Tag, { name: 'of the request' });
      await em.flush();
      return { context: captureContext(), name: 'of the job' };
    });
    await new Worker(orm.em).tag(JSON.parse(JSON.stringify(job)) as typeof job);
    expect(await blog.revisions()).toMatchObject([
      { id: 1, actor: `User:${ann.id}`, description: 'request' },
      {
        id: 2,
        actor: `User:${ann.id}`,
        description: 'tagged',
        metadata: { causedBy: { revision: 1, actorType: 'User', description: 'request' } },
      },
    ]);
  });
});
