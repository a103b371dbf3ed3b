import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import {
  MaskedValueError,
  type RevyError,
  UnknownAttributeError,
  UnusableCursorError,
  UnusableFilterError,
} from '@revy/mikro-orm';
import { BrowserClosedError, BrowserRefusedError } from '../browser.errors.js';
import { markup } from '../html/markup.js';
import { PageWriter } from './page-writer.js';

const FORBIDDEN = [BrowserClosedError, BrowserRefusedError];
const BAD_REQUEST = [MaskedValueError, UnknownAttributeError, UnusableCursorError, UnusableFilterError];

/** Makes pages of what a reader can do something about; all else is the application's affair. */
@Catch(...FORBIDDEN, ...BAD_REQUEST)
export class BrowserErrorFilter implements ExceptionFilter<RevyError> {
  constructor(private readonly pages: PageWriter) {}

  catch(error: RevyError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<unknown>();
    const isForbidden = FORBIDDEN.some(one => error instanceof one);
    const title = isForbidden ? 'Not allowed' : 'Cannot be shown';
    const main = markup`<h1>${title}</h1>
      <p class="error" role="alert">${error.message}</p>`;
    const page = this.pages.requestOf(request, this.pages.depthOf(request));
    this.pages.page(http.getResponse(), page, { title, main }, isForbidden ? 403 : 400);
  }
}
