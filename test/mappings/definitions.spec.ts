import { Collection, defineEntity, EntitySchema, type Opt, p, ref, type Ref } from '@mikro-orm/core';
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
  ReflectMetadataProvider,
} from '@mikro-orm/decorators/legacy';
import type { Options } from '@mikro-orm/postgresql';
import { SnapshotService, Tracked, Untracked } from '@revy/mikro-orm';
import fs from 'node:fs';
import path from 'node:path';
import 'reflect-metadata';
import ts from 'typescript';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

// The same entities, defined in each of the ways that MikroORM has for it, leave the same history.

type Library = ReturnType<typeof plainClasses>;

interface Definition {
  readonly classes: Library;
  readonly entities: Options['entities'];
  readonly config?: Partial<Options>;
}

function withLegacyDecorators(): Definition {
  @Embeddable()
  class Address {
    @Property()
    street!: string;

    @Property({ type: 'string', nullable: true })
    city!: string | null;
  }

  @Entity()
  class Author {
    @PrimaryKey()
    id!: number;

    @Property()
    name!: string;

    @Embedded(() => Address, { nullable: true })
    home!: Address | null;

    @Property({ version: true })
    version!: number;

    @OneToMany(() => Book, 'author')
    books = new Collection<Book>(this);
  }

  @Entity()
  class Tag {
    @PrimaryKey()
    id!: number;

    @Property()
    name!: string;
  }

  @Tracked({ as: 'book' })
  @Entity({ discriminatorColumn: 'kind', discriminatorMap: { book: 'Book', ebook: 'EBook' } })
  class Book {
    @PrimaryKey()
    isbn!: string;

    @Enum({ items: () => ['book', 'ebook'], type: 'string' })
    kind!: 'book' | 'ebook';

    @Property({ fieldName: 'book_title' })
    title!: string;

    @Enum({ items: () => ['draft', 'out'], type: 'string' })
    status: 'draft' | 'out' = 'draft';

    @Tracked({ mask: true })
    @Property({ type: 'string', nullable: true })
    secret!: string | null;

    @Untracked()
    @Property({ default: 0 })
    opened!: number;

    @Property({ type: 'text', lazy: true, nullable: true })
    text!: string | null;

    @Property({ default: 0 })
    edits: number = 0;

    @Formula(cols => `length(${cols.title})`, { type: 'integer' })
    length!: number;

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
  class EBook extends Book {
    @Property({ type: 'bigint', nullable: true })
    bytes!: bigint | null;
  }

  const classes = { Author, Tag, Book, EBook, Address } as unknown as Library;
  return { classes, entities: Object.values(classes), config: { metadataProvider: ReflectMetadataProvider } };
}

/** Classes without anything on them, for definitions that stand beside them. */
function plainClasses() {
  class Address {
    street!: string;
    city!: string | null;
  }
  class Author {
    id!: number;
    name!: string;
    home!: Address | null;
    version!: Opt<number>;
    books = new Collection<Book>(this);
  }
  class Tag {
    id!: number;
    name!: string;
  }
  class Book {
    isbn!: string;
    kind!: Opt<'book' | 'ebook'>;
    title!: string;
    status: 'draft' | 'out' = 'draft';
    secret!: string | null;
    opened!: Opt<number>;
    text!: string | null;
    edits: Opt<number> = 0;
    length!: Opt<number>;
    author!: Ref<Author> | null;
    tags = new Collection<Tag>(this);
    countEdit(): void {
      this.edits += 1;
    }
  }
  class EBook extends Book {
    bytes!: bigint | null;
  }
  return { Author, Tag, Book, EBook, Address };
}

function withDefineEntity(): Definition {
  const classes = plainClasses();
  const { Author, Tag, Book, EBook, Address } = classes;
  const AddressSchema = defineEntity({
    class: Address,
    embeddable: true,
    properties: { street: p.string(), city: p.string().nullable() },
  });
  const AuthorSchema = defineEntity({
    class: Author,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      home: () => p.embedded(Address).nullable(),
      version: p.integer().version(),
      books: () => p.oneToMany(Book).mappedBy('author'),
    },
  } as never);
  const TagSchema = defineEntity({ class: Tag, properties: { id: p.integer().primary(), name: p.string() } });
  const BookSchema = defineEntity({
    class: Book,
    discriminatorColumn: 'kind',
    discriminatorMap: { book: 'Book', ebook: 'EBook' },
    revy: { as: 'book' },
    hooks: { beforeUpdate: ['countEdit'] },
    properties: {
      isbn: p.string().primary(),
      kind: p.enum(['book', 'ebook']),
      title: p.string().fieldName('book_title'),
      status: p.enum(['draft', 'out']),
      secret: p.string().nullable().revy({ mask: true }),
      opened: p.integer().default(0).revy({ track: false }),
      text: p.text().lazy().nullable(),
      edits: p.integer().default(0),
      length: p.integer().formula((cols: Record<string, string>) => `length(${cols['title']})`),
      author: () => p.manyToOne(Author).ref().nullable(),
      tags: () => p.manyToMany(Tag).owner(),
    },
  } as never);
  const EBookSchema = defineEntity({
    class: EBook,
    extends: BookSchema,
    properties: { bytes: p.bigint().nullable() },
  } as never);
  return { classes, entities: [AddressSchema, AuthorSchema, TagSchema, BookSchema, EBookSchema] };
}

