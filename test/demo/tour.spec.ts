import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { startDemo } from '../../apps/demo/src/demo.js';
import { GitHistory } from '../../apps/demo/src/replay/git-history.js';
import { Terminal } from '../../apps/demo/src/tour/terminal.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { GitRepository } from './git-repository.js';

const GUIDE_BLOB = '7f3f4e65fa3b3f9a2b1e9a1a2ba1f3a1a4b5c6d7';

describe('the tour, on a small git repository', () => {
  let database: TestDatabase;
  let app: INestApplication;
  let isRight: boolean;
  let output = '';

  beforeAll(async () => {
    database = await createDatabase();
    using repository = new GitRepository();
    repository.write('readme.md', 'one').write('docs/guide.md', 'guide').write('docs/deep/er.md', 'deep');
    repository.commit('Ada', 'first');
    repository.write('readme.md', 'one and two').remove('docs/deep');
    repository.commit('Bela', 'second');
    repository.write('docs/deep/er.md', 'again').write('line\nfeed', 'odd');
    repository.commit('Ada', 'third');
    const history = await GitHistory.open(repository.directory);
    const terminal = new Terminal({ write: text => (output += text) }, {});
    ({ app, isRight } = await startDemo(database.url, history, { terminal }));
  });

  afterAll(async () => {
    await app?.close();
    await database.drop();
  });

  const get = (path: string) => request(app.getHttpServer()).get(path);
  const documentOf = async (path: string): Promise<number> => {
    const [row] = await database.query<{ id: number }>('select id from document where path = $1', [path]);
    return row!.id;
  };

  it('replays one commit as one revision, with its author, its subject and its id', async () => {
    const revisions = await database.query(
      `select r.description, a.name, r.metadata ->> 'committedAt' as at, length(r.metadata ->> 'commit') as length
       from revy_revision r join author a on r.actor_type = 'Author' and a.id::text = r.actor_id
       where r.metadata is not null order by r.id`,
    );
    expect(revisions).toEqual([
      { description: 'first', name: 'Ada', at: '2025-01-01T01:00:00.000Z', length: 40 },
      { description: 'second', name: 'Bela', at: '2025-01-01T02:00:00.000Z', length: 40 },
      { description: 'third', name: 'Ada', at: '2025-01-01T03:00:00.000Z', length: 40 },
    ]);
  });

  it('finds every snapshot equal to what git says', () => {
    expect(isRight).toBe(true);
    expect(output).toContain('3 commits with 7 changes of a file became 3 revisions');
    expect(output).toContain('✔ 3 commits, 15 snapshots compared with git ls-tree, 0 differences');
  });

  it('shows two actors, a deletion with its cascade and two reverts, each as it was recorded', () => {
    expect(output).toMatch(/^ {2}Document 5 +mode +100644 +100755 +Ada$/m);
    expect(output).toMatch(/^ {2}Document 5 +size +3 +4 +the size checker +measured again$/m);
    expect(output).toMatch(/^ {2}delete +Document 2 +docs\/guide.md +the system +went with its folder$/m);
    expect(output).toMatch(/^ {2}delete +Folder 2 +docs +Ada +deleted by hand$/m);
    expect(output).toMatch(/^ {2}create +Document 2 +docs\/guide.md +the system/m);
    expect(output).toMatch(/^ {2}create +Folder 2 +docs +the system/m);
    expect(output).toMatch(
      /^ {2}docs +size +labels\n {2}├─ deep\/\n {2}│ {2}└─ er.md +5 bytes +reviewed\n {2}└─ guide.md +5 bytes/m,
    );
    expect(output).toContain('✔ 4 objects of docs are what they were, labels included.');
    expect(output).toContain('✔ Its documents are what git ls-tree says of the last commit.');
    expect(output).toMatch(/size +"4711" +"5"\n +conflict: changed by Author \d in revision \d+/);
    expect(output).toContain('✔ The mode is what it was before the import, and the size what was measured since.');
    expect(output.split('\n').every(line => line.length <= 100)).toBe(true);
  });

  it('lists and shows documents', async () => {
    const { body } = await get('/documents?page=1').expect(200);
    expect(body).toMatchObject({ page: 1, total: 4 });
    const id = await documentOf('docs/guide.md');
    const shown = await get(`/documents/${id}`).expect(200);
    expect(shown.body).toMatchObject({ id, path: 'docs/guide.md', size: 4711, folder: { path: 'docs' } });
    await get(`/documents/${id}/history`)
      .expect(200)
      .expect(({ body: { history } }) => {
        expect(history.map((entry: { action: string }) => entry.action)).toEqual([
          'create',
          'update',
          'delete',
          'create',
          'update',
          'update',
          'update',
        ]);
      });
  });

  it('records an edit over HTTP as the work of the author in the header', async () => {
    const id = await documentOf('readme.md');
    await request(app.getHttpServer())
      .patch(`/documents/${id}`)
      .set('x-author', '2')
      .send({ size: 99, blob: GUIDE_BLOB })
      .expect(200)
      .expect(({ body }) => expect(body).toMatchObject({ size: 99, lastAuthor: { name: 'Bela' } }));
    const { body } = await get('/revisions').expect(200);
    expect(body.revisions[0]).toMatchObject({ who: 'Bela', description: 'a document was edited over HTTP' });
    await get(`/documents/${id}/at?revision=1`)
      .expect(200)
      .expect(({ body: { document, unknown } }) => {
        expect(document).toMatchObject({ path: 'readme.md', size: 3 });
        expect(unknown).toEqual([]);
      });
    await get(`/documents/${id}/at?date=${new Date().toISOString()}`)
      .expect(200)
      .expect(({ body: { document } }) => expect(document.size).toBe(99));
  });

  it('shows its history to people', async () => {
    const { text } = await get('/history?type=Document').expect(200);
    expect(text).toContain('<title>What happened · The library’s history</title>');
    const [, link] = /href="\.(\/history\/object[^"]*)"/.exec(text)!;
    await get(link!.replaceAll('&amp;', '&')).expect(200);
  });

  it('lists versions and what differs between them, also of a document that is gone', async () => {
    const server = request(app.getHttpServer());
    const id = await documentOf('docs/deep/er.md');
    await server.patch(`/documents/${id}`).set('x-author', '2').send({ size: 7 }).expect(200);
    await server.put(`/documents/${id}/labels/2`).expect(200);
    await server.delete(`/documents/${id}`).set('x-author', '1').expect(204);
    const { body } = await get(`/documents/${id}/versions`).expect(200);
    const [last, labelled, edited] = body.versions;
    const number = last.number as number;
    expect(last).toMatchObject({ action: 'delete', who: 'Ada', isDeleted: true, validUntil: null });
    expect(labelled).toMatchObject({ number: number - 1, changed: ['labels'], validUntil: last.validFrom });
    expect(edited).toMatchObject({ who: 'Bela', description: 'a document was edited over HTTP' });
    expect(edited.changed.toSorted()).toEqual(['lastAuthor', 'size']);
    await get(`/documents/${id}/diff?from=${number - 3}&to=${number - 1}`)
      .expect(200)
      .expect(({ body: diff }) => {
        expect(diff).toMatchObject({ document: id, action: 'update' });
        expect(diff.changed).toMatchObject({ size: { oldValue: 5, newValue: 7 }, lastAuthor: { newValue: { id: 2 } } });
        expect(diff.changed.labels).toEqual({ added: [expect.objectContaining({ id: 2 })], removed: [] });
      });
    await get(`/documents/${id}/versions?after=${encodeURIComponent('no place')}`).expect(400);
    await get(`/documents/${id}/diff?from=1`).expect(400);
    await get(`/documents/${id}/diff?from=1&to=99`).expect(404);
    await get('/documents/99999/versions').expect(404);
  });

  it('labels and deletes over HTTP', async () => {
    const server = request(app.getHttpServer());
    const id = await documentOf('readme.md');
    const { body: label } = await server.post('/labels').send({ name: 'new', color: '#aabbcc' }).expect(201);
    await server
      .put(`/documents/${id}/labels/${label.id}`)
      .expect(200)
      .expect(({ body }) => expect(body.labels).toEqual([{ id: label.id, name: 'new', color: '#aabbcc' }]));
    const { body: document } = await get(`/documents/${await documentOf('docs/guide.md')}`);
    await server.delete(`/folders/${document.folder.id}`).set('x-author', '1').expect(204);
    await get(`/folders/${document.folder.id}`).expect(404, notFound(`There is no folder ${document.folder.id}.`));
    await get(`/documents/${document.id}`).expect(404, notFound(`There is no document ${document.id}.`));
    await get(`/documents/${document.id}/history`).expect(200);
    await server.delete(`/documents/${id}`).expect(204);
    const { body } = await get('/revisions').expect(200);
    expect(body.revisions[0]).toMatchObject({ who: 'the system', description: 'a document was deleted over HTTP' });
  });

  it('reverts over HTTP, and answers a conflict with its plan', async () => {
    const server = request(app.getHttpServer());
    const id = await documentOf('line\nfeed');
    const change = (size: number) => server.patch(`/documents/${id}`).send({ size }).expect(200);
    await change(101);
    const { body } = await get('/revisions');
    const revision = body.revisions[0].id as number;
    await change(102);
    const refused = await server.post(`/revisions/${revision}/revert`).expect(409);
    expect(refused.body.plan.objects[0].values).toMatchObject([{ attribute: 'size', is: '102', status: 'conflict' }]);
    await server.post(`/revisions/${revision}/revert?onConflict=overwrite`).set('x-author', '1').expect(200);
    expect((await get(`/documents/${id}`)).body).toMatchObject({ size: 4 });
    expect((await get('/revisions')).body.revisions[0]).toMatchObject({ who: 'Ada' });
    await server.delete(`/documents/${id}`).expect(204);
    await server.post(`/documents/${id}/undelete`).expect(200);
    await server.post(`/documents/${id}/revert/1?dryRun=true`).expect(200);
    await server.post('/revisions/99999/revert').expect(404);
    await server.post(`/revisions/${revision}/revert?onConflict=maybe`).expect(400);
    await get(`/documents/${id}`).expect(200);
  });

  it('plans, and carries out, the revert of all that an author did in a time', async () => {
    const server = request(app.getHttpServer());
    const id = await documentOf('line\nfeed');
    const { body: before } = await get(`/documents/${id}`);
    const since = new Date().toISOString();
    await server.patch(`/documents/${id}`).set('x-author', '2').send({ size: 1 }).expect(200);
    await server.patch(`/documents/${id}`).set('x-author', '2').send({ mode: '120000' }).expect(200);
    const { body: spoilt } = await get(`/documents/${id}`);
    const path = `/revisions/revert?author=2&since=${since}`;
    const { body: plan } = await server.post(`${path}&dryRun=true`).expect(200);
    expect(plan).toMatchObject({
      isClean: true,
      revision: null,
      objects: [{ objectType: 'Document', action: 'update' }],
    });
    expect(plan.reverts).toHaveLength(2);
    expect((await get(`/documents/${id}`)).body).toEqual(spoilt);
    const { body: done } = await server.post(path).set('x-author', '1').expect(200);
    expect(done.revision).toEqual(expect.any(Number));
    expect((await get(`/documents/${id}`)).body).toEqual(before);
    expect((await get('/revisions')).body.revisions[0]).toMatchObject({ id: done.revision, who: 'Ada' });
    await server.post(`/revisions/revert?author=2&since=${new Date().toISOString()}`).expect(404);
    await server.post(`/revisions/revert?author=99&since=${since}`).expect(404);
    await server.post('/revisions/revert?author=2').expect(400);
  });

  it.each([
    ['/documents/x', 400, 'The id is a whole number from 1 to 2147483647, not "x".'],
    ['/documents/99999', 404, 'There is no document 99999.'],
    ['/documents/99999/history', 404, 'There has never been a document 99999.'],
    ['/documents?page=0', 400, 'The page is a whole number from 1 to 999999, not "0".'],
    ['/documents/1/at', 400, 'Say when: either ?revision=<id> or ?date=<ISO 8601 time>.'],
    ['/documents/1/at?revision=-1', 400, 'The revision is a whole number from 1, not "-1".'],
    ['/documents/1/at?date=today', 400, 'The date is an ISO 8601 time such as 2026-01-31T12:00:00Z, not "today".'],
    ['/documents/99999/at?revision=1', 404, 'There was no document 99999 at that point.'],
  ])('answers %s with %i', async (path, status, message) => {
    const { body } = await get(path).expect(status);
    expect(body.message).toBe(message);
  });

  it.each([
    [{ name: 'x' }, 'There is no field "name" to set here, only mode, blob and size.'],
    [{}, 'The body sets nothing: it can set mode, blob and size.'],
    [{ mode: '7' }, 'The mode is one of 100644, 100755, 120000, 160000, not "7".'],
    [{ blob: 7 }, 'The blob is an id of 40 or 64 hexadecimal digits, not 7.'],
    [{ size: -1 }, 'The size is a whole number of bytes or null, not -1.'],
  ])('refuses to set %j', async (changes, message) => {
    const { body } = await request(app.getHttpServer()).patch('/documents/1').send(changes).expect(400);
    expect(body.message).toBe(message);
  });

  it('refuses a caller whom it does not know', async () => {
    await get('/documents/1').set('x-author', 'me').expect(400);
    const { body } = await get('/documents/1').set('x-author', '99').expect(404);
    expect(body.message).toBe('There is no author 99, as the header x-author says.');
  });
});

function notFound(message: string): object {
  return { message, error: 'Not Found', statusCode: 404 };
}
