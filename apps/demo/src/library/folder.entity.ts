import { Cascade, Collection, type Rel } from '@mikro-orm/core';
import { Entity, ManyToOne, OneToMany, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Document } from './document.entity.js';

/** A place for documents and further folders. The top one has the path `/`; below it paths read as git writes them. */
@Entity()
export class Folder {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'text' })
  @Unique()
  path!: string;

  // `Rel` keeps the class out of the emitted metadata: folders and documents import each other.
  @ManyToOne({ entity: () => Folder, nullable: true, index: true, deleteRule: 'cascade' })
  parent!: Rel<Folder> | null;

  @OneToMany({ entity: () => Folder, mappedBy: 'parent', cascade: [Cascade.REMOVE] })
  folders = new Collection<Folder>(this);

  @OneToMany({ entity: () => Document, mappedBy: 'folder', cascade: [Cascade.REMOVE] })
  documents = new Collection<Document>(this);
}
