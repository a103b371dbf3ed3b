import type { MikroORM } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Controller, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { actorOf } from '../feed/feed-filter.js';
import { changeSummaries, namedIn } from '../feed/feed.query.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { PageWriter } from '../mount/page-writer.js';
import { Wording } from '../wording/wording.js';
import type { WhoDidIt } from '../wording/words.js';
import { actorPage } from './actor.page.js';
import { doneCounts } from './actor.query.js';

/** What somebody did. Five SELECTs a page, and one for each type that has names. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class ActorController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly pages: PageWriter,
    private readonly wording: Wording,
  ) {}

  @Get('actor')
  async actor(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const page = this.pages.requestOf(request, 1);
    const text = page.query.get('actor') || 'system';
    const filter = { involving: actorOf(text) };
    const who = whoOf(text);
    const em = this.orm.em.fork() as SqlEntityManager;
    const history = new HistoryService(em);
    const after = page.query.get('after') || null;
    const revisions = await history.revisions({ ...filter, order: 'desc', limit: this.settings.pageSize, after });
    const ids = revisions.map(({ id }) => id);
    const changes = await changeSummaries(em, ids);
    const words = await this.wording.of(em, [who, ...revisions, ...namedIn(changes)]);
    const main = actorPage({
      root: page.root,
      words,
      who,
      types: trackedTypes(em),
      counts: await doneCounts(em, who),
      activity: after === null ? await history.activity(filter) : undefined,
      revisions,
      changes,
    });
    this.pages.page(response, page, { title: words.actor(who), main });
  }
}

/** What {@link actorOf} has found to be an actor. */
function whoOf(text: string): WhoDidIt {
  const at = text.indexOf(':');
  return at < 0 ? { actorType: null, actorId: null } : { actorType: text.slice(0, at), actorId: text.slice(at + 1) };
}
