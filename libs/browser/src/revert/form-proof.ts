import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RevyOptionError } from '@revy/mikro-orm';
import { ForeignFormError } from '../browser.errors.js';
import { BROWSER_SETTINGS, type BrowserSettings, type RevyBrowserOptions } from '../browser.options.js';

/** What is read of a request, on either platform. */
export interface FormRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** With its port; behind a proxy that the application trusts, as the browser knows it. */
  readonly host?: string;
  readonly protocol?: string;
  readonly body?: unknown;
}

const COOKIE = 'revy-browser';
const COOKIE_VALUE = /^[\w-]{43}$/;
const SHORTEST_SECRET = 32;

/**
 * Proves that a form was shown to whoever sends it, without a session: a cookie that only these pages get, and in the form
 * a token that only this application can make of it. Other sites can read neither.
 */
@Injectable()
export class FormProof {
  constructor(
    @Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings,
    private readonly host: HttpAdapterHost,
  ) {}

  /** The token of a form for this reader, who gets a cookie if there is none yet. */
  tokenFor(request: FormRequest, response: unknown): string {
    const [known] = cookiesOf(request);
    if (known !== undefined) return this.sign('form', known);
    const made = randomBytes(32).toString('base64url');
    // without a path it is that of the pages, also where a proxy shows them under another one
    const cookie = `${COOKIE}=${made}; HttpOnly; SameSite=Strict${request.protocol === 'https' ? '; Secure' : ''}`;
    this.host.httpAdapter.appendHeader(response, 'set-cookie', cookie);
    return this.sign('form', made);
  }

  /** @throws {ForeignFormError} if a form may have been sent by a page of somebody else */
  verify(request: FormRequest, token: string | undefined): void {
    if (!isOwnPage(request)) throw new ForeignFormError('another site has sent it');
    if (request.body === undefined) {
      throw new ForeignFormError(
        'its fields have not arrived, since the application does not parse bodies of the type ' +
          '"application/x-www-form-urlencoded", as Nest does by default',
      );
    }
    const tokens = cookiesOf(request).map(cookie => this.sign('form', cookie));
    if (!tokens.some(one => isSame(one, token ?? ''))) {
      throw new ForeignFormError('its token is missing, is not yours, or is older than the application’s last start');
    }
  }

  /** What nobody else can make of these values, and what says nothing about them. */
  sign(label: string, ...values: readonly unknown[]): string {
    return createHmac('sha256', this.settings.secret)
      .update(JSON.stringify([label, ...values]))
      .digest('base64url');
  }
}

/** @throws {RevyOptionError} if a secret is given that can be guessed; the message does not tell it */
export function secretOf({ secret }: RevyBrowserOptions): string {
  if (secret === undefined) return randomBytes(32).toString('base64url');
  if (typeof secret === 'string' && secret.length >= SHORTEST_SECRET) return secret;
  const given = typeof secret === 'string' ? `a text of ${secret.length} characters` : typeof secret;
  throw new RevyOptionError('secret', given, `a text of at least ${SHORTEST_SECRET} characters that nobody can guess`);
}

/** Browsers say it themselves; older ones, and without TLS, by the origin alone. What is no browser says nothing. */
function isOwnPage(request: FormRequest): boolean {
  const site = headerOf(request, 'sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = headerOf(request, 'origin');
  if (origin === undefined) return true;
  const { host } = URL.parse(origin) ?? {};
  return host !== undefined && [request.host, headerOf(request, 'host')].includes(host);
}

/** Values of the cookie; where one page is mounted below another there are two. */
function cookiesOf(request: FormRequest): string[] {
  const cookies = (headerOf(request, 'cookie') ?? '').split(';').map(cookie => cookie.trim().split('='));
  return cookies.flatMap(([name, value = '']) => (name === COOKIE && COOKIE_VALUE.test(value) ? [value] : []));
}

function headerOf({ headers }: FormRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
