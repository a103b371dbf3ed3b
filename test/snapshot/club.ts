import { Collection, defineEntity, type Opt, p, PrimaryKeyProp, type Ref } from '@mikro-orm/core';

// Relations of each kind, between classes of each kind; the history does not follow Sponsor and Badge.

export class Sponsor {
  id!: number;
  name!: string;
  clubs = new Collection<Club>(this);
}

export class Badge {
  id!: number;
  name!: string;
}

export class Address {
  street!: string;
  country!: Country | null;
}

export class Country {
  code!: string;
  name!: string;
}

export class Club {
  id!: number;
  name!: string;
  sponsor!: Sponsor | null;
  address!: Address | null;
  badges = new Collection<Badge>(this);
  members = new Collection<Member>(this);
  rooms = new Collection<Room>(this);
}

export abstract class Member {
  id!: number;
  kind!: Opt<'player' | 'coach'>;
  name!: string;
  club!: Ref<Club> | null;
  locker!: Locker | null;
  friends = new Collection<Member>(this);
  friendOf = new Collection<Member>(this);
}

export class Player extends Member {
  goals!: number;
  coach!: Coach | null;
}

export class Coach extends Member {
  licence!: string;
  players = new Collection<Player>(this);
}

export class Locker {
  id!: number;
  code!: string;
  member!: Member | null;
}

export class Room {
  [PrimaryKeyProp]?: ['club', 'number'];
  club!: Club;
  number!: number;
  name!: string;
  bookings = new Collection<Booking>(this);
}

export class Booking {
  [PrimaryKeyProp]?: ['room', 'day'];
  room!: Room;
  day!: string;
  by!: Member | null;
}

const id = p.integer().primary().autoincrement();

const MemberSchema = defineEntity({
  class: Member as unknown as new () => Member,
  abstract: true,
  discriminatorColumn: 'kind',
  discriminatorMap: { player: Player, coach: Coach },
  properties: {
    id,
    kind: p.enum(['player', 'coach'] as const),
    name: p.string(),
    club: () => p.manyToOne(Club).ref().nullable(),
    locker: () => p.oneToOne(Locker).owner().inversedBy('member').nullable(),
    friends: () => p.manyToMany(Member as unknown as new () => Member).owner(),
    friendOf: () => p.manyToMany(Member as unknown as new () => Member).mappedBy('friends'),
  },
} as never);

export const CLUB = [
  defineEntity({
    class: Sponsor,
    revy: { track: false },
    properties: { id, name: p.string(), clubs: () => p.oneToMany(Club).mappedBy('sponsor') },
  }),
  defineEntity({ class: Badge, revy: { track: false }, properties: { id, name: p.string() } }),
  defineEntity({
    class: Address,
    embeddable: true,
    properties: { street: p.string(), country: () => p.manyToOne(Country).nullable() },
  }),
  defineEntity({ class: Country, properties: { code: p.string().primary(), name: p.string() } }),
  defineEntity({
    class: Club,
    properties: {
      id,
      name: p.string(),
      sponsor: () => p.manyToOne(Sponsor).nullable().createForeignKeyConstraint(false),
      address: () => p.embedded(Address).nullable(),
      badges: () => p.manyToMany(Badge).owner(),
      members: () =>
        p
          .oneToMany(Member as unknown as new () => Member)
          .mappedBy('club')
          .orderBy({ name: 'desc' }),
      rooms: () => p.oneToMany(Room).mappedBy('club'),
    },
  }),
  MemberSchema,
  defineEntity({
    class: Player,
    extends: MemberSchema,
    properties: { goals: p.integer(), coach: () => p.manyToOne(Coach).nullable() },
  } as never),
  defineEntity({
    class: Coach,
    extends: MemberSchema,
    properties: { licence: p.string(), players: () => p.oneToMany(Player).mappedBy('coach') },
  } as never),
  defineEntity({
    class: Locker,
    properties: {
      id,
      code: p.string(),
      member: () =>
        p
          .oneToOne(Member as unknown as new () => Member)
          .mappedBy('locker')
          .nullable(),
    },
  }),
  defineEntity({
    class: Room,
    properties: {
      club: () => p.manyToOne(Club).primary(),
      number: p.integer().primary(),
      name: p.string(),
      bookings: () => p.oneToMany(Booking).mappedBy('room'),
    },
  }),
  defineEntity({
    class: Booking,
    properties: {
      room: () => p.manyToOne(Room).primary(),
      day: p.string().primary(),
      by: () => p.manyToOne(Member as unknown as new () => Member).nullable(),
    },
  }),
];
