import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';
import { readId } from '../people/read-id.js';
import { readDate } from './point.pipe.js';

/** What one author did, from a time on, and until another. */
export interface Work {
  readonly author: number;
  readonly since: Date;
  readonly until?: Date;
}

interface WorkQuery {
  readonly author?: string;
  readonly since?: string;
  readonly until?: string;
}

/** `?author=1&since=2026-01-31T12:00:00Z&until=2026-01-31T18:00:00Z` */
@Injectable()
export class WorkPipe implements PipeTransform<WorkQuery, Work> {
  transform({ author = '', since, until }: WorkQuery): Work {
    const id = readId(author);
    if (id === undefined || since === undefined) {
      throw new BadRequestException('Say whose work, and since when: ?author=<id>&since=<ISO 8601 time>.');
    }
    return { author: id, since: readDate(since), ...(until !== undefined && { until: readDate(until) }) };
  }
}
