import { Controller, Delete, Get, HttpCode, Param, UseGuards } from '@nestjs/common';
import { RevisionActor, RevisionDescription } from '@revy/nestjs';
import { AuthorGuard, requestActor } from '../people/author.guard.js';
import { IdPipe } from './id.pipe.js';
import { LibraryService } from './library.service.js';
import { viewFolder } from './library.view.js';

@Controller('folders')
@UseGuards(AuthorGuard)
@RevisionActor(requestActor)
export class FoldersController {
  constructor(private readonly library: LibraryService) {}

  @Get(':id')
  async show(@Param('id', IdPipe) id: number) {
    return viewFolder(await this.library.folder(id));
  }

  /** With everything inside. */
  @Delete(':id')
  @HttpCode(204)
  @RevisionDescription('a folder was deleted over HTTP')
  async remove(@Param('id', IdPipe) id: number): Promise<void> {
    await this.library.removeFolder(id);
  }
}
