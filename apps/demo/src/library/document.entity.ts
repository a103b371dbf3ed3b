import { BigIntType, Collection, type Rel } from '@mikro-orm/core';
import { Entity, ManyToMany, ManyToOne, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Author } from '../people/author.entity.js';
import { Folder } from './folder.entity.js';
import { Label } from './label.entity.js';

/** One file of the replayed history, with the attributes that git knows of it. */
@Entity()
export class Document {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'text' })
  @Unique()
  path!: string;

  @ManyToOne({ entity: () => Folder, index: true, deleteRule: 'cascade' })
  folder!: Rel<Folder>;

  /** git's file mode: 100644, 100755 (executable), 120000 (link) or 160000 (submodule). */
  @Property({ type: 'string', length: 6 })
  mode!: string;

  /** The id of the content. */
  @Property({ type: 'string', length: 64 })
  blob!: string;

  /** In bytes; null where the source does not know it, as for a submodule. */
  @Property({ type: new BigIntType('number'), nullable: true })
  size!: number | null;

  @ManyToOne({ entity: () => Author })
  lastAuthor!: Rel<Author>;

  @ManyToMany({ entity: () => Label, inversedBy: 'documents' })
  labels = new Collection<Label>(this);
}
