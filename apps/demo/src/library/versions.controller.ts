import { BadRequestException, Controller, Get, NotFoundException, Param, Query } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { HistoryService, UnknownVersionError, UnusableCursorError, type Version } from '@revy/mikro-orm';
import { nameActors } from '../people/actor-names.js';
import { readId } from '../people/read-id.js';
import { Document } from './document.entity.js';
import { IdPipe } from './id.pipe.js';
import { PAGE_ROWS } from './page.pipe.js';

/** The states that a document has had, and what differs between two of them; also of a document that is gone. */
@Controller('documents/:id')
export class VersionsController {
  constructor(
    private readonly history: HistoryService,
    private readonly em: EntityManager,
  ) {}

  /** Newest first; `next` is where the page behind begins. */
  @Get('versions')
  async list(@Param('id', IdPipe) id: number, @Query('after') after?: string) {
    const page = await this.history
      .versions(Document, id, { order: 'desc', limit: PAGE_ROWS, after: after ?? null })
      .catch((error: unknown) => {
        throw error instanceof UnusableCursorError ? new BadRequestException(error.message) : error;
      });
    if (page.length === 0 && after === undefined) {
      throw new NotFoundException(`There has never been a document ${id}.`);
    }
    const nameOf = await nameActors(this.em, page);
    return { document: id, versions: page.map(version => viewVersion(version, nameOf(version))), next: page.next };
  }

  @Get('diff')
  async diff(@Param('id', IdPipe) id: number, @Query('from') from?: string, @Query('to') to?: string) {
    const [first, second] = [versionOf('from', from), versionOf('to', to)];
    const diff = await this.history
      .diff(Document, id, { version: first }, { version: second })
      .catch((error: unknown) => {
        throw error instanceof UnknownVersionError ? new NotFoundException(error.message) : error;
      });
    return { document: id, from: first, to: second, action: diff?.action ?? null, changed: diff?.changed ?? {} };
  }
}

function viewVersion(version: Version<Document>, who: string) {
  const { number, action, description, validFrom, validUntil, isDeleted, changed } = version;
  return { number, revision: version.revision.id, action, who, description, validFrom, validUntil, isDeleted, changed };
}

/** The number of a version from the query. */
function versionOf(name: string, text = ''): number {
  const number = readId(text);
  if (number === undefined) {
    throw new BadRequestException(
      `Say ?from=<version>&to=<version>: "${name}" is a whole number from 1, not "${text}".`,
    );
  }
  return number;
}
