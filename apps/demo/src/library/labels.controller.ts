import { Body, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { RevisionActor, RevisionDescription } from '@revy/nestjs';
import { AuthorGuard, requestActor } from '../people/author.guard.js';
import { type LabelDraft, LabelDraftPipe } from './label-draft.pipe.js';
import { LibraryService } from './library.service.js';
import { viewLabel } from './library.view.js';

@Controller('labels')
@UseGuards(AuthorGuard)
@RevisionActor(requestActor)
export class LabelsController {
  constructor(private readonly library: LibraryService) {}

  @Get()
  async list() {
    return (await this.library.listLabels()).map(viewLabel);
  }

  @Post()
  @RevisionDescription('a label was saved over HTTP')
  async save(@Body(LabelDraftPipe) draft: LabelDraft) {
    return viewLabel(await this.library.saveLabel(draft));
  }
}
