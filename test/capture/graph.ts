import { Collection, defineEntity, p, type Ref } from '@mikro-orm/core';

// What the blog has no use for: cycles, inheritance, columns that the database fills, lazy columns.

export class Node {
  id!: number;
  name!: string;
  parent!: Node | null;
  /** Unique, because it is the owner of a 1:1. */
  partner!: Node | null;
  partnerOf!: Node | null;
}

export class Left {
  id!: number;
  right!: Right | null;
}

export class Right {
  id!: number;
  left!: Left | null;
}

export class Ledger {
  id!: number;
  title!: string;
  version!: number;
  code!: string | null;
  kind!: string;
  serial!: number;
  shout!: string;
  createdBy!: string;
  touched!: number;
  createdAt!: Date;
}

export class Paper {
  id!: number;
  title!: string;
  body!: string | null;
  notes!: string | null;
  node!: Ref<Node> | null;
}

export abstract class Animal {
  id!: number;
  kind!: string;
  name!: string;
}

export class Dog extends Animal {
  barks!: boolean;
  owner!: Node | null;
}

export class Puppy extends Dog {
  months!: number;
}

export class Cat extends Animal {
  lives!: number;
}

export class Vehicle {
  id!: number;
  plate!: string | null;
}

export class Car extends Vehicle {
  doors!: number;
}

export class SportsCar extends Car {
  topSpeed!: number;
  driver!: Node | null;
}

export class Course {
  id!: number;
  name!: string;
  students = new Collection<Student>(this);
}

export class Student {
  id!: number;
  name!: string;
  courses = new Collection<Course>(this);
  friends = new Collection<Student>(this);
  friendOf = new Collection<Student>(this);
}

const id = p.integer().primary().autoincrement();

const AnimalSchema = defineEntity({
  class: Animal as unknown as new () => Animal,
  abstract: true,
  discriminatorColumn: 'kind',
  properties: { id, kind: p.string(), name: p.string() },
});

const DogSchema = defineEntity({
  class: Dog,
  extends: AnimalSchema,
  discriminatorValue: 'dog',
  properties: { barks: p.boolean().default(true), owner: () => p.manyToOne(Node).nullable() },
} as never);

const VehicleSchema = defineEntity({
  class: Vehicle,
  inheritance: 'tpt',
  properties: { id, plate: p.string().nullable() },
} as never);

const CarSchema = defineEntity({ class: Car, extends: VehicleSchema, properties: { doors: p.integer() } } as never);

export const GRAPH = [
  defineEntity({
    class: Node,
    properties: {
      id,
      name: p.string(),
      parent: () => p.manyToOne(Node).nullable(),
      partner: () => p.oneToOne(Node).owner().inversedBy('partnerOf').nullable(),
      partnerOf: () => p.oneToOne(Node).mappedBy('partner').nullable(),
    },
  }),
  defineEntity({ class: Left, properties: { id, right: () => p.manyToOne(Right).nullable() } }),
  defineEntity({ class: Right, properties: { id, left: () => p.manyToOne(Left).nullable() } }),
  defineEntity({
    class: Ledger,
    properties: {
      id,
      title: p.string(),
      version: p.integer().version(),
      code: p.string().nullable(),
      kind: p.string().default('plain'),
      serial: p.integer().defaultRaw('100 + 1'),
      shout: p.string().generated(`(upper(title) || '!') stored`),
      createdBy: p.string().onCreate(() => 'hook'),
      touched: p
        .integer()
        .onCreate(() => 0)
        .onUpdate((ledger: Ledger) => ledger.touched + 1),
      createdAt: p.datetime(3).defaultRaw(`timestamptz '2026-01-01 00:00:00+00'`),
    },
  }),
  defineEntity({
    class: Paper,
    properties: {
      id,
      title: p.string(),
      body: p.text().lazy().nullable(),
      notes: p.text().nullable(),
      node: () => p.manyToOne(Node).ref().nullable(),
    },
  }),
  AnimalSchema,
  DogSchema,
  defineEntity({
    class: Puppy,
    extends: DogSchema,
    discriminatorValue: 'puppy',
    properties: { months: p.integer() },
  } as never),
  defineEntity({
    class: Cat,
    extends: AnimalSchema,
    discriminatorValue: 'cat',
    properties: { lives: p.integer() },
  } as never),
  VehicleSchema,
  CarSchema,
  defineEntity({
    class: SportsCar,
    extends: CarSchema,
    properties: { topSpeed: p.integer(), driver: () => p.manyToOne(Node).nullable() },
  } as never),
  defineEntity({
    class: Course,
    properties: { id, name: p.string(), students: () => p.manyToMany(Student).mappedBy('courses') },
  }),
  defineEntity({
    class: Student,
    properties: {
      id,
      name: p.string(),
      courses: () => p.manyToMany(Course).owner(),
      friends: () => p.manyToMany(Student).owner(),
      friendOf: () => p.manyToMany(Student).mappedBy('friends'),
    },
  }),
];
