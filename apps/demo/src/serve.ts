import type { INestApplication } from '@nestjs/common';
import { MikroORM } from '@mikro-orm/postgresql';
import { Revision } from '@revy/mikro-orm';
import { listAddresses } from './library/addresses.js';
import { Document } from './library/document.entity.js';
import type { Terminal } from './tour/terminal.js';

/** Part 8: listens, on another port where the wanted one is taken. Returns the address. */
export async function listen(app: INestApplication, port: number, terminal: Terminal): Promise<string> {
  try {
    await app.listen(port, '127.0.0.1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw error;
    }
    terminal.line();
    terminal.warning(`Port ${port} is taken, so a free one is used.`);
    await app.listen(0, '127.0.0.1');
  }
  return (await app.getUrl()).replace(/\/$/, '');
}

/** What to ask the running demo for. */
export async function showAddresses(app: INestApplication, url: string, terminal: Terminal): Promise<void> {
  const em = app.get<MikroORM>(MikroORM).em.fork();
  const document = await em.findOne(Document, { id: { $gt: 0 } }, { orderBy: { id: 'desc' } });
  const revision = await em.findOne(Revision, { id: { $gt: 0 } }, { orderBy: { id: 'desc' } });
  terminal.section(`The library is served at ${url}`);
  const keys = { document: document?.id ?? 1, folder: document?.folder.id ?? 1, revision: revision?.id ?? 1 };
  terminal.table(
    [{ title: 'method' }, { title: 'address' }, { title: 'what' }],
    listAddresses(keys).map(({ method, path, what }) => [method, path, what]),
  );
  terminal.line();
  terminal.say(`Open ${url}/history in a browser to see all of it, and to put things back. Or, for example:`);
  terminal.line();
  terminal.line(`  curl '${url}/documents/${keys.document}/history'`);
  terminal.line(`  curl -X PATCH -H 'x-author: 1' -H 'content-type: application/json' -d '{"size": 1}' \\`);
  terminal.line(`    '${url}/documents/${keys.document}'`);
  terminal.line();
  terminal.say('The header x-author says who makes a change. Ctrl-C ends the demo.');
}
