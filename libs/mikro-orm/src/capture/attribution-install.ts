import { type EntityMetadata, type EntityProperty, ReferenceKind, type Type, types } from '@mikro-orm/core';
import { noticeAssignment } from './attribution-assign.js';
import { type AttributedEntity, type InstalledProperty, properties } from './attribution-state.js';
import { noticeRead } from './attribution-watch.js';

// On a setter of ours: what it was installed for.
const installedFor = Symbol.for('revy.installedFor');

type Setter = ((this: AttributedEntity, value: unknown) => void) & { [installedFor]?: InstalledProperty };
type Getter = (this: AttributedEntity) => unknown;

interface Accessor extends PropertyDescriptor {
  get: Getter;
  set: Setter;
}

const immutableTypes = new Set(['string', 'number', 'boolean', 'bigint']);
const builtInTypes = new Set<unknown>(Object.values(types));

/**
 * Makes the entities of this class say who sets their properties.
 *
 * MikroORM puts a setter on the prototype which, on first use, gives the instance an accessor of its own
 * (`core/entity/EntityHelper.js:95`, 7.2.1). Ours takes its place, rather than wrapping the accessor afterwards,
 * because a second defineProperty for each property of each instance would slow loading down by half.
 *
 * Call it after `MetadataStorage.decorate`, which puts MikroORM's setters back. Idempotent.
 */
export function installAttribution(meta: EntityMetadata): void {
  const installed = Object.values(meta.properties)
    .filter(isAssignable)
    .map(prop => install(meta, prop))
    .filter(property => property !== undefined);
  properties.set(meta.prototype as object, installed);
}

function isAssignable(prop: EntityProperty): boolean {
  const isCollection = prop.kind === ReferenceKind.ONE_TO_MANY || prop.kind === ReferenceKind.MANY_TO_MANY;
  const isInverse = prop.kind === ReferenceKind.ONE_TO_ONE && !prop.owner;
  return !isCollection && !isInverse && !prop.inherited && !prop.embedded && !prop.primary && prop.persist !== false;
}

function install(meta: EntityMetadata, prop: EntityProperty): InstalledProperty | undefined {
  const key = typeof prop.accessor === 'string' ? prop.accessor : prop.name;
  const found = findDescriptor(meta.prototype as object, key) as Partial<Accessor> | undefined;
  const setter = found?.set;
  // Without a setter, `propagationOnPrototype` is off: the flush then attributes as well as it can.
  if (!found || !setter || setter[installedFor]) {
    return setter?.[installedFor];
  }
  if (found.get) {
    return wrapAccessor(meta, prop, key, found as Accessor);
  }
  const twoWay = meta.definedProperties[prop.name] as Accessor | undefined;
  return twoWay ? wrapRelation(meta, prop, twoWay) : replaceSetter(meta, prop);
}

/** A scalar, an embeddable, or a relation without an inverse side. */
function replaceSetter(meta: EntityMetadata, prop: EntityProperty): InstalledProperty {
  const { name } = prop;
  const own: Accessor = {
    get: function () {
      // MikroORM's own getter tolerates a prototype here, on behalf of walkers and serialisers.
      return this.__helper?.__data[name];
    },
    set: function (value) {
      const data = this.__helper.__data;
      noticeAssignment(this, property, data[name], value);
      data[name] = value;
    },
    enumerable: true,
    configurable: true,
  };
  const property: InstalledProperty = { ...describe(prop), own, read: entity => entity.__helper.__data[name] };
  if (property.isMutable) {
    own.get = watchReads(own.get, property);
  }
  defineFirstSetter(meta, property);
  return property;
}

/** A to-one relation that MikroORM keeps in step with its inverse side. */
function wrapRelation(meta: EntityMetadata, prop: EntityProperty, twoWay: Accessor): InstalledProperty {
  const { name } = prop;
  const known = twoWay.set[installedFor];
  if (known) {
    defineFirstSetter(meta, known);
    return known;
  }
  const own: Accessor = {
    ...twoWay,
    set: function (value) {
      noticeAssignment(this, property, this.__helper.__data[name], value);
      twoWay.set.call(this, value);
    },
  };
  const property: InstalledProperty = { ...describe(prop), own, read: entity => entity.__helper.__data[name] };
  own.set[installedFor] = property;
  // EntityHelper.ensurePropagation puts these on every instance.
  meta.definedProperties[name] = own;
  defineFirstSetter(meta, property);
  return property;
}

/** A pair of get and set that the user's class brings along. */
function wrapAccessor(meta: EntityMetadata, prop: EntityProperty, key: string, found: Accessor): InstalledProperty {
  const { get, set } = found;
  const read: Getter =
    key === prop.name
      ? get
      : function () {
          return this[prop.name];
        };
  const property: InstalledProperty = { ...describe(prop), read: entity => read.call(entity) };
  const setter: Setter = function (value) {
    // The user's setter may refuse or change the value, so look at what it has left.
    const before = read.call(this);
    set.call(this, value);
    noticeAssignment(this, property, before, read.call(this));
  };
  setter[installedFor] = property;
  const getter = property.isMutable ? watchReads(get, property) : get;
  Object.defineProperty(meta.prototype, key, { ...found, get: getter, set: setter });
  return property;
}

function describe(prop: EntityProperty): Pick<InstalledProperty, 'name' | 'isMutable' | 'customType'> {
  return {
    name: prop.name,
    isMutable: isMutable(prop),
    customType: prop.customType as Type<unknown> | undefined,
  };
}

function isMutable(prop: EntityProperty): boolean {
  const isScalar = prop.kind === ReferenceKind.SCALAR;
  return prop.kind === ReferenceKind.EMBEDDED || (isScalar && (prop.ref === true || !isImmutableType(prop)));
}

/** Of a type of the user's own, `runtimeType` tells what is stored: `string`, for a class stored as text. */
function isImmutableType(prop: EntityProperty): boolean {
  const isBuiltIn = !prop.customType || builtInTypes.has(prop.customType.constructor);
  return isBuiltIn && immutableTypes.has(prop.runtimeType);
}

function watchReads(get: Getter, property: InstalledProperty): Getter {
  return function () {
    const value = get.call(this);
    if (typeof value === 'object' && value !== null) {
      noticeRead(this, property, value);
    }
    return value;
  };
}

function defineFirstSetter(meta: EntityMetadata, property: InstalledProperty): void {
  const { name } = property;
  const { set } = property.own as Accessor;
  const setter: Setter = function (value) {
    Object.defineProperty(this, name, property.own!);
    set.call(this, value);
  };
  setter[installedFor] = property;
  Object.defineProperty(meta.prototype, name, { set: setter, configurable: true });
}

function findDescriptor(prototype: object, key: string): PropertyDescriptor | undefined {
  for (let owner: object | null = prototype; owner; owner = Object.getPrototypeOf(owner) as object | null) {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    if (found) {
      return found;
    }
  }
  return undefined;
}
