import { Collection, defineEntity, p } from '@mikro-orm/core';
import { CASCADE, SET, SET_DEFAULT, SET_NULL } from '@revy/mikro-orm';

/** Every kind of foreign key that a cascade can go along, from the company at the top down. */
export class Company {
  id!: number;
  name!: string;
}

/** Not tracked: what lies behind it is found all the same. */
export class Team {
  id!: number;
  company!: Company;
}

export class Label {
  id!: number;
  name!: string;
  members = new Collection<Member>(this);
}

export class Member {
  id!: number;
  name!: string;
  team!: Team;
  boss!: Member | null;
  buddy!: Member | null;
  labels = new Collection<Label>(this);
  friends = new Collection<Member>(this);
}

/** Its key is the member's. */
export class Badge {
  member!: Member;
  color!: string;
}

export class Seat {
  row!: number;
  number!: number;
  company!: Company;
}

export class Booking {
  id!: number;
  seat!: Seat;
  spare!: Seat | null;
}

export abstract class Animal {
  id!: number;
  kind!: string;
  keeper!: Member | null;
  vet!: Member;
  labels = new Collection<Label>(this);
}

export class Dog extends Animal {
  bone!: string;
}

export class Cat extends Animal {
  claw!: string;
  owner!: Company | null;
}

export class Vehicle {
  id!: number;
  owner!: Company;
}

export class Car extends Vehicle {
  doors!: number;
  /** A rule of the database on the table of a subclass leaves the row of the class above it. */
  driver!: Member | null;
}

export class Left {
  id!: number;
  right!: Right | null;
  company!: Company | null;
}

export class Right {
  id!: number;
  left!: Left | null;
  other!: Left | null;
}

/** The database has no rules for it: handlers do all of it. */
export class Loan {
  id!: number;
  member!: Member;
  guarantor!: Member | null;
  bank!: Company | null;
  branch!: Company | null;
  refinances!: Loan | null;
}

export class Payment {
  id!: number;
  loan!: Loan;
}

const id = () => p.integer().primary();

export const SENTINEL = 1;

const CompanySchema = defineEntity({ class: Company, properties: { id: id(), name: p.string() } });

const TeamSchema = defineEntity({
  class: Team,
  revy: { track: false },
  properties: { id: id(), company: () => p.manyToOne(Company).deleteRule('cascade') },
});

const LabelSchema = defineEntity({
  class: Label,
  properties: { id: id(), name: p.string(), members: () => p.manyToMany(Member).mappedBy('labels') },
});

const MemberSchema = defineEntity({
  class: Member,
  properties: {
    id: id(),
    name: p.string(),
    team: () => p.manyToOne(Team).deleteRule('cascade'),
    boss: () => p.manyToOne(Member).nullable().deleteRule('cascade'),
    buddy: () => p.manyToOne(Member).nullable(),
    labels: () => p.manyToMany(Label),
    friends: () => p.manyToMany(Member),
  },
});

const BadgeSchema = defineEntity({
  class: Badge,
  properties: { member: () => p.oneToOne(Member).owner().primary(), color: p.string() },
});

const SeatSchema = defineEntity({
  class: Seat,
  properties: {
    row: p.integer().primary(),
    number: p.integer().primary(),
    company: () => p.manyToOne(Company).deleteRule('cascade'),
  },
});

const BookingSchema = defineEntity({
  class: Booking,
  properties: {
    id: id(),
    seat: () => p.manyToOne(Seat).deleteRule('cascade'),
    spare: () => p.manyToOne(Seat).nullable(),
  },
});

const AnimalSchema = defineEntity({
  class: Animal,
  abstract: true,
  discriminatorColumn: 'kind',
  properties: {
    id: id(),
    kind: p.string(),
    keeper: () => p.manyToOne(Member).nullable(),
    vet: () => p.manyToOne(Member).deleteRule('cascade'),
    labels: () => p.manyToMany(Label),
  },
});

const DogSchema = defineEntity({
  class: Dog,
  extends: AnimalSchema,
  discriminatorValue: 'dog',
  properties: { bone: p.string() },
});

const CatSchema = defineEntity({
  class: Cat,
  extends: AnimalSchema,
  discriminatorValue: 'cat',
  properties: { claw: p.string(), owner: () => p.manyToOne(Company).nullable() },
});

