import type { MikroORM } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Controller, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { PageWriter } from '../mount/page-writer.js';
import { feedFields, revisionFilter } from './feed-filter.js';
import { feedPage } from './feed.page.js';
import { changeSummaries } from './feed.query.js';

/** Revisions, newest first. Three SELECTs a page. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class FeedController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly pages: PageWriter,
  ) {}

  @Get()
  async feed(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const page = this.pages.requestOf(request, 0);
    const em = this.orm.em.fork() as SqlEntityManager;
    const types = trackedTypes(em);
    const fields = feedFields(page.query);
    const after = page.query.get('after') || null;
    const range = { order: 'desc', limit: this.settings.pageSize, after } as const;
    const revisions = await new HistoryService(em).revisions({ ...revisionFilter(em, types, fields), ...range });
    const changes = await changeSummaries(
      em,
      revisions.map(({ id }) => id),
    );
    const main = feedPage({ root: page.root, fields, types, revisions, changes, isBehind: after !== null });
    this.pages.page(response, page, { title: 'What happened', main });
  }
}
