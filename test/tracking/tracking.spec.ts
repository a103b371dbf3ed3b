import { describe, expect, it } from '@jest/globals';
import { Collection, defineEntity, p } from '@mikro-orm/core';
import { Entity, PrimaryKey, Property, ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';
import { type Options } from '@mikro-orm/postgresql';
import {
  DuplicateTypeError,
  type Json,
  RevisionContext,
  type RevyOptions,
  SnapshotService,
  SystemActor,
  Tracked,
  UnknownAttributeError,
  Untracked,
  UntrackedEntityError,
} from '@revy/mikro-orm';
import 'reflect-metadata';
import ts from 'typescript';
import { byContent } from '../support/order.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const id = p.integer().primary().autoincrement();

async function withOrm(
  entities: Options['entities'],
  revy: RevyOptions,
  fn: (test: TestOrm) => Promise<void>,
  config: Partial<Options> = {},
): Promise<void> {
  const test = await createOrm(entities, { revy, config });
  try {
    await fn(test);
  } finally {
    await test.close();
  }
}

const summary = async (test: TestOrm) => (await test.deltas()).map(row => [row.action, row.object, row.old, row.new]);

class Secret {
  id!: number;
  name!: string;
  password!: string | null;
  token!: string | null;
  seen!: number;
  home!: Home | null;
}

class Home {
  street!: string;
  zip!: string | null;
}

class Log {
  id!: number;
  text!: string;
}

class Group {
  id!: number;
  secrets = new Collection<Secret>(this);
}

const HomeSchema = defineEntity({
  class: Home,
  embeddable: true,
  properties: { street: p.string(), zip: p.string().nullable() },
});

const secretSchema = (revy: object) =>
  defineEntity({
    class: Secret,
    revy,
    properties: {
      id,
      name: p.string(),
      password: p.string().nullable(),
      token: p.string().nullable(),
      seen: p.integer().default(0),
      home: () => p.embedded(Home).nullable(),
    },
  } as never);

const logSchema = (revy: object = {}) =>
  defineEntity({ class: Log, revy, properties: { id, text: p.string() } } as never);

describe('what is tracked', () => {
  it(`A7: 'all' tracks whatever is not left out; what is left out makes no revision`, () =>
    withOrm([HomeSchema, secretSchema({}), logSchema({ track: false })], {}, async test => {
      const em = test.orm.em.fork();
      const log = em.create(Log, { text: 'a' });
      await em.flush();
      log.text = 'b';
      await em.flush();
      em.remove(log);
      await em.flush();
      expect([await summary(test), await test.revisions()]).toEqual([[], []]);
      em.create(Log, { text: 'c' });
      em.create(Secret, { name: 's' } as never);
      await em.flush();
      expect((await summary(test)).map(row => row[1])).toEqual(['Secret:1']);
      await expect(new SnapshotService(em).at(Log, 1, new Date())).rejects.toThrow(UntrackedEntityError);
    }));

  it(`H1: 'marked' tracks only what is marked`, () =>
    withOrm([HomeSchema, secretSchema({ track: true }), logSchema()], { track: 'marked' }, async test => {
      const em = test.orm.em.fork();
      em.create(Log, { text: 'a' });
      em.create(Secret, { name: 's' } as never);
      await em.flush();
      expect((await summary(test)).map(row => row[1])).toEqual(['Secret:1']);
    }));

  it('D1, D2, A6: an excluded attribute is in no delta, and its change alone makes no revision', () =>
    withOrm([HomeSchema, secretSchema({ exclude: ['seen', 'password', 'home'] })], {}, async test => {
      const em = test.orm.em.fork();
      const secret = em.create(Secret, {
        name: 's',
        password: 'p',
        seen: 1,
        home: { street: 'Elm', zip: null },
      } as never);
      await em.flush();
      Object.assign(secret, { seen: 2, password: 'q' });
      secret.home!.street = 'Oak';
      await em.flush();
      Object.assign(secret, { seen: 3, name: 't' });
      await em.flush();
      em.remove(secret);
      await em.flush();
      expect(await summary(test)).toEqual([
        ['create', 'Secret:1', null, { name: 's', token: null }],
        ['update', 'Secret:1', { name: 's' }, { name: 't' }],
        ['delete', 'Secret:1', { name: 't', token: null }, null],
      ]);
      expect(await test.revisions()).toHaveLength(3);
    }));

  it('D6: an excluded attribute of a snapshot is unknown, and the live row keeps it', () =>
    withOrm([HomeSchema, secretSchema({ exclude: ['password'] })], {}, async test => {
      const em = test.orm.em.fork();
      const secret = em.create(Secret, { name: 's', password: 'p' } as never);
      await em.flush();
      const snapshot = await new SnapshotService(em).at(Secret, secret.id, { version: 1 });
      expect(snapshot!.unknown).toEqual(['password']);
      expect(snapshot!.entity.password).toBeUndefined();
      expect(await test.database.query('select password from secret')).toEqual([{ password: 'p' }]);
    }));

  it.each([
    [{}, '[FILTERED]'],
    [{ maskWith: '***' }, '***'],
  ] as const)('D3, D5: a masked attribute shows that it changed and never what it was: %j', (options, mask) =>
    withOrm(
      [HomeSchema, secretSchema({ mask: ['password', 'token', 'home'] })],
      { ...options, keyframeEvery: 2 },
      async test => {
        const em = test.orm.em.fork();
        const secret = em.create(Secret, {
          name: 's',
          password: 'hidden-1',
          home: { street: 'hidden-2', zip: null },
        } as never);
        await em.flush();
        await test.orm.em.fork().transactional(async tx => {
          const loaded = await tx.findOneOrFail(Secret, secret.id);
          for (const n of [3, 4]) {
            await RevisionContext.run({ actor: new SystemActor(`actor ${n}`) }, async () => {
              loaded.password = `hidden-${n}`;
              await tx.flush();
            });
          }
        });
        const again = test.orm.em.fork();
        const loaded = await again.findOneOrFail(Secret, secret.id);
        Object.assign(loaded, { password: null, token: 'hidden-5', name: 't' });
        loaded.home!.street = 'hidden-6';
        await again.flush();
        again.remove(loaded);
        await again.flush();
        expect(await summary(test)).toEqual([
          [
            'create',
            'Secret:1',
            null,
            { name: 's', password: mask, token: null, seen: 0, home_street: mask, home_zip: null },
          ],
          ['update', 'Secret:1', { password: mask }, { password: mask }],
          [
            'update',
            'Secret:1',
            { name: 's', password: mask, token: null, home_street: mask },
            { name: 't', password: null, token: mask, home_street: mask },
          ],
          [
            'delete',
            'Secret:1',
            { name: 't', password: null, token: mask, seen: 0, home_street: mask, home_zip: null },
            null,
          ],
        ]);
        const everything = await test.database.query(
          `select (select json_agg(d) from revy_object_delta d)::text || (select json_agg(a) from revy_attribute_delta a)::text as text,
                  (select count(*)::int from revy_object_delta where state is not null) as keyframes,
                  (select count(*)::int from revy_object_delta where attributions is not null) as attributed`,
        );
        expect(everything).toEqual([{ text: expect.not.stringContaining('hidden'), keyframes: 1, attributed: 1 }]);
        const snapshot = await new SnapshotService(again).at(Secret, 1, { version: 2 });
        expect(snapshot!.entity.password).toBeUndefined();
        expect(snapshot!.unknown).toEqual(expect.arrayContaining(['password', 'token', 'home_street']));
      },
    ),
  );

  it('property level: a revy key of the property', () => {
    class Item {
      id!: number;
      kept!: string;
      skipped!: string;
      masked!: string;
    }
    const ItemSchema = defineEntity({
      class: Item,
      properties: {
        id,
        kept: { type: 'string' },
        skipped: { type: 'string', revy: { track: false } },
        masked: { type: 'string', revy: { mask: true } },
      },
    } as never);
    return withOrm([ItemSchema], {}, async test => {
      const em = test.orm.em.fork();
      em.create(Item, { kept: 'a', skipped: 'b', masked: 'c' } as never);
      await em.flush();
      expect(await summary(test)).toEqual([['create', 'Item:1', null, { kept: 'a', masked: '[FILTERED]' }]]);
    });
  });

  it('D5: a function says what to store in place of a value, old and new, of native writes as well', () => {
    class Account {
      id!: number;
      iban!: string | null;
      limits!: { day: number } | null;
    }
    const digits = (value: Json) => `…${JSON.stringify(value).slice(-5, -1)}`;
    const AccountSchema = defineEntity({
      class: Account,
      revy: { mask: ['iban'] },
      properties: {
        id: p.integer().primary(),
        iban: p.string().nullable().revy({ mask: digits }),
        limits: p
          .json<{ day: number }>()
          .nullable()
          .revy({ mask: value => `keys: ${Object.keys(value as object).join()}` }),
      },
    });
    return withOrm([AccountSchema], {}, async test => {
      const em = test.orm.em.fork();
      const account = em.create(Account, { id: 1, iban: 'DE89370400440532013000', limits: { day: 9 } });
      await em.flush();
      account.iban = 'DE02120300000000202051';
      await em.flush();
      await em.nativeUpdate(Account, 1, { iban: null, limits: { day: 7 } });
      expect(await summary(test)).toEqual([
        ['create', 'Account:1', null, { iban: '…3000', limits: 'keys: day' }],
        ['update', 'Account:1', { iban: '…3000' }, { iban: '…2051' }],
        ['update', 'Account:1', { iban: '…2051', limits: 'keys: day' }, { iban: null, limits: 'keys: day' }],
      ]);
      const snapshot = await new SnapshotService(em).at(Account, 1, { before: 3 });
      expect(snapshot).toMatchObject({ unknown: ['iban', 'limits'], reasons: { iban: 'masked', limits: 'masked' } });
    });
  });

  it('a collection that is excluded records no links', () => {
    const GroupSchema = defineEntity({
      class: Group,
      revy: { exclude: ['secrets'] },
      properties: { id, secrets: () => p.manyToMany(Secret).owner() },
    } as never);
    return withOrm([HomeSchema, secretSchema({}), GroupSchema], {}, async test => {
      const em = test.orm.em.fork();
      const group = em.create(Group, {} as never);
      group.secrets.add(em.create(Secret, { name: 's' } as never));
      await em.flush();
      expect((await summary(test)).filter(row => row[1] === 'Group:1')).toEqual([['create', 'Group:1', null, {}]]);
    });
  });

  it(`'as' is the stored type, also of the actor`, () =>
    withOrm([HomeSchema, secretSchema({ as: 'classified' })], {}, async test => {
      const em = test.orm.em.fork();
      const secret = em.create(Secret, { name: 's' } as never);
      await em.flush();
      await RevisionContext.run({ actor: secret }, async () => {
        secret.name = 't';
        await em.flush();
      });
      expect((await test.deltas()).map(row => [row.object, row.actor])).toEqual([
        ['classified:1', null],
        ['classified:1', 'classified:1'],
      ]);
      expect((await new SnapshotService(em).at(Secret, 1, { version: 1 }))!.entity.name).toBe('s');
    }));

  it('two classes under one stored type are refused at the start, unless one of them is untracked', async () => {
    const clash = createOrm([HomeSchema, secretSchema({ as: 'Log' }), logSchema()]);
    await expect(clash).rejects.toThrow(DuplicateTypeError);
    await withOrm([HomeSchema, secretSchema({ as: 'Log' }), logSchema({ track: false })], {}, async () => {});
  });

  it('D10: an attribute that does not exist is refused at the start, with those that do', async () => {
    await expect(createOrm([logSchema({ exclude: ['texts'] })])).rejects.toThrow(UnknownAttributeError);
    await expect(createOrm([logSchema({ mask: ['nope'] })])).rejects.toThrow(
      'Cannot find "nope" on Log: it has no such attribute. It has: id, text.',
    );
  });
});

describe('decorators', () => {
  it('legacy: on classes and properties, inherited and overridden', async () => {
    @Tracked({ as: 'invoice', mask: ['iban'] })
    @Entity()
    class Invoice {
      @PrimaryKey({ type: 'integer' })
      id!: number;

      @Property({ type: 'string' })
      iban!: string;

      @Tracked({ mask: true })
      @Property({ type: 'string' })
      note!: string;

      @Untracked()
      @Property({ type: 'integer' })
      opened!: number;
    }

    @Untracked()
    @Entity()
    class Visit {
      @PrimaryKey({ type: 'integer' })
      id!: number;
    }

    @Entity()
    class Plain {
      @PrimaryKey({ type: 'integer' })
      id!: number;
    }

    const config = { metadataProvider: ReflectMetadataProvider };
    const data = { id: 1, iban: 'DE1', note: 'n', opened: 1 };
    const recorded = async (test: TestOrm) => {
      const em = test.orm.em.fork();
      em.create(Invoice, data);
      em.create(Visit, { id: 1 });
      em.create(Plain, { id: 1 });
      await em.flush();
      return (await summary(test)).toSorted(byContent);
    };
    const invoice = ['create', 'invoice:1', null, { iban: '[FILTERED]', note: '[FILTERED]' }];
    await withOrm(
      [Invoice, Visit, Plain],
      {},
      async test => {
        expect(await recorded(test)).toEqual([invoice, ['create', 'Plain:1', null, {}]]);
      },
      config,
    );
    await withOrm(
      [Invoice, Visit, Plain],
      { track: 'marked' },
      async test => {
        expect(await recorded(test)).toEqual([invoice]);
      },
      config,
    );
  });

  it('ES: on classes and properties', async () => {
    const source = `
      @Tracked({ as: 'letter' }) class Letter {
        id;
        text;
        @Untracked() draft;
        @Tracked({ mask: true }) secret;
      }
      @Untracked() class Envelope { id; }
      return { Letter, Envelope };`;
    const symbols = Symbol as { metadata?: symbol };
    symbols.metadata ??= Symbol.for('Symbol.metadata');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.None };
    const code = ts.transpile(`(function (Tracked, Untracked) {${source}})`, compilerOptions);
    // oxlint-disable-next-line no-eval -- legacy and ES decorators cannot be compiled in one file
    const define = (0, eval)(code) as (...decorators: unknown[]) => Record<'Letter' | 'Envelope', new () => object>;
    const { Letter, Envelope } = define(Tracked, Untracked);
    const schemas = [
      defineEntity({
        class: Letter,
        properties: { id, text: p.string(), draft: p.string().nullable(), secret: p.string().nullable() },
      } as never),
      defineEntity({ class: Envelope, properties: { id } } as never),
    ];
    await withOrm(schemas, {}, async test => {
      const em = test.orm.em.fork();
      em.create(Letter, { text: 'a', draft: 'b', secret: 'c' } as never);
      em.create(Envelope, {} as never);
      await em.flush();
      expect(await summary(test)).toEqual([['create', 'letter:1', null, { text: 'a', secret: '[FILTERED]' }]]);
    });
  });
});
