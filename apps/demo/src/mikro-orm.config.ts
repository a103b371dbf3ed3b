import { type Options, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { revy } from '@revy/mikro-orm';
import { Document } from './library/document.entity.js';
import { Folder } from './library/folder.entity.js';
import { Label } from './library/label.entity.js';
import { Author } from './people/author.entity.js';

/** The library without its history: what the replay is measured against. */
export function untrackedConfig(databaseUrl: string): Options {
  return {
    driver: PostgreSqlDriver,
    clientUrl: databaseUrl,
    entities: [Author, Folder, Document, Label],
    metadataProvider: ReflectMetadataProvider,
  };
}

/** The library as it is meant to be: one line more. */
export function libraryConfig(databaseUrl: string): Options {
  return { ...untrackedConfig(databaseUrl), extensions: [revy()] };
}
