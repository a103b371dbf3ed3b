import { Collection, defineEntity, p } from '@mikro-orm/core';
import { CASCADE, SET, SET_DEFAULT, SET_NULL } from '@revy/mikro-orm';
import type { Exceptions } from '../support/table-shapes.js';

// A domain that has every kind of mapping, for random work on it.

/** Labels and projects that are never deleted: what handlers set. */
export const SENTINEL_LABEL = '00000000-0000-4000-8000-000000000000';
export const SENTINEL_PROJECT = 1;

export const EXCEPTIONS: Exceptions = {
  untracked: ['Room', 'Staff'],
  excluded: ['Person.note'],
  masked: ['Person.secret'],
};

/**
 * Its classes and their schemas, made anew: MikroORM 7.2 keeps an ORM's tools on the prototypes of its classes, so that
 * each ORM has to have classes of its own. Without handlers, rules of the database do what they do.
 */
export function createDomain(hasHandlers = true) {
  class Address {
    street!: string;
    zip!: number | null;
  }

  class Profile {
    motto!: string | null;
    langs!: string[] | null;
    home!: Address | null;
  }

  /** Embedded in every way, linked in every way, and with a column of every type. */
  class Person {
    id!: number;
    name!: string;
    email!: string | null;
    rank!: number;
    score!: bigint | null;
    balance!: string | null;
    ratio!: number | null;
    isActive!: boolean | null;
    joinedAt!: Date | null;
    bornOn!: string | null;
    photo!: Buffer | null;
    tags!: string[] | null;
    meta!: unknown;
    bio!: string | null;
    secret!: string | null;
    note!: string | null;
    address!: Address | null;
    profile!: Profile | null;
    offices!: Address[] | null;
    initial!: string;
    touched!: number;
    version!: number;
    boss!: Person | null;
    badge!: Badge | null;
    labels = new Collection<Label>(this);
    friends = new Collection<Person>(this);
    tasks = new Collection<Task>(this);
  }

  class Label {
    id!: string;
    name!: string;
    persons = new Collection<Person>(this);
  }

  /** A one-to-one relation whose column is unique, so that swapping takes extra updates. */
  class Badge {
    id!: number;
    color!: string;
    person!: Person | null;
  }

  class Project {
    id!: number;
    title!: string;
    lead!: Person | null;
    tasks = new Collection<Task>(this);
  }

  /** Goes when it is taken out of its project. */
  class Task {
    id!: number;
    title!: string;
    position!: number;
    project!: Project;
    assignee!: Person | null;
  }

  /** Its key is two foreign keys. */
  class Membership {
    person!: Person;
    project!: Project;
    role!: string;
  }

  /** Refers to a composite key. */
  class Visit {
    id!: number;
    text!: string;
    membership!: Membership | null;
  }

  abstract class Animal {
    id!: number;
    kind!: string;
    name!: string;
    keeper!: Person | null;
    labels = new Collection<Label>(this);
  }

  class Dog extends Animal {
    bones!: number;
  }

  class Cat extends Animal {
    claws!: number | null;
    enemy!: Dog | null;
  }

  class Vehicle {
    id!: number;
    plate!: string;
    owner!: Person;
  }

  class Car extends Vehicle {
    doors!: number;
    /** A rule of the database on the table of a subclass leaves the row of the class above it. */
    driver!: Person | null;
  }

  /** Not tracked: what lies behind it is. */
  class Room {
    id!: number;
    project!: Project;
  }

  class Desk {
    id!: number;
    size!: number;
    room!: Room;
  }

  /** A natural key that changes. */
  class Country {
    code!: string;
    name!: string;
  }

  class City {
    id!: number;
    name!: string;
    country!: Country | null;
  }

  /** Where there are handlers, the database has no rules for it. */
  class Loan {
    id!: bigint;
    amount!: string;
    person!: Person;
    guarantor!: Person | null;
    label!: Label | null;
    project!: Project | null;
  }

  /** Who acts; not part of what is done. */
  class Staff {
    id!: number;
    name!: string;
  }

  const AddressSchema = defineEntity({
    class: Address,
    embeddable: true,
    properties: { street: p.string(), zip: p.integer().nullable() },
  });

  const ProfileSchema = defineEntity({
    class: Profile,
    embeddable: true,
    properties: {
      motto: p.string().nullable(),
      langs: p.array().nullable(),
      home: () => p.embedded(Address).nullable(),
    },
  });

  const PersonSchema = defineEntity({
    class: Person,
    revy: { exclude: ['note'], mask: ['secret'] },
    properties: {
      id: p.integer().primary().autoincrement(),
      name: p.string(),
      email: p.string().nullable().unique(),
      rank: p.integer().default(5),
      score: p.bigint().nullable(),
      balance: p.decimal('string').precision(12).scale(2).nullable(),
      ratio: p.double().nullable(),
      isActive: p.boolean().nullable(),
      joinedAt: p.datetime().nullable(),
      bornOn: p.date().nullable(),
      photo: p.blob().nullable(),
      tags: p.array().nullable(),
      meta: p.json().nullable(),
      bio: p.text().nullable().lazy(),
      secret: p.string().nullable(),
      note: p.string().nullable(),
      address: () => p.embedded(Address).nullable(),
      profile: () => p.embedded(Profile).object().nullable(),
      offices: () => p.embedded(Address).array().nullable(),
      initial: p.string().generated('(left("name", 1)) stored').columnType('text'),
      touched: p
        .integer()
        .onCreate(() => 0)
        .onUpdate(person => ((person as Person).touched ?? 0) + 1),
      version: p.integer().version(),
      boss: () => p.manyToOne(Person).nullable(),
      badge: () => p.oneToOne(Badge).mappedBy('person').nullable(),
      labels: () => p.manyToMany(Label).inversedBy('persons'),
      friends: () => p.manyToMany(Person),
      tasks: () => p.oneToMany(Task).mappedBy('assignee'),
    },
  });

  const LabelSchema = defineEntity({
    class: Label,
    properties: {
      id: p.uuid().primary(),
      name: p.string().unique(),
      persons: () => p.manyToMany(Person).mappedBy('labels'),
    },
  });

  const BadgeSchema = defineEntity({
    class: Badge,
    properties: {
      id: p.integer().primary().autoincrement(),
      color: p.string(),
      person: () => p.oneToOne(Person).owner().inversedBy('badge').nullable(),
    },
  });

  const ProjectSchema = defineEntity({
    class: Project,
    properties: {
      id: p.integer().primary().autoincrement(),
      title: p.string(),
      lead: () => p.manyToOne(Person).nullable(),
      tasks: () => p.oneToMany(Task).mappedBy('project').orphanRemoval().orderBy({ id: 'asc' }),
    },
  });

  const TaskSchema = defineEntity({
    class: Task,
    properties: {
      id: p.integer().primary().autoincrement(),
      title: p.string(),
      position: p.integer().default(0),
      project: () => p.manyToOne(Project).deleteRule('cascade'),
      assignee: () => p.manyToOne(Person).nullable(),
    },
  });

  const MembershipSchema = defineEntity({
    class: Membership,
    properties: {
      person: () => p.manyToOne(Person).primary(),
      project: () => p.manyToOne(Project).primary(),
      role: p.string(),
    },
  });

  const VisitSchema = defineEntity({
    class: Visit,
    properties: {
      id: p.integer().primary().autoincrement(),
      text: p.text(),
      membership: () => p.manyToOne(Membership).nullable(),
    },
  });

  const AnimalSchema = defineEntity({
    class: Animal,
    abstract: true,
    discriminatorColumn: 'kind',
    properties: {
      id: p.integer().primary().autoincrement(),
      kind: p.string(),
      name: p.string(),
      keeper: () => p.manyToOne(Person).nullable(),
      labels: () => p.manyToMany(Label),
    },
  });

  const DogSchema = defineEntity({
    class: Dog,
    extends: AnimalSchema,
    discriminatorValue: 'dog',
    properties: { bones: p.integer() },
  });

  const CatSchema = defineEntity({
    class: Cat,
    extends: AnimalSchema,
    discriminatorValue: 'cat',
    properties: { claws: p.integer().nullable(), enemy: () => p.manyToOne(Dog).nullable() },
  });

  const VehicleSchema = defineEntity({
    class: Vehicle,
    inheritance: 'tpt',
    properties: {
      id: p.integer().primary().autoincrement(),
      plate: p.string(),
      owner: () => p.manyToOne(Person).deleteRule('cascade'),
    },
  });

  const CarSchema = defineEntity({
    class: Car,
    extends: VehicleSchema,
    properties: { doors: p.integer(), driver: () => p.manyToOne(Person).nullable().deleteRule('cascade') },
  });

  const RoomSchema = defineEntity({
    class: Room,
    revy: { track: false },
    properties: {
      id: p.integer().primary().autoincrement(),
      project: () => p.manyToOne(Project).deleteRule('cascade'),
    },
  });

  const DeskSchema = defineEntity({
    class: Desk,
    properties: {
      id: p.integer().primary().autoincrement(),
      size: p.integer(),
      room: () => p.manyToOne(Room).deleteRule('cascade'),
    },
  });

  const CountrySchema = defineEntity({
    class: Country,
    properties: { code: p.string().primary(), name: p.string() },
  });

  const CitySchema = defineEntity({
    class: City,
    properties: {
      id: p.integer().primary().autoincrement(),
      name: p.string(),
      country: () => p.manyToOne(Country).nullable().updateRule('cascade'),
    },
  });

  const rule = (name: 'cascade' | 'set null' | 'set default') => (hasHandlers ? 'no action' : name);
  const onDelete = { person: CASCADE, guarantor: SET_NULL, label: SET(() => SENTINEL_LABEL), project: SET_DEFAULT };
  const LoanSchema = defineEntity({
    class: Loan,
    ...(hasHandlers && { revy: { onDelete } }),
    properties: {
      id: p.bigint().primary().autoincrement(),
      amount: p.decimal('string').precision(10).scale(2),
      person: () => p.manyToOne(Person).deleteRule(rule('cascade')),
      guarantor: () => p.manyToOne(Person).nullable().deleteRule(rule('set null')),
      label: () => p.manyToOne(Label).nullable().default(SENTINEL_LABEL).deleteRule(rule('set default')),
      project: () => p.manyToOne(Project).nullable().default(SENTINEL_PROJECT).deleteRule(rule('set default')),
    },
  });

  const StaffSchema = defineEntity({
    class: Staff,
    revy: { track: false },
    properties: { id: p.integer().primary(), name: p.string() },
  });

  return [
    AddressSchema,
    ProfileSchema,
    PersonSchema,
    LabelSchema,
    BadgeSchema,
    ProjectSchema,
    TaskSchema,
    MembershipSchema,
    VisitSchema,
    AnimalSchema,
    DogSchema,
    CatSchema,
    VehicleSchema,
    CarSchema,
    RoomSchema,
    DeskSchema,
    CountrySchema,
    CitySchema,
    LoanSchema,
    StaffSchema,
  ];
}
