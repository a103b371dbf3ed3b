import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  ActorRef,
  type CapturedContext,
  captureContext,
  HistoryService,
  Revision,
  RevisionContext,
  runWithCaptured,
  SystemActor,
  UnusableActorError,
  UnusableCapturedContextError,
  UnserialisableMetadataError,
} from '@revy/mikro-orm';
import { Workshop } from '../docs/workshop.js';
import { Post, Tag, User } from '../support/blog.js';
import { createOrm, type TestOrm } from '../support/orm.js';

let test: TestOrm;
let ann: User;

const date = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** As a queue would carry it. */
const sent = (captured: CapturedContext): CapturedContext => JSON.parse(JSON.stringify(captured)) as CapturedContext;

async function addTag(name: string): Promise<void> {
  const em = test.orm.em.fork();
  em.create(Tag, { name });
  await em.flush();
}

beforeAll(async () => {
  test = await createOrm();
  const em = test.orm.em.fork();
  ann = em.create(User, { name: 'Ann' });
  await em.flush();
});

beforeEach(() => test.forget());

afterAll(() => test.close());

describe('captureContext()', () => {
  it('gives everything that holds, as JSON', () => {
    const values = {
      actor: ann,
      revisionDescription: 'published',
      objectDeltaDescription: 'object',
      attributeDeltaDescription: null,
      deletionDescription: 'gone',
      metadata: { at: new Date(0), nested: { quote: `O'Hara "%"` } },
    };
    const captured = RevisionContext.run(values, () => RevisionContext.run({ metadata: { inner: 1 } }, captureContext));
    expect(captured).toEqual({
      revy: 1,
      actor: { type: 'User', id: String(ann.id) },
      revisionDescription: 'published',
      objectDeltaDescription: 'object',
      attributeDeltaDescription: null,
      deletionDescription: 'gone',
      metadata: {
        causedBy: {
          revision: null,
          actorType: 'User',
          actorId: String(ann.id),
          description: 'published',
          capturedAt: date,
        },
        at: '1970-01-01T00:00:00.000Z',
        nested: { quote: `O'Hara "%"` },
        inner: 1,
      },
    });
    expect(sent(captured)).toEqual(captured);
  });

  it('gives nothing but its form outside every frame, where there is no cause', () => {
    expect(captureContext()).toEqual({ revy: 1 });
    expect(runWithCaptured(captureContext(), () => RevisionContext.get('metadata'))).toBeUndefined();
  });

  it('tells a system from nobody, and nobody from nothing said', () => {
    const actorIn = (values: object) => RevisionContext.run(values, captureContext).actor;
    expect(actorIn({ actor: new SystemActor('importer') })).toEqual({ type: 'system', id: 'importer' });
    expect(actorIn({ actor: null })).toBeNull();
    expect(actorIn({})).toBeUndefined();
  });

  it('refuses what could not be restored', () => {
    const capture = (values: object) => () => RevisionContext.run(values, captureContext);
    expect(capture({ actor: new Date() })).toThrow(new UnusableActorError('Date', 'not an entity'));
    expect(capture({ actor: test.orm.em.fork().create(User, { name: 'unsaved' }) })).toThrow(
      new UnusableActorError('User', 'no key'),
    );
    expect(capture({ metadata: { big: 1n } })).toThrow(UnserialisableMetadataError);
  });

  it('names the revision that was recorded last in its frame, or in one inside', async () => {
    const [outside, inside, own] = await RevisionContext.run({ actor: ann }, async () => {
      await addTag('first');
      const before = captureContext();
      const within = await RevisionContext.run({}, async () => {
        const inherited = captureContext();
        await addTag('second');
        return inherited;
      });
      return [before, within, captureContext()];
    });
    const revisions = [outside, inside, own].map(captured => causeOf(captured!).revision);
    expect(revisions).toEqual([1, 1, 2]);
  });

  it('never names the revision of a frame beside it', async () => {
    const captured = await RevisionContext.run({ actor: null }, async () => {
      await RevisionContext.run({ actor: ann }, () => addTag('of another request'));
      return RevisionContext.run({ actor: ann }, captureContext);
    });
    expect(causeOf(captured).revision).toBeNull();
  });

  it('names no revision that was rolled back, and one that was read before its COMMIT', async () => {
    const captured = await RevisionContext.run({ actor: ann }, async () => {
      const failing = test.orm.em.fork().transactional(async em => {
        em.create(Tag, { name: 'lost' });
        await em.flush();
        throw new Error('lost');
      });
      await expect(failing).rejects.toThrow('lost');
      const first = captureContext();
      await test.orm.em.fork().transactional(async em => {
        const tag = em.create(Tag, { name: 'kept' });
        await em.flush();
        expect(await new HistoryService(em).deltas(Tag, tag.id)).toHaveLength(1);
      });
      return [first, captureContext()];
    });
    const [recorded] = await test.revisions();
    expect(captured.map(one => causeOf(one).revision)).toEqual([null, recorded!.id]);
  });
});

