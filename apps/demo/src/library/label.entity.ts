import { Collection } from '@mikro-orm/core';
import { Entity, ManyToMany, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';
import { Document } from './document.entity.js';

/** A word that documents can be marked with. */
@Entity()
export class Label {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'text' })
  @Unique()
  name!: string;

  @Property({ type: 'text' })
  color!: string;

  @ManyToMany({ entity: () => Document, mappedBy: 'labels' })
  documents = new Collection<Document>(this);
}
