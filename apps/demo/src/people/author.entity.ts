import { Entity, PrimaryKey, Property, Unique } from '@mikro-orm/decorators/legacy';

/** Someone who commits: the actor of a revision. */
@Entity()
export class Author {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'text' })
  @Unique()
  name!: string;
}
