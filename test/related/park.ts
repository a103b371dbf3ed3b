import { Collection, defineEntity, type Opt, p, PrimaryKeyProp } from '@mikro-orm/core';

// Relations of every kind between classes of every kind.

/** A tree. */
export class Area {
  id!: number;
  name!: string;
  within!: Area | null;
  animals = new Collection<Animal>(this);
}

/** A key of two columns. */
export class Gate {
  [PrimaryKeyProp]?: ['side', 'number'];
  side!: string;
  number!: number;
  isOpen!: boolean;
  tickets = new Collection<Ticket>(this);
}

/** A key of three columns, two of which are a relation. */
export class Ticket {
  [PrimaryKeyProp]?: ['gate', 'serial'];
  gate!: Gate;
  serial!: number;
  price!: number;
}

/** Classes in one table. */
export class Animal {
  id!: number;
  kind!: Opt<'bird' | 'cat'>;
  name!: string;
  area!: Area | null;
  passport!: Passport | null;
}

export class Bird extends Animal {
  wings!: number;
}

export class Cat extends Animal {
  lives!: number;
  prey!: Bird | null;
}

/** A key that is a relation. */
export class Passport {
  [PrimaryKeyProp]?: 'animal';
  animal!: Animal;
  number!: string;
}

/** Classes in tables of their own that share a key. */
export class Vehicle {
  id!: number;
  label!: string;
}

export class Truck extends Vehicle {
  load!: number;
}

/** A relation to a class that others inherit from, and one to the heir. */
export class Trip {
  id!: string;
  vehicle!: Vehicle | null;
  truck!: Truck | null;
  note!: string | null;
}

/** A relation to objects of several classes. */
export class Remark {
  id!: number;
  text!: string;
  about!: Area | Cat | null;
}

const AreaSchema = defineEntity({
  class: Area,
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    within: () => p.manyToOne(Area).nullable(),
    animals: () => p.oneToMany(Animal).mappedBy('area'),
  },
});
const GateSchema = defineEntity({
  class: Gate,
  properties: {
    side: p.string().primary(),
    number: p.integer().primary(),
    isOpen: p.boolean(),
    tickets: () => p.oneToMany(Ticket).mappedBy('gate'),
  },
});
const TicketSchema = defineEntity({
  class: Ticket,
  properties: { gate: () => p.manyToOne(Gate).primary(), serial: p.integer().primary(), price: p.integer() },
});
const AnimalSchema = defineEntity({
  class: Animal,
  discriminatorColumn: 'kind',
  discriminatorMap: { bird: Bird, cat: Cat },
  abstract: true,
  properties: {
    id: p.integer().primary(),
    kind: p.enum(['bird', 'cat'] as const),
    name: p.string(),
    area: () => p.manyToOne(Area).nullable(),
    passport: () => p.oneToOne(Passport).mappedBy('animal').nullable(),
  },
});
const BirdSchema = defineEntity({ class: Bird, extends: AnimalSchema, properties: { wings: p.integer() } });
const CatSchema = defineEntity({
  class: Cat,
  extends: AnimalSchema,
  properties: { lives: p.integer(), prey: () => p.manyToOne(Bird).nullable() },
});
const PassportSchema = defineEntity({
  class: Passport,
  properties: { animal: () => p.oneToOne(Animal).primary().owner(), number: p.string() },
});
const VehicleSchema = defineEntity({
  class: Vehicle,
  inheritance: 'tpt',
  properties: { id: p.integer().primary(), label: p.string() },
});
const TruckSchema = defineEntity({ class: Truck, extends: VehicleSchema, properties: { load: p.integer() } });
const TripSchema = defineEntity({
  class: Trip,
  properties: {
    id: p.uuid().primary(),
    vehicle: () => p.manyToOne(Vehicle).nullable(),
    truck: () => p.manyToOne(Truck).nullable(),
    note: p.string().nullable(),
  },
});

const RemarkSchema = defineEntity({
  class: Remark,
  properties: {
    id: p.integer().primary().autoincrement(),
    text: p.string(),
    about: () => p.manyToOne([Area, Cat]).nullable(),
  },
});

export const PARK = [
  AreaSchema,
  GateSchema,
  TicketSchema,
  AnimalSchema,
  BirdSchema,
  CatSchema,
  PassportSchema,
  VehicleSchema,
  TruckSchema,
  TripSchema,
  RemarkSchema,
];
