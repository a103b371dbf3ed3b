import { MikroORM } from '@mikro-orm/postgresql';
import { HistoryService, Revision, revy } from '@revy/mikro-orm';
import { BLOG, Post } from '../support/blog.js';
import { query } from '../../libs/mikro-orm/src/history/query.js';
import { versionsStatement } from '../../libs/mikro-orm/src/versions/versions.query.js';
import { runtimeOf } from '../../libs/mikro-orm/src/runtime.js';
import { hydrateRevision } from '../../libs/mikro-orm/src/snapshot/hydrate.js';
const url = new URL(process.env.DATABASE_URL!); url.pathname = '/hist_bench';
it('x', async () => {
  const orm = await MikroORM.init({ clientUrl: String(url), entities: BLOG, extensions: [revy()] });
  const em = orm.em.fork();
  for (let i = 0; i < 3; i++) {
    let t = performance.now();
    const rows = await query<any>(em, versionsStatement(runtimeOf(em).tables, 'asc'), ['Post', '20000', null, null]);
    console.log('query', performance.now() - t); t = performance.now();
    const r = em.fork(); rows.map(x => hydrateRevision(r, x.revision));
    console.log('map', performance.now() - t); t = performance.now();
    await em.fork().find(Revision, { id: { $gt: 90000 } });
    console.log('find 10000 revisions', performance.now() - t); t = performance.now();
    await new HistoryService(em).versions(Post, 20000);
    console.log('versions', performance.now() - t);
  }
  await orm.close(true);
}, 300000);
