import { Collection, defineEntity, type EntitySchema, p, Type } from '@mikro-orm/core';

/** An object at one end of a many-to-many relation. */
export interface End {
  readonly things: Collection<End>;
  readonly owners: Collection<End>;
}

/** A way to map a many-to-many relation, with what its keys look like. */
export interface Mapping {
  readonly entities: EntitySchema[];
  readonly owner: new () => End;
  readonly thing: new () => End;
  /** The n-th key as data, as the ORM takes it, and as the history stores it. */
  readonly ownerKey: KeyForm;
  readonly thingKey: KeyForm;
  /** The collections whose links are recorded, by type; those of the owner's if not said. */
  readonly recorded?: Readonly<Record<string, string>>;
  readonly isOrdered?: boolean;
}

export interface KeyForm {
  data(n: number): Record<string, unknown>;
  key(n: number): unknown;
  stored(n: number): unknown;
}

const id = () => p.integer().primary();
const simple: KeyForm = { data: n => ({ id: n }), key: n => n, stored: n => n };
const composite: KeyForm = { data: n => ({ a: n, b: `b${n}` }), key: n => [n, `b${n}`], stored: n => [n, `b${n}`] };

/** A key whose stored form is not that of the application. */
class Code extends Type<string, string> {
  override convertToDatabaseValue(value: string): string {
    return value.startsWith('db-') ? value : `db-${value}`;
  }

  override convertToJSValue(value: string): string {
    return value.slice(3);
  }

  override getColumnType(): string {
    return 'text';
  }
}

type Ends = Pick<Mapping, 'entities' | 'owner' | 'thing'>;
type Properties = Record<string, unknown>;

interface Shape {
  readonly owner?: Properties;
  readonly thing?: Properties;
  readonly ownerOptions?: object;
  readonly thingOptions?: object;
  readonly link?: (relation: ReturnType<typeof p.manyToMany>) => unknown;
  readonly more?: (classes: { Owner: new () => End; Thing: new () => End }) => EntitySchema[];
}

function ends({ owner, thing, ownerOptions, thingOptions, link = relation => relation, more }: Shape): Ends {
  class Owner {
    things = new Collection<End>(this);
    readonly owners = undefined as never;
  }
  class Thing {
    owners = new Collection<End>(this);
    readonly things = undefined as never;
  }
  const entities = [
    defineEntity({
      class: Owner,
      ...ownerOptions,
      properties: { ...(owner ?? { id: id() }), things: () => link(p.manyToMany(Thing).owner() as never) },
    } as never),
    defineEntity({
      class: Thing,
      ...thingOptions,
      properties: { ...(thing ?? { id: id() }), owners: () => p.manyToMany(Owner).mappedBy('things' as never) },
    } as never),
    ...(more?.({ Owner, Thing } as never) ?? []),
  ] as EntitySchema[];
  return { entities, owner: Owner as never, thing: Thing as never };
}

function selfReferencing(): Ends {
  class Owner {
    things = new Collection<End>(this);
    owners = new Collection<End>(this);
  }
  const properties = {
    id: id(),
    things: () => p.manyToMany(Owner).owner(),
    owners: () => p.manyToMany(Owner).mappedBy('things'),
  };
  return {
    entities: [defineEntity({ class: Owner, properties } as never)],
    owner: Owner as never,
    thing: Owner as never,
  };
}

function withPivotEntity(key: 'pair' | 'own'): Ends {
  class Link {}
  return ends({
    link: relation => relation.pivotEntity(() => Link as never),
    more: ({ Owner, Thing }) => {
      const to = (end: new () => End) => (key === 'pair' ? p.manyToOne(end).primary() : p.manyToOne(end));
      const properties = {
        ...(key === 'own' && { id: p.integer().primary().autoincrement() }),
        owner: () => to(Owner),
        thing: () => to(Thing).deleteRule('cascade'),
        weight: p.integer().default(7),
        note: p.string().nullable(),
        settings: () => p.embedded(Settings).object().nullable(),
        shout: p.string().generated(`('!' || coalesce(note, '')) stored`).nullable(),
      };
      return [defineEntity({ class: Link, properties } as never), Settings] as EntitySchema[];
    },
  });
}

const Settings = defineEntity({
  name: 'Settings',
  embeddable: true,
  properties: { color: p.string() },
});