const VehicleSchema = defineEntity({
  class: Vehicle,
  inheritance: 'tpt',
  properties: { id: id(), owner: () => p.manyToOne(Company).deleteRule('cascade') },
});

const CarSchema = defineEntity({
  class: Car,
  extends: VehicleSchema,
  properties: { doors: p.integer(), driver: () => p.manyToOne(Member).nullable().deleteRule('cascade') },
});

const LeftSchema = defineEntity({
  class: Left,
  properties: {
    id: id(),
    right: () => p.manyToOne(Right).nullable().deleteRule('cascade'),
    company: () => p.manyToOne(Company).nullable().deleteRule('cascade'),
  },
});

const RightSchema = defineEntity({
  class: Right,
  properties: {
    id: id(),
    left: () => p.manyToOne(Left).nullable().deleteRule('cascade'),
    other: () => p.manyToOne(Left).nullable(),
  },
});

const LoanSchema = defineEntity({
  class: Loan,
  revy: {
    onDelete: {
      member: CASCADE,
      guarantor: SET_NULL,
      bank: SET(() => SENTINEL),
      branch: SET_DEFAULT,
      refinances: CASCADE,
    },
  },
  properties: {
    id: id(),
    member: () => p.manyToOne(Member),
    guarantor: () => p.manyToOne(Member).nullable().deleteRule('no action'),
    bank: () => p.manyToOne(Company).nullable().deleteRule('no action'),
    branch: () => p.manyToOne(Company).nullable().default(SENTINEL).deleteRule('restrict'),
    refinances: () => p.manyToOne(Loan).nullable().deleteRule('no action'),
  },
});

const PaymentSchema = defineEntity({
  class: Payment,
  properties: { id: id(), loan: () => p.manyToOne(Loan).deleteRule('cascade') },
});

export const DOMAIN = [
  CompanySchema,
  TeamSchema,
  LabelSchema,
  MemberSchema,
  BadgeSchema,
  SeatSchema,
  BookingSchema,
  AnimalSchema,
  DogSchema,
  CatSchema,
  VehicleSchema,
  CarSchema,
  LeftSchema,
  RightSchema,
  LoanSchema,
  PaymentSchema,
];

/** The tracked state in plain SQL: rows by class, with a column for each attribute. */
export const STATES: Readonly<Record<string, string>> = {
  Company: 'select id, name from company',
  Label: 'select id, name from label',
  Member: 'select id, name, team_id as team, boss_id as boss, buddy_id as buddy from member',
  Badge: 'select member_id as id, color from badge',
  Seat: `select '[' || "row" || ',' || number || ']' as id, company_id as company from seat`,
  Booking: `select id, json_build_array(seat_row, seat_number) as seat,
    case when spare_row is not null then json_build_array(spare_row, spare_number) end as spare from booking`,
  Dog: `select id, keeper_id as keeper, vet_id as vet, bone from animal where kind = 'dog'`,
  Cat: `select id, keeper_id as keeper, vet_id as vet, claw, owner_id as owner from animal where kind = 'cat'`,
  Vehicle: 'select id, owner_id as owner from vehicle where id not in (select id from car)',
  Car: 'select id, owner_id as owner, doors, driver_id as driver from vehicle join car using (id)',
  Left: 'select id, right_id as right, company_id as company from "left"',
  Right: 'select id, left_id as left, other_id as other from "right"',
  Loan: `select id, member_id as member, guarantor_id as guarantor, bank_id as bank, branch_id as branch,
    refinances_id as refinances from loan`,
  Payment: 'select id, loan_id as loan from payment',
};

/** Links by class and collection: the owner's key and the target's. */
export const LINKS: Readonly<Record<string, string>> = {
  'Member labels': 'select member_id as owner, label_id as target from member_labels',
  'Member friends': 'select member_1_id as owner, member_2_id as target from member_friends',
  'Dog labels': `select animal_id as owner, label_id as target from animal_labels join animal on id = animal_id where kind = 'dog'`,
  'Cat labels': `select animal_id as owner, label_id as target from animal_labels join animal on id = animal_id where kind = 'cat'`,
};
