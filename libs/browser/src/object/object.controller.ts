import type { MikroORM } from '@mikro-orm/core';
import { Controller, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { LONGEST_VALUE } from '../html/show-value.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { PageWriter } from '../mount/page-writer.js';
import { objectPage } from './object.page.js';
import { readObject } from './read-object.js';

/** One object through its history. Its key is in the query string: a path would take `..` for a way up. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class ObjectController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly pages: PageWriter,
  ) {}

  @Get('object')
  async object(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const page = this.pages.requestOf(request, 1);
    const { query, root } = page;
    const given = (name: string) => query.get(name) || undefined;
    const question = {
      type: query.get('type') ?? '',
      id: query.get('id') ?? '',
      at: given('at'),
      when: given('when'),
      from: given('from'),
      to: given('to'),
      after: given('after'),
    };
    const answer = await readObject(this.orm, question, this.settings.pageSize);
    const longest = query.has('full') ? Infinity : LONGEST_VALUE;
    const main = objectPage({ ...answer, root, question, longest });
    this.pages.page(response, page, { title: `${question.type} ${question.id}`, main });
  }
}
