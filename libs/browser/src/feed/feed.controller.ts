import type { MikroORM } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Controller, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, type Revision, type RevisionFilter, trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { PageWriter } from '../mount/page-writer.js';
import { Wording } from '../wording/wording.js';
import { feedFields, revisionFilter } from './feed-filter.js';
import { feedPage } from './feed.page.js';
import { changeSummaries, namedIn } from './feed.query.js';

/** Revisions, newest first. Four SELECTs a page, and one for each type that has names. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class FeedController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly pages: PageWriter,
    private readonly wording: Wording,
  ) {}

  @Get()
  async feed(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const page = this.pages.requestOf(request, 0);
    const em = this.orm.em.fork() as SqlEntityManager;
    const history = new HistoryService(em);
    const types = trackedTypes(em);
    const fields = feedFields(page.query);
    const filter = revisionFilter(em, types, fields);
    if (await this.#isKnown(history, filter, page.query.get('newest'))) return this.pages.nothing(response);
    const after = page.query.get('after') || null;
    const revisions = await history.revisions({ ...filter, order: 'desc', limit: this.settings.pageSize, after });
    const changes = await changeSummaries(em, idsOf(revisions));
    const main = feedPage({
      root: page.root,
      words: await this.wording.of(em, [...revisions, ...namedIn(changes)]),
      fields,
      types,
      revisions,
      changes,
      activity: after === null ? await history.activity(filter) : undefined,
      isBehind: after !== null,
      isPaused: page.query.get('live') === 'off',
    });
    this.pages.page(response, page, { title: 'What happened', main });
  }

  /** Whether a page that shows itself again has all there is. One SELECT, for such pages only. */
  async #isKnown(history: HistoryService, filter: RevisionFilter<object>, newest: string | undefined) {
    if (newest === undefined) return false;
    const [last] = await history.revisions({ ...filter, order: 'desc', limit: 1 });
    return String(last?.id ?? 0) === newest;
  }
}

function idsOf(revisions: readonly Revision[]): number[] {
  return revisions.map(({ id }) => id);
}
