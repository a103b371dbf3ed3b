import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import type { Html } from '../html/markup.js';
import { layout } from '../html/layout.js';
import { pageRequest, type PageRequest } from './page-request.js';

/** What a page says. */
export interface PageContent {
  readonly title: string;
  readonly main: Html;
}

const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; " +
    "base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // without a referrer, browsers do not say either from where a form is sent
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Answers requests by pages. It writes the response itself, past interceptors that would wrap what handlers return. */
@Injectable()
export class PageWriter {
  constructor(
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly host: HttpAdapterHost,
  ) {}

  /** @param depth how many segments the page's path has below the path where the pages are mounted */
  requestOf(request: unknown, depth: number): PageRequest {
    return pageRequest(this.host.httpAdapter.getRequestUrl(request), depth);
  }

  /** How deep below the mounted path a request is that no handler has taken yet. */
  depthOf(request: unknown): number {
    const [path = ''] = this.host.httpAdapter.getRequestUrl(request).split('?');
    const segments = path.replace(/\/$/, '').split('/');
    const mounted = this.settings.path.split('/').at(-1);
    return segments.length - 1 - segments.lastIndexOf(mounted!);
  }

  page(response: unknown, request: PageRequest, content: PageContent, status = 200): void {
    this.send(response, HEADERS, layout(this.settings.title, request.root, content).text, status);
  }

  /** For a page that has asked for what is new, when nothing is. */
  nothing(response: unknown): void {
    this.send(response, { 'cache-control': 'no-store' }, '', 204);
  }

  send(response: unknown, headers: Readonly<Record<string, string>>, body: string, status = 200): void {
    const { httpAdapter } = this.host;
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}