describe('runWithCaptured()', () => {
  it('credits what a job changes to whoever caused it, and names the cause', async () => {
    const captured = await RevisionContext.run({ actor: ann, revisionDescription: 'signed up' }, async () => {
      await addTag('request');
      return sent(captureContext());
    });
    await runWithCaptured(captured, () => addTag('job'));
    const cause = { revision: 1, actorType: 'User', actorId: String(ann.id), description: 'signed up' };
    expect(await test.revisions()).toEqual([
      { id: 1, actor: `User:${ann.id}`, description: 'signed up', metadata: null },
      {
        id: 2,
        actor: `User:${ann.id}`,
        description: 'signed up',
        metadata: { causedBy: { ...cause, capturedAt: date } },
      },
    ]);
    expect(await test.deltas()).toMatchObject([{ actor: `User:${ann.id}` }, { actor: `User:${ann.id}` }]);
    const em = test.orm.em.fork();
    const caused = await em.find(Revision, { metadata: { causedBy: { revision: 1 } } as never });
    expect(caused.map(({ id }) => id)).toEqual([2]);
    expect(await caused[0]!.actors).toEqual([await em.findOneOrFail(User, ann.id)]);
  });

  it('lets the job say who acts and why instead, and keeps the cause', async () => {
    const captured = RevisionContext.run({ actor: ann, metadata: { request: 7 } }, captureContext);
    await runWithCaptured(sent(captured), () =>
      RevisionContext.run({ actor: new SystemActor('mailer'), metadata: { try: 2 } }, () => addTag('by the mailer')),
    );
    expect(await test.revisions()).toMatchObject([
      { actor: 'system:mailer', metadata: { request: 7, try: 2, causedBy: { actorId: String(ann.id) } } },
    ]);
  });

  it('keeps the first cause from job to job', () => {
    const first = RevisionContext.run({ actor: ann, revisionDescription: 'request' }, captureContext);
    const second = runWithCaptured(sent(first), () =>
      RevisionContext.run({ actor: new SystemActor('worker'), revisionDescription: 'step 1' }, captureContext),
    );
    expect(second.actor).toEqual({ type: 'system', id: 'worker' });
    expect(causeOf(second)).toEqual(causeOf(first));
    expect(JSON.stringify(second).length).toBeLessThan(JSON.stringify(first).length + 50);
  });

  it('restores systems, nobody, and that nothing is recorded', async () => {
    const restored = (values: object) => {
      const captured = RevisionContext.run(values, captureContext);
      return runWithCaptured(sent(captured), () => RevisionContext.get('actor'));
    };
    expect(restored({ actor: new SystemActor('importer') })).toEqual(new SystemActor('importer'));
    expect(restored({ actor: null })).toBeNull();
    expect(restored({})).toBeUndefined();
    expect(restored({ actor: ann })).toEqual(new ActorRef('User', String(ann.id)));
    const captured = RevisionContext.run({ actor: ann }, () => RevisionContext.runDisabled(captureContext));
    await runWithCaptured(sent(captured), () => addTag('unrecorded'));
    expect(await test.revisions()).toEqual([]);
  });

  it('credits attributes as any actor, and an ActorRef is searched for like its entity', async () => {
    const em = test.orm.em.fork();
    const post = em.create(Post, { title: 'a', views: 0, meta: null });
    await em.flush();
    await test.forget();
    const captured = RevisionContext.run({ actor: ann, attributeDeltaDescription: 'typo' }, captureContext);
    runWithCaptured(sent(captured), () => {
      post.title = 'b';
    });
    await RevisionContext.run({ actor: new SystemActor('flusher') }, () => em.flush());
    expect(await test.attributes()).toMatchObject([
      { attribute: 'title', new: 'b', actor: `User:${ann.id}`, description: 'typo' },
    ]);
    const history = new HistoryService(em);
    const by = (actor: object) => history.revisions({ involving: actor }).then(list => list.map(({ id }) => id));
    expect(await by(new ActorRef('User', String(ann.id)))).toEqual(await by(ann));
    expect(await by(ann)).toEqual([1]);
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { revy: 2 },
    { revy: 1, actor: 'User' },
    { revy: 1, actor: { type: 'User' } },
    { revy: 1, actor: { type: 'system', id: ' ' } },
    { revy: 1, metadata: [] },
    { revy: 1, revisionDescription: 7 },
    { revy: 1, isDisabled: 'yes' },
  ])('refuses %j before it runs anything', value => {
    let hasRun = false;
    const run = () => runWithCaptured(value as never, () => (hasRun = true));
    expect(run).toThrow(new UnusableCapturedContextError(value));
    expect(hasRun).toBe(false);
  });

  it('works in another process, which has nothing but the value', async () => {
    const captured = RevisionContext.run({ actor: ann, revisionDescription: 'from afar' }, captureContext);
    await work(captured);
    expect(await test.revisions()).toMatchObject([
      {
        actor: `User:${ann.id}`,
        description: 'from afar',
        metadata: { causedBy: { actorId: String(ann.id), description: 'from afar' } },
      },
    ]);
  });
});

function causeOf(captured: CapturedContext): { revision: number | null } {
  return captured.metadata!['causedBy'] as unknown as { revision: number | null };
}

const WORKER = `
import { MikroORM, defineEntity, p } from '@mikro-orm/postgresql';
import { revy, runWithCaptured } from '@revy/mikro-orm';
const Tag = defineEntity({ name: 'Tag', properties: { id: p.integer().primary().autoincrement(), name: p.string() } });
const orm = await MikroORM.init({ clientUrl: process.env.DATABASE_URL, entities: [Tag], extensions: [revy()] });
const em = orm.em.fork();
em.create(Tag, { name: 'from another process' });
await runWithCaptured(JSON.parse(process.env.JOB), () => em.flush());
await orm.close();
`;

async function work(job: CapturedContext): Promise<void> {
  const workshop = Workshop.open();
  try {
    const file = path.join(workshop.folder, 'worker.mjs');
    fs.writeFileSync(file, WORKER);
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: test.database.url, JOB: JSON.stringify(job) };
    await promisify(execFile)(process.execPath, [file], { env });
  } finally {
    workshop.close();
  }
}