function inHierarchy(inheritance: 'sti' | 'tpt'): Mapping {
  class Base {
    things = new Collection<End>(this);
    readonly owners = undefined as never;
  }
  class Owner extends Base {}
  class Other extends Base {}
  class Thing {
    owners = new Collection<End>(this);
    readonly things = undefined as never;
  }
  const options = inheritance === 'sti' ? { discriminatorColumn: 'kind' } : { inheritance: 'tpt' };
  const base = defineEntity({
    class: Base,
    ...options,
    properties: {
      id: id(),
      ...(inheritance === 'sti' && { kind: p.string() }),
      things: () => p.manyToMany(Thing).owner().pivotTable('base_things'),
    },
  } as never);
  const value = (name: string) => (inheritance === 'sti' ? { discriminatorValue: name } : {});
  const entities = [
    base,
    defineEntity({
      class: Owner,
      extends: base,
      ...value('owner'),
      properties: { x: p.integer().nullable() },
    } as never),
    defineEntity({
      class: Other,
      extends: base,
      ...value('other'),
      properties: { y: p.integer().nullable() },
    } as never),
    defineEntity({
      class: Thing,
      properties: { id: id(), owners: () => p.manyToMany(Base).mappedBy('things') },
    } as never),
  ] as unknown as EntitySchema[];
  return { entities, owner: Owner as never, thing: Thing as never, ownerKey: simple, thingKey: simple };
}

const keys = { ownerKey: simple, thingKey: simple };
const pair = { a: p.integer().primary(), b: p.string().primary() };
const coded: KeyForm = { data: n => ({ id: `k${n}` }), key: n => `k${n}`, stored: n => `db-k${n}` };

/** Every one is made anew for each ORM, because MikroORM keeps what it knows of a class on its prototype. */
export const MAPPINGS: Readonly<Record<string, () => Mapping>> = {
  plain: () => ({ ...ends({}), ...keys }),
  'of a class with itself': () => ({ ...selfReferencing(), ...keys }),
  'in a fixed order': () => ({ ...ends({ link: relation => relation.fixedOrder() }), ...keys, isOrdered: true }),
  'in a fixed order by a column of its own': () => ({
    ...ends({ link: relation => relation.fixedOrder().fixedOrderColumn('sortIndex') }),
    ...keys,
    isOrdered: true,
  }),
  'with a pivot entity': () => ({ ...withPivotEntity('pair'), ...keys }),
  'with a pivot entity that has a key of its own': () => ({
    ...withPivotEntity('own'),
    ...keys,
    isOrdered: true,
  }),
  'to a composite key': () => ({ ...ends({ thing: pair }), ownerKey: simple, thingKey: composite }),
  'from a composite key': () => ({ ...ends({ owner: pair }), ownerKey: composite, thingKey: simple }),
  'between composite keys': () => ({ ...ends({ owner: pair, thing: pair }), ownerKey: composite, thingKey: composite }),
  'between keys of a custom type': () => ({
    ...ends({ owner: { id: p.type(Code).primary() }, thing: { id: p.type(Code).primary() } }),
    ownerKey: coded,
    thingKey: coded,
  }),
  'between bigints': () => {
    const bigint = { id: p.bigint('string').primary() };
    const form: KeyForm = { data: n => ({ id: String(n) }), key: String, stored: String };
    return { ...ends({ owner: bigint, thing: bigint }), ownerKey: form, thingKey: form };
  },
  'from another schema': () => ({ ...ends({ ownerOptions: { schema: 'other' } }), ...keys }),
  'to another schema': () => ({ ...ends({ thingOptions: { schema: 'other' } }), ...keys }),
  'between other schemas': () => ({
    ...ends({ ownerOptions: { schema: 'one' }, thingOptions: { schema: 'other' } }),
    ...keys,
  }),
  'of classes in one table': () => inHierarchy('sti'),
  'of classes in several tables': () => inHierarchy('tpt'),
  'to an untracked class': () => ({ ...ends({ thingOptions: { revy: { track: false } } }), ...keys }),
  'from an untracked class': () => ({
    ...ends({ ownerOptions: { revy: { track: false } } }),
    ...keys,
    recorded: { Thing: 'owners' },
  }),
};
