import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Patch,
  Put,
  Query,
  UseGuards,
} from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import { SnapshotService, UnknownRevisionError } from '@revy/mikro-orm';
import { RevisionActor, RevisionDescription } from '@revy/nestjs';
import { Author } from '../people/author.entity.js';
import { AuthorGuard, requestActor } from '../people/author.guard.js';
import { type DocumentChanges, DocumentChangesPipe } from './document-changes.pipe.js';
import { Document } from './document.entity.js';
import { IdPipe } from './id.pipe.js';
import { LibraryService } from './library.service.js';
import { viewDocument, viewPastDocument } from './library.view.js';
import { readHistory } from './object-history.js';
import { type Page, PagePipe } from './page.pipe.js';
import { PointPipe, type RequestedPoint } from './point.pipe.js';

@Controller('documents')
@UseGuards(AuthorGuard)
@RevisionActor(requestActor)
export class DocumentsController {
  constructor(
    private readonly library: LibraryService,
    private readonly snapshots: SnapshotService,
    private readonly em: EntityManager,
  ) {}

  @Get()
  async list(@Query('page', PagePipe) page: Page) {
    const [documents, total] = await this.library.listDocuments(page);
    return { page: page.number, total, documents: documents.map(viewDocument) };
  }

  @Get(':id')
  async show(@Param('id', IdPipe) id: number) {
    return viewDocument(await this.library.document(id));
  }

  @Patch(':id')
  @RevisionDescription('a document was edited over HTTP')
  async change(
    @Param('id', IdPipe) id: number,
    @Body(DocumentChangesPipe) changes: DocumentChanges,
    @RevisionActor() author: Author | null,
  ) {
    return viewDocument(await this.library.changeDocument(id, changes, author ?? undefined));
  }

  @Delete(':id')
  @HttpCode(204)
  @RevisionDescription('a document was deleted over HTTP')
  async remove(@Param('id', IdPipe) id: number): Promise<void> {
    await this.library.removeDocument(id);
  }

  /** Also of a document that is gone: its history is not. */
  @Get(':id/history')
  async history(@Param('id', IdPipe) id: number) {
    const entries = await readHistory(this.em, Document.name, id);
    if (entries.length === 0) {
      throw new NotFoundException(`There has never been a document ${id}.`);
    }
    return { document: id, history: entries };
  }

  @Get(':id/at')
  async at(@Param('id', IdPipe) id: number, @Query(PointPipe) point: RequestedPoint) {
    const snapshot = await this.snapshots.at(Document, id, point).catch((error: unknown) => {
      throw error instanceof UnknownRevisionError ? new NotFoundException(error.message) : error;
    });
    if (!snapshot) {
      throw new NotFoundException(`There was no document ${id} at that point.`);
    }
    return { document: viewPastDocument(snapshot.entity), version: snapshot.version, unknown: snapshot.unknown };
  }

  @Put(':id/labels/:label')
  @RevisionDescription('a label was put on a document over HTTP')
  async addLabel(@Param('id', IdPipe) id: number, @Param('label', IdPipe) label: number) {
    return viewDocument(await this.library.addLabel(id, label));
  }

  @Delete(':id/labels/:label')
  @RevisionDescription('a label was taken off a document over HTTP')
  async removeLabel(@Param('id', IdPipe) id: number, @Param('label', IdPipe) label: number) {
    return viewDocument(await this.library.removeLabel(id, label));
  }
}
