import type { MikroORM } from '@mikro-orm/core';
import { Controller, Get, Inject, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM } from '../browser.options.js';
import { deltaFilter, feedFields } from '../feed/feed-filter.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { address } from '../mount/page-request.js';
import { PageWriter } from '../mount/page-writer.js';
import { csv } from './csv.js';
import { exported, type ExportedDelta } from './exported.js';

/** How many deltas a file has. */
const MOST_DELTAS = 1000;

/** A file, and the address of the one that goes on where it ends. */
interface Exported {
  readonly deltas: readonly ExportedDelta[];
  readonly next: string | null;
}

/** What the feed's filters leave, newest first, as files for other programs. One SELECT a file. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class ExportController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    private readonly pages: PageWriter,
  ) {}

  @Get('export.json')
  async json(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const { deltas, next } = await this.#read(request, 'export.json');
    this.#send(response, 'json', 'application/json', JSON.stringify({ next, deltas }), next);
  }

  @Get('export.csv')
  async csv(@Req() request: unknown, @Res() response: unknown): Promise<void> {
    const { deltas, next } = await this.#read(request, 'export.csv');
    this.#send(response, 'csv', 'text/csv; charset=utf-8; header=present', csv(deltas), next);
  }

  async #read(request: unknown, file: string): Promise<Exported> {
    const { query } = this.pages.requestOf(request, 1);
    const em = this.orm.em.fork();
    const types = trackedTypes(em);
    const fields = feedFields(query);
    const range = { order: 'desc', limit: MOST_DELTAS, after: query.get('after') || null } as const;
    const deltas = await new HistoryService(em).deltas({ ...deltaFilter(em, types, fields), ...range });
    const next = deltas.next === null ? null : address(file, { ...fields, after: deltas.next });
    return { deltas: deltas.map(delta => exported(delta, types)), next };
  }

  #send(response: unknown, ending: string, type: string, body: string, next: string | null): void {
    const headers = {
      'content-type': type,
      'content-disposition': `attachment; filename="history.${ending}"`,
      'content-security-policy': "default-src 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      ...(next !== null && { link: `<${next}>; rel="next"` }),
    };
    this.pages.send(response, headers, body);
  }
}
