import { defineEntity, OptionalProps, p } from '@mikro-orm/core';
import {
  type ContextRequirement,
  ContextRequiredError,
  HistoryService,
  RevertService,
  Revision,
  RevisionContext,
  revy,
  SystemActor,
} from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';

class Note {
  [OptionalProps]?: 'seen';
  id!: number;
  text!: string;
  seen!: number;
}

const NoteSchema = defineEntity({
  class: Note,
  revy: { exclude: ['seen'] },
  properties: { id: p.integer().primary().autoincrement(), text: p.string(), seen: p.integer().default(0) },
});

const REQUIRE: ContextRequirement[] = ['actor', 'description'];
const COMPLETE = { actor: new SystemActor('editor'), revisionDescription: 'because' };

let test: TestOrm;
let note: Note;
const fork = () => test.orm.em.fork();
const texts = () => test.database.query('select text from note order by id');

async function add(text: string, em = fork()): Promise<void> {
  em.create(Note, { text });
  await em.flush();
}

async function change(data: Partial<Note>): Promise<void> {
  const em = fork();
  Object.assign(await em.findOneOrFail(Note, note.id), data);
  await em.flush();
}

beforeAll(async () => {
  test = await createOrm([NoteSchema], { revy: { require: REQUIRE } });
});

beforeEach(async () => {
  await test.database.query('truncate note restart identity');
  const em = fork();
  note = em.create(Note, { text: 'old' });
  await RevisionContext.run(COMPLETE, () => em.flush());
  await test.forget();
});

afterAll(() => test.close());

describe('the option "require"', () => {
  it.each<[string, object, ContextRequirement[]]>([
    ['nothing', {}, ['actor', 'description']],
    ['the system as its actor', { ...COMPLETE, actor: null }, ['actor']],
    ['no description', { ...COMPLETE, revisionDescription: undefined }, ['description']],
    ['null as its description', { ...COMPLETE, revisionDescription: null }, ['description']],
    ['a blank description', { ...COMPLETE, revisionDescription: ' ' }, ['description']],
    ['other descriptions', { actor: COMPLETE.actor, objectDeltaDescription: 'x' }, ['description']],
  ])('G9: refuses a flush whose context says %s, and writes nothing', async (_, values, missing) => {
    const sent = await statementsOf(async () => {
      await expect(RevisionContext.run(values, () => add('new'))).rejects.toThrow(
        new ContextRequiredError('Note', missing),
      );
    });
    expect(sent).toEqual([]);
    expect(await texts()).toEqual([{ text: 'old' }]);
  });

  it('G9: refuses a flush outside every frame', async () => {
    await expect(add('new')).rejects.toThrow(new ContextRequiredError('Note', REQUIRE));
    expect(await texts()).toEqual([{ text: 'old' }]);
  });

  it('G9: records where the context says it, and in frames inside', async () => {
    await RevisionContext.run(COMPLETE, () => RevisionContext.run({ metadata: { a: 1 } }, () => add('new')));
    expect(await test.revisions()).toMatchObject([{ actor: 'system:editor', description: 'because' }]);
  });

  it('G9: asks for nothing where nothing is recorded', async () => {
    await change({ seen: 1 });
    await RevisionContext.runDisabled(() => add('unrecorded'));
    await fork().find(Note, {});
    expect(await test.database.query('select text, seen from note order by id')).toEqual([
      { text: 'old', seen: 1 },
      { text: 'unrecorded', seen: 0 },
    ]);
    expect(await test.revisions()).toEqual([]);
    await expect(change({ seen: 2, text: 'new' })).rejects.toThrow(ContextRequiredError);
  });

  it('refuses native writes before they are made', async () => {
    const em = fork();
    const calls = [
      () => em.insert(Note, { text: 'new' }),
      () => em.nativeUpdate(Note, { id: note.id }, { text: 'new' }),
      () => em.nativeDelete(Note, { id: note.id }),
      () => em.upsert(Note, { id: note.id, text: 'new' }),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(new ContextRequiredError('Note', REQUIRE));
    expect(await texts()).toEqual([{ text: 'old' }]);
    await RevisionContext.run(COMPLETE, () => em.nativeUpdate(Note, { id: note.id }, { text: 'new' }));
    expect(await test.revisions()).toMatchObject([{ description: 'because' }]);
  });

  it('refuses a COMMIT whose revision would lack it, although its flush had it', async () => {
    const flushed = () => fork().transactional(em => RevisionContext.run(COMPLETE, () => add('new', em)));
    const committed = RevisionContext.run({ metadata: { outer: true } }, flushed);
    await expect(committed).rejects.toThrow(new ContextRequiredError('Note', REQUIRE));
    expect(await texts()).toEqual([{ text: 'old' }]);
    expect(await test.revisions()).toEqual([]);
  });

  it('asks of a transaction that takes everything back for nothing at its COMMIT', async () => {
    await fork().transactional(async em => {
      await RevisionContext.run(COMPLETE, async () => {
        await add('new', em);
        await em.remove(await em.findOneOrFail(Note, { text: 'new' })).flush();
      });
    });
    expect(await test.revisions()).toEqual([]);
  });

  it('takes what a revision of the context says for it', async () => {
    const explained = () => Object.assign(new Revision(), { description: 'own', actorType: 'system', actorId: 'own' });
    await RevisionContext.run({ revision: explained }, () => add('new'));
    expect(await test.revisions()).toMatchObject([{ actor: 'system:own', description: 'own' }]);
    const silent = RevisionContext.run({ revision: () => new Revision() }, () => add('newer'));
    await expect(silent).rejects.toThrow(new ContextRequiredError('Note', REQUIRE));
    expect(await texts()).toEqual([{ text: 'old' }, { text: 'new' }]);
  });

  it('asks a revert for its actor, and lets it explain itself', async () => {
    await RevisionContext.run(COMPLETE, () => change({ text: 'new' }));
    const reverts = new RevertService(fork());
    await expect(reverts.revision(1)).rejects.toThrow(new ContextRequiredError('Note', ['actor']));
    expect(await texts()).toEqual([{ text: 'new' }]);
    await RevisionContext.run({ actor: new SystemActor('undo') }, () => new RevertService(fork()).revision(1));
    expect(await texts()).toEqual([{ text: 'old' }]);
    const [revision] = await new HistoryService(fork()).revisions({ after: 1 });
    expect(revision).toMatchObject({ actorId: 'undo', description: 'Reverts revision 1' });
  });

  it.each([['author'], ['actor', 'who'], 'actor', { actor: true }])('takes no %j', require => {
    expect(() => revy({ require: require as never })).toThrow(`Use a list of 'actor' and 'description'.`);
  });
});
