import { type DynamicModule, Module } from '@nestjs/common';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { RevyBrowserModule } from '@revy/browser';
import { RevyModule } from '@revy/nestjs';
import { DocumentsController } from './library/documents.controller.js';
import type { Document } from './library/document.entity.js';
import type { Folder } from './library/folder.entity.js';
import { FoldersController } from './library/folders.controller.js';
import { LabelsController } from './library/labels.controller.js';
import { LibraryService } from './library/library.service.js';
import { RevertsController } from './library/reverts.controller.js';
import { RevisionsController } from './library/revisions.controller.js';
import { VersionsController } from './library/versions.controller.js';
import { libraryConfig } from './mikro-orm.config.js';
import type { Author } from './people/author.entity.js';

@Module({})
export class AppModule {
  /** The library on a database of its own. */
  static async on(databaseUrl: string): Promise<DynamicModule> {
    return {
      module: AppModule,
      imports: [
        await MikroOrmModule.forRoot(libraryConfig(databaseUrl)),
        RevyModule.forRoot(),
        // Anybody may look, and revert: the demo listens on this machine only. An application would ask who it is.
        RevyBrowserModule.forRoot({
          title: 'The library’s history',
          canActivate: () => true,
          canRevert: () => true,
          labels: {
            Author: { name: (author: Author) => author.name },
            Document: { name: (document: Document) => document.path },
            Folder: { name: (folder: Folder) => folder.path },
          },
        }),
      ],
      controllers: [
        VersionsController,
        DocumentsController,
        FoldersController,
        LabelsController,
        RevertsController,
        RevisionsController,
      ],
      providers: [LibraryService],
    };
  }
}
