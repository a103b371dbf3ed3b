import { Controller, Get, Query } from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { Revision } from '@revy/mikro-orm';
import { nameActors } from '../people/actor-names.js';
import { type Page, PagePipe } from './page.pipe.js';

@Controller('revisions')
export class RevisionsController {
  constructor(private readonly em: EntityManager) {}

  /** Newest first. */
  @Get()
  async list(@Query('page', PagePipe) { number, limit, offset }: Page) {
    const [revisions, total] = await this.em.findAndCount(Revision, {}, { limit, offset, orderBy: { id: 'desc' } });
    const nameOf = await nameActors(this.em, revisions);
    const rows = revisions.map(revision => {
      const { id, recordedAt, description, metadata } = revision;
      return { id, recordedAt, who: nameOf(revision), description, metadata };
    });
    return { page: number, total, revisions: rows };
  }
}