function withEntitySchema(): Definition {
  const classes = plainClasses();
  const { Author, Tag, Book, EBook, Address } = classes;
  const schema = (options: object) => new EntitySchema(options as never);
  const BookSchema = schema({
    class: Book,
    discriminatorColumn: 'kind',
    discriminatorMap: { book: 'Book', ebook: 'EBook' },
    revy: { as: 'book' },
    hooks: { beforeUpdate: ['countEdit'] },
    properties: {
      isbn: { type: 'string', primary: true },
      kind: { enum: true, items: ['book', 'ebook'] },
      title: { type: 'string', fieldName: 'book_title' },
      status: { enum: true, items: ['draft', 'out'] },
      secret: { type: 'string', nullable: true, revy: { mask: true } },
      opened: { type: 'integer', default: 0, revy: { track: false } },
      text: { type: 'text', lazy: true, nullable: true },
      edits: { type: 'integer', default: 0 },
      length: { type: 'integer', formula: (cols: Record<string, string>) => `length(${cols['title']})` },
      author: { kind: 'm:1', entity: () => Author, ref: true, nullable: true },
      tags: { kind: 'm:n', entity: () => Tag, owner: true },
    },
  });
  return {
    classes,
    entities: [
      schema({
        class: Address,
        embeddable: true,
        properties: { street: { type: 'string' }, city: { type: 'string', nullable: true } },
      }),
      schema({
        class: Author,
        properties: {
          id: { type: 'integer', primary: true },
          name: { type: 'string' },
          home: { kind: 'embedded', entity: () => Address, nullable: true },
          version: { type: 'integer', version: true },
          books: { kind: '1:m', entity: () => Book, mappedBy: 'author' },
        },
      }),
      schema({ class: Tag, properties: { id: { type: 'integer', primary: true }, name: { type: 'string' } } }),
      BookSchema,
      schema({ class: EBook, extends: BookSchema, properties: { bytes: { type: 'bigint', nullable: true } } }),
    ],
  };
}

/** ES decorators, compiled and type-checked by TypeScript itself, with options of their own. */
async function withEsDecorators(): Promise<Definition> {
  const folder = path.join(import.meta.dirname, 'es');
  const config = ts.getParsedCommandLineOfConfigFile(path.join(folder, 'tsconfig.json'), {}, ts.sys as never)!;
  const source = path.join(folder, 'library.ts');
  const program = ts.createProgram([source], { ...config.options, noEmit: false });
  const file = program.getSourceFile(source)!;
  const wrong = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  if (wrong.length > 0) throw new Error(ts.formatDiagnostics(wrong, ts.createCompilerHost({})));
  let code = '';
  program.emit(file, (_, text) => (code = text));
  // below node_modules, so that every import in it resolves to the one that is used here
  const cache = path.resolve(import.meta.dirname, '../../node_modules/.cache/revy-es');
  fs.mkdirSync(cache, { recursive: true });
  const target = path.join(fs.mkdtempSync(path.join(cache, 'run-')), 'library.mjs');
  fs.writeFileSync(target, code);
  const classes = (await import(target)) as Library;
  fs.rmSync(path.dirname(target), { recursive: true });
  const { Author, Tag, Book, EBook, Address } = classes;
  return { classes, entities: [Author, Tag, Book, EBook, Address] };
}

const DEFINITIONS: [string, () => Definition | Promise<Definition>][] = [
  ['defineEntity', withDefineEntity],
  ['EntitySchema', withEntitySchema],
  ['legacy decorators', withLegacyDecorators],
  ['ES decorators', withEsDecorators],
];

