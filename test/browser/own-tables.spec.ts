import { revy, type RevyOptions } from '@revy/mikro-orm';
import { Tag } from '../support/blog.js';
import { createOrm } from '../support/orm.js';
import { AuditDelta, AuditDeltaSchema, AUDITED, AuditRevision, AuditRevisionSchema, Label } from '../swapped/audit.js';
import { startBrowser, textOf } from './browser-app.js';

const PATHS = ['', '/revisions/2', '/object?type=Label&id=1', '/deleted'];

describe('a history in tables of its own', () => {
  it('is shown from another schema, under a prefix', async () => {
    const options: RevyOptions = { schema: 'past', tablePrefix: 'h_' };
    const past = await createOrm(undefined, { revy: options });
    const em = past.orm.em.fork();
    const tag = em.create(Tag, { name: 'gone' });
    await em.flush();
    await em.remove(tag).flush();
    const { app, http } = await startBrowser({ url: past.database.url, config: { extensions: [revy(options)] } });
    const pages = await Promise.all(PATHS.map(path => http.get(`/history${path.replace('Label', 'Tag')}`).expect(200)));
    expect(pages.slice(1, 3).map(({ text }) => textOf(text).includes('gone'))).toEqual([true, true]);
    expect(textOf(pages[0]!.text)).toContain('deleted Tag 1');
    expect(textOf(pages[3]!.text)).toContain('Tag 1\ndeleted ');
    await app.close();
    await past.close();
  });

  it('is shown from entities of the application', async () => {
    const options: RevyOptions<AuditRevision, AuditDelta> = {
      schema: 'audit',
      entities: { Revision: AuditRevision, ObjectDelta: AuditDelta },
    };
    const entities = [...AUDITED, AuditRevisionSchema, AuditDeltaSchema];
    const past = await createOrm(entities, { revy: false, config: { extensions: [revy(options)] } });
    const em = past.orm.em.fork();
    const label = em.create(Label, { name: 'gone' });
    await em.flush();
    await em.remove(label).flush();
    const config = { entities, extensions: [revy(options)] };
    const { app, http } = await startBrowser({ url: past.database.url, config });
    const pages = await Promise.all(PATHS.map(path => http.get(`/history${path}`).expect(200)));
    expect(pages.slice(1, 3).map(({ text }) => textOf(text).includes('gone'))).toEqual([true, true]);
    expect(textOf(pages[0]!.text)).toContain('deleted Label 1');
    expect(textOf(pages[3]!.text)).toContain('Label 1\ndeleted ');
    await app.close();
    await past.close();
  });
});
