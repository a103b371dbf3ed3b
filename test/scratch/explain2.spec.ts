import { MikroORM } from '@mikro-orm/postgresql';
import { HistoryService, revy, SnapshotService } from '@revy/mikro-orm';
import pg from 'pg';
import { BLOG, Post, User } from '../support/blog.js';
const url = new URL(process.env.DATABASE_URL!); url.pathname = '/hist_bench';
it('x', async () => {
  const orm = await MikroORM.init({ clientUrl: String(url), entities: BLOG, extensions: [revy()] });
  const c = new pg.Client({ connectionString: String(url) }); await c.connect();
  const h = () => new HistoryService(orm.em.fork());
  const out: string[] = [];
  const run = async (name: string, fn: () => Promise<unknown>) => {
    const sent: [string, unknown[]][] = [];
    const proto = pg.Client.prototype as any; const orig = proto.query;
    proto.query = function (...a: any[]) { sent.push([typeof a[0] === 'string' ? a[0] : a[0].text, a[0].values ?? a[1] ?? []]); return orig.apply(this, a); };
    await fn();
    proto.query = orig;
    const times: number[] = [];
    for (let i = 0; i < 9; i++) { const t = performance.now(); await fn(); times.push(performance.now() - t); }
    times.sort((a, b) => a - b);
    out.push(`### ${name}: ${times[0]!.toFixed(1)} / ${times[4]!.toFixed(1)} ms, ${sent.length} statements`);
    if (process.env['PLANS'] && name.match(process.env['PLANS'])) for (const [s, p] of sent) { try { out.push(s.slice(0, 3000)); const r = await c.query('explain (analyze, costs off) ' + s, Array.isArray(p) ? p : []); out.push(r.rows.map(x => x['QUERY PLAN']).join('\n')); } catch (e) { out.push(String(e)); } }
  };
  const v = (number: number) => ({ version: number });
  await run('live find', () => orm.em.fork().findOne(Post, 500));
  await run('at latest, 6', () => new SnapshotService(orm.em.fork()).at(Post, 500));
  await run('at middle, 10000', () => new SnapshotService(orm.em.fork()).at(Post, 20000, v(5000)));
  await run('versions 6', () => h().versions(Post, 500));
  await run('versions 10000 newest 20', () => h().versions(Post, 20000, { order: 'desc', limit: 20 }));
  const page = await h().versions(Post, 20000, { limit: 5000 });
  await run('versions 10000 middle 20', () => h().versions(Post, 20000, { limit: 20, after: page.next }));
  await run('versions 10000 middle 20 desc', () => h().versions(Post, 20000, { order: 'desc', limit: 20, after: page.next }));
  await run('versions all 10000', () => h().versions(Post, 20000));
  await run('versionAt 10000 date', () => h().versionAt(Post, 20000, page[4000]!.validFrom));
  await run('states of 20', async () => { const p = await h().versions(Post, 20000, { limit: 20, after: page.next }); await Promise.all(p.map(x => x.state())); });
  await run('diff 10000', () => h().diff(Post, 20000, v(100), v(9000)));
  await run('blame 6', () => h().blame(Post, 500));
  await run('blame 10000', () => h().blame(Post, 20000));
  await run('changes', () => h().changes(50000));
  await run('related post 1', () => h().related(Post, 500));
  await run('related post 2', () => h().related(Post, 500, { depth: 2 }));
  await run('related user 1 page', () => h().related(User, 7, { limit: 20 }));
  await run('related user 2 page', () => h().related(User, 7, { depth: 2, limit: 20 }));
  console.log(out.join('\n'));
  await c.end(); await orm.close(true);
}, 300000);
