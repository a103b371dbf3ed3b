import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

export const PAGE_ROWS = 20;

export interface Page {
  readonly number: number;
  readonly limit: number;
  readonly offset: number;
}

/** The page that a request asks for: `?page=2`, the first one by default. */
@Injectable()
export class PagePipe implements PipeTransform<string | undefined, Page> {
  transform(text = '1'): Page {
    const number = Number(text);
    if (!/^\d{1,6}$/.test(String(text)) || number < 1) {
      throw new BadRequestException(`The page is a whole number from 1 to 999999, not "${text}".`);
    }
    return { number, limit: PAGE_ROWS, offset: (number - 1) * PAGE_ROWS };
  }
}
