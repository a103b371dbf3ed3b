import { Collection, type Opt, type Ref } from '@mikro-orm/core';
import {
  BeforeUpdate,
  Embeddable,
  Embedded,
  Entity,
  Enum,
  Formula,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/es';
import { Tracked, Untracked } from '@revy/mikro-orm';

// The library of `definitions.spec.ts` with ES decorators, which cannot be compiled together with legacy ones.

@Embeddable()
export class Address {
  @Property({ type: 'string' })
  street!: string;

  @Property({ type: 'string', nullable: true })
  city!: string | null;
}

@Entity()
export class Author {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;

  @Embedded(() => Address, { nullable: true })
  home!: Address | null;

  @Property({ type: 'integer', version: true })
  version!: Opt<number>;

  @OneToMany(() => Book, 'author')
  books = new Collection<Book>(this);
}

@Entity()
export class Tag {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;
}

@Tracked({ as: 'book' })
@Entity({ discriminatorColumn: 'kind', discriminatorMap: { book: 'Book', ebook: 'EBook' } })
export class Book {
  @PrimaryKey({ type: 'string' })
  isbn!: string;

  @Enum({ items: () => ['book', 'ebook'], type: 'string' })
  kind!: Opt<'book' | 'ebook'>;

  @Property({ type: 'string', fieldName: 'book_title' })
  title!: string;

  @Enum({ items: () => ['draft', 'out'], type: 'string' })
  status: 'draft' | 'out' = 'draft';

  @Tracked({ mask: true })
  @Property({ type: 'string', nullable: true })
  secret!: string | null;

  @Untracked()
  @Property({ type: 'integer', default: 0 })
  opened!: Opt<number>;

  @Property({ type: 'text', lazy: true, nullable: true })
  text!: string | null;

  @Property({ type: 'integer', default: 0 })
  edits: Opt<number> = 0;

  @Formula(cols => `length(${cols.title})`, { type: 'integer' })
  length!: Opt<number>;

  @ManyToOne(() => Author, { ref: true, nullable: true })
  author!: Ref<Author> | null;

  @ManyToMany(() => Tag)
  tags = new Collection<Tag>(this);

  @BeforeUpdate()
  countEdit(): void {
    this.edits += 1;
  }
}

@Entity()
export class EBook extends Book {
  @Property({ type: 'bigint', nullable: true })
  bytes!: bigint | null;
}
