import type { MikroORM } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Controller, type ExecutionContext, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { CallContext } from '../mount/call-context.decorator.js';
import { PageWriter } from '../mount/page-writer.js';
import { Permissions } from '../mount/permissions.js';
import { Wording } from '../wording/wording.js';
import { deletedPage } from './deleted.page.js';
import { deletedObjects } from './deleted.query.js';

/** Objects that are gone. One SELECT a page, and one for each type of actor that has names. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class DeletedController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly pages: PageWriter,
    private readonly wording: Wording,
    private readonly permissions: Permissions,
  ) {}

  @Get('deleted')
  async deleted(
    @CallContext() context: ExecutionContext,
    @Req() request: unknown,
    @Res() response: unknown,
  ): Promise<void> {
    const page = this.pages.requestOf(request, 1);
    const em = this.orm.em.fork() as SqlEntityManager;
    const types = trackedTypes(em);
    const type = page.query.get('type') || undefined;
    const after = page.query.get('after') || null;
    const deltas = await deletedObjects(em, types, { type, after, limit: this.settings.pageSize });
    const words = await this.wording.of(em, deltas);
    this.pages.page(response, page, {
      title: 'What is gone',
      main: deletedPage({
        root: page.root,
        words,
        type,
        types,
        deltas,
        mayRevert: await this.permissions.mayRevert(context),
      }),
    });
  }
}
