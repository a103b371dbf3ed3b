import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

/** Where in history a request wants to look. */
export type RequestedPoint = Date | { readonly revision: number };

interface PointQuery {
  readonly revision?: string;
  readonly date?: string;
}

/** `?revision=12` or `?date=2026-01-31T12:00:00Z` as a point in history. */
@Injectable()
export class PointPipe implements PipeTransform<PointQuery, RequestedPoint> {
  transform({ revision, date }: PointQuery): RequestedPoint {
    if ((revision === undefined) === (date === undefined)) {
      throw new BadRequestException('Say when: either ?revision=<id> or ?date=<ISO 8601 time>.');
    }
    return revision === undefined ? readDate(String(date)) : { revision: readRevision(revision) };
  }
}

function readRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text) || Number(text) < 1) {
    throw new BadRequestException(`The revision is a whole number from 1, not "${text}".`);
  }
  return Number(text);
}

/** A time from a query. */
export function readDate(text: string): Date {
  const date = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(date.getTime())) {
    throw new BadRequestException(`The date is an ISO 8601 time such as 2026-01-31T12:00:00Z, not "${text}".`);
  }
  return date;
}