describe.each(DEFINITIONS)('entities by %s', (_, define) => {
  let test: TestOrm;
  let library: Library;
  let lives: Lives;
  beforeAll(async () => {
    const { classes, entities, config } = await define();
    library = classes;
    test = await createOrm(entities, { config: { ...config, debug: false } });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await empty(test);
    const unknown = ['opened', 'secret'];
    lives = new Lives(test, [library.Author, library.Tag, library.Book], {
      unknown: { Author: ['version'], Book: unknown, EBook: unknown },
    });
  });

  it('F2, F4: creates, updates, links and deletions leave the same history, and the same snapshots', async () => {
    const { Author, Tag, Book, EBook, Address } = library;
    const em = test.orm.em.fork();
    const author = em.create(Author, { id: 1, name: 'Ann', home: null });
    const tag = em.create(Tag, { id: 7, name: 'new' });
    const book = em.create(Book, {
      isbn: 'b',
      title: 'B',
      status: 'out',
      secret: 'x',
      text: 'long',
      author: ref(author),
    });
    em.create(EBook, {
      isbn: 'e',
      title: 'E',
      status: 'draft',
      secret: null,
      text: null,
      author: null,
      bytes: 2n ** 60n,
    });
    book.tags.add(tag);
    await lives.flush(em);

    const other = test.orm.em.fork();
    const [first, second] = (await other.find(Book, {}, { orderBy: { isbn: 1 } })) as InstanceType<typeof EBook>[];
    Object.assign(first!, { title: 'B2', secret: 'y', opened: 5, text: null, author: null });
    Object.assign(second!, { bytes: null, opened: 1 });
    (await other.findOneOrFail(Author, 1)).home = Object.assign(new Address(), { street: 'Elm', city: null });
    await lives.flush(other);
    second!.opened = 9;
    other.remove(first!);
    await lives.flush(other);

    const masked = '[FILTERED]';
    // the root of a hierarchy in one table has the columns of all
    const rest = { status: 'out', secret: masked, bytes: null };
    expect((await summary(test)).toSorted(byContent)).toEqual(
      [
        ['create', 'Author:1', null, { name: 'Ann', home_street: null, home_city: null }],
        ['create', 'Tag:7', null, { name: 'new' }],
        [
          'create',
          'book:b',
          null,
          {
            ...rest,
            title: 'B',
            text: 'long',
            edits: 0,
            author: 1,
            tags: { added: [7], removed: [] },
          },
        ],
        [
          'create',
          'EBook:e',
          null,
          { title: 'E', status: 'draft', secret: null, text: null, edits: 0, author: null, bytes: String(2n ** 60n) },
        ],
        ['update', 'Author:1', { home_street: null }, { home_street: 'Elm' }],
        [
          'update',
          'book:b',
          { title: 'B', secret: masked, text: 'long', edits: 0, author: 1 },
          { title: 'B2', secret: masked, text: null, edits: 1, author: null },
        ],
        ['update', 'EBook:e', { bytes: String(2n ** 60n), edits: 0 }, { bytes: null, edits: 1 }],
        ['update', 'EBook:e', { edits: 1 }, { edits: 2 }],
        [
          'delete',
          'book:b',
          { ...rest, title: 'B2', text: null, edits: 1, author: null, tags: { added: [], removed: [7] } },
          null,
        ],
      ].toSorted(byContent),
    );
    expect(await lives.shown()).toStrictEqual(lives.seen);
    const snapshot = await new SnapshotService(em).at(EBook, 'e' as never, { version: 1 });
    expect(snapshot!.entity).toBeInstanceOf(EBook);
    expect(snapshot!.entity).toMatchObject({ bytes: 2n ** 60n, status: 'draft', kind: 'ebook' });
  });

  it('what was newed up by hand, class fields included, is recorded as well', async () => {
    const { Book, EBook } = library;
    const em = test.orm.em.fork();
    const book = Object.assign(new EBook(), {
      isbn: 'n',
      title: 'New',
      secret: null,
      text: null,
      author: null,
      bytes: 1n,
    });
    em.persist(book);
    await lives.flush(em);
    book.status = 'out';
    await lives.flush(em);
    const reference = test.orm.em.fork();
    (
      (await reference.findOneOrFail(Book, 'n' as never, { fields: ['edits'] as never })) as InstanceType<typeof Book>
    ).title = 'Newer';
    await lives.flush(reference);
    expect((await test.deltas()).map(row => [row.object, row.old, row.new])).toEqual([
      ['EBook:n', null, expect.objectContaining({ status: 'draft', edits: 0, bytes: '1' })],
      ['EBook:n', { status: 'draft', edits: 0 }, { status: 'out', edits: 1 }],
      ['EBook:n', expect.objectContaining({ title: 'New' }), expect.objectContaining({ title: 'Newer' })],
    ]);
    expect(await lives.shown()).toStrictEqual(lives.seen);
  });
});
