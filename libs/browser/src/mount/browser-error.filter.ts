import { type ArgumentsHost, Catch, type ExceptionFilter, type Type } from '@nestjs/common';
import {
  ContextRequiredError,
  MaskedValueError,
  NothingToRevertError,
  type RevyError,
  SeveralSchemasError,
  UnknownAttributeError,
  UnknownRelationError,
  UnknownRevisionError,
  UnknownVersionError,
  UnusableCursorError,
  UnusableFilterError,
  UnusableKeyError,
} from '@revy/mikro-orm';
import {
  BrowserClosedError,
  BrowserRefusedError,
  ForeignFormError,
  NotInHistoryError,
  RevertClosedError,
  RevertRefusedError,
  UnusableRevertError,
} from '../browser.errors.js';
import { markup } from '../html/markup.js';
import { PageWriter } from './page-writer.js';

/** What a reader can do something about, with its status and its headline. */
const SHOWN = [
  {
    status: 403,
    title: 'Not allowed',
    errors: [BrowserClosedError, BrowserRefusedError, RevertClosedError, RevertRefusedError, ForeignFormError],
  },
  {
    status: 404,
    title: 'Not found',
    errors: [NotInHistoryError, UnusableKeyError, UnknownRevisionError, NothingToRevertError],
  },
  {
    status: 400,
    title: 'Cannot be shown',
    errors: [
      MaskedValueError,
      UnknownAttributeError,
      UnknownRelationError,
      UnknownVersionError,
      UnusableCursorError,
      UnusableFilterError,
      UnusableRevertError,
      SeveralSchemasError,
      ContextRequiredError,
    ],
  },
];

/** Makes pages of what a reader can do something about; all else is the application's affair. */
@Catch(...SHOWN.flatMap(({ errors }) => errors as Type<RevyError>[]))
export class BrowserErrorFilter implements ExceptionFilter<RevyError> {
  constructor(private readonly pages: PageWriter) {}

  catch(error: RevyError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<unknown>();
    const { status, title } = SHOWN.find(({ errors }) => errors.some(one => error instanceof one))!;
    const main = markup`<h1>${title}</h1>
<p class="error" role="alert">${error.message}</p>`;
    const page = this.pages.requestOf(request, this.pages.depthOf(request));
    this.pages.page(http.getResponse(), page, { title, main }, status);
  }
}
