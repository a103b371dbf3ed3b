import type { MikroORM } from '@mikro-orm/core';
import { Controller, type ExecutionContext, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { BROWSER_ORM, BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { LONGEST_VALUE } from '../html/show-value.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { CallContext } from '../mount/call-context.decorator.js';
import { PageWriter } from '../mount/page-writer.js';
import { Permissions } from '../mount/permissions.js';
import { Wording } from '../wording/wording.js';
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
    private readonly wording: Wording,
    private readonly permissions: Permissions,
  ) {}

  @Get('object')
  async object(
    @CallContext() context: ExecutionContext,
    @Req() request: unknown,
    @Res() response: unknown,
  ): Promise<void> {
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
    const { versions, latest, shown, blame } = answer;
    const setters = Object.values(blame ?? {}).flatMap(one => one ?? []);
    const itself = { objectType: question.type, objectId: question.id };
    const words = await this.wording.of(this.orm.em, [
      ...versions,
      latest,
      ...(shown ? [shown] : []),
      ...setters,
      itself,
    ]);
    const longest = query.has('full') ? Infinity : LONGEST_VALUE;
    const mayRevert = await this.permissions.mayRevert(context);
    const main = objectPage({ ...answer, root, words, question, longest, mayRevert });
    this.pages.page(response, page, {
      title: `${words.type(question.type)} ${words.object(question.type, question.id)}`,
      main,
    });
  }
}
