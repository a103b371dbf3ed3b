import { wrap } from '@mikro-orm/core';
import { RevisionContext, SnapshotService, UnknownRelationError } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { statementsOf } from '../support/statements.js';
import { Badge, Booking, Club, CLUB, Coach, Country, Locker, Member, Player, Room, Sponsor } from './club.js';

let test: TestOrm;
let snapshots: SnapshotService;
const fork = () => test.orm.em.fork();
const revision = async () => {
  const [last] = await test.database.query<{ id: number }>('select max(id)::int as id from revy_revision');
  return { revision: last!.id };
};

beforeAll(async () => {
  test = await createOrm(CLUB, { revy: { keyframeEvery: 2 } });
  snapshots = new SnapshotService(fork());
});
afterAll(() => test.close());

const names = (all: Iterable<{ name: string }>) => [...all].map(({ name }) => name);

describe('to-one relations', () => {
  it('J1, E4, J5: refer to what their target was at the point, in the class that it had', async () => {
    const em = fork();
    const club = em.create(Club, { name: 'FC', sponsor: null, address: null });
    const coach = em.create(Coach, { name: 'Cleo', licence: 'A', club, locker: null });
    const player = em.create(Player, { name: 'Pia', goals: 0, club, coach, locker: null });
    await em.flush();
    const first = await revision();
    coach.licence = 'B';
    await em.flush();
    const second = await revision();
    club.name = 'FC 2';
    player.goals = 1;
    await em.flush();
    const third = await revision();
    player.coach = null;
    player.club = null;
    await em.flush();
    const read = async (point: { revision: number }) => {
      const { entity } = (await snapshots.at(Player, player.id, point, { populate: ['coach', 'club'] }))!;
      return [entity.goals, entity.coach && [entity.coach.licence, entity.coach.kind], entity.club?.$.name];
    };
    expect(await read(first)).toEqual([0, ['A', 'coach'], 'FC']);
    expect(await read(second)).toEqual([0, ['B', 'coach'], 'FC']);
    expect(await read(third)).toEqual([1, ['B', 'coach'], 'FC 2']);
    expect(await read(await revision())).toEqual([1, null, undefined]);
    const { entity } = (await snapshots.at(Player, player.id, first, { populate: ['coach.club'] }))!;
    expect(entity.coach).toBeInstanceOf(Coach);
    expect(entity.coach!.club!.$).toBe(entity.club!.unwrap());
  });

  it('follow the version of the object that was asked for, as its revision left things', async () => {
    const em = fork();
    const club = em.create(Club, { name: 'v1', sponsor: null, address: null });
    const player = em.create(Player, { name: 'Kim', goals: 1, club, coach: null, locker: null });
    await em.flush();
    club.name = 'v2';
    await em.flush();
    player.goals = 2;
    await em.flush();
    club.name = 'v3';
    await em.flush();
    const read = async (version: number) =>
      (await snapshots.at(Player, player.id, { version }, { populate: ['club'] }))!.entity.club!.$.name;
    expect([await read(1), await read(2)]).toEqual(['v1', 'v2']);
  });

  it('E11, J4: of an untracked class are read as they are now, and nothing where they are gone', async () => {
    const em = fork();
    const sponsor = em.create(Sponsor, { name: 'Acme' });
    const club = em.create(Club, { name: 'Sponsored', sponsor, address: null });
    await em.flush();
    const point = await revision();
    sponsor.name = 'Acme & Co';
    await em.flush();
    const read = async () => (await snapshots.at(Club, club.id, point, { populate: ['sponsor'] }))!;
    expect((await read()).entity.sponsor).toMatchObject({ id: sponsor.id, name: 'Acme & Co' });
    await test.database.query('delete from sponsor where id = $1', [sponsor.id]);
    expect((await read()).entity.sponsor).toBeNull();
    expect((await snapshots.at(Club, club.id, point))!.entity.sponsor).toMatchObject({ id: sponsor.id });
    expect((await read()).unknown).toEqual([]);
  });

  it('in an inline embeddable are populated as well', async () => {
    const em = fork();
    const country = em.create(Country, { code: 'NO', name: 'Norge' });
    const club = em.create(Club, { name: 'North', sponsor: null, address: { street: 'Fjord 1', country } });
    await em.flush();
    const point = await revision();
    country.name = 'Norway';
    await em.flush();
    const { entity } = (await snapshots.at(Club, club.id, point, { populate: ['address.country'] }))!;
    expect(entity.address).toMatchObject({ street: 'Fjord 1', country: { code: 'NO', name: 'Norge' } });
  });

  it('E15: one to one, from either side', async () => {
    const em = fork();
    const [one, two] = ['L1', 'L2'].map(code => em.create(Locker, { code }));
    const member = em.create(Coach, { name: 'Lo', licence: 'C', club: null, locker: one });
    await em.flush();
    const memberId = member.id;
    const first = await revision();
    member.locker = two!;
    member.name = 'Lou';
    await em.flush();
    const second = await revision();
    em.remove(member);
    await em.flush();
    const holder = async (locker: Locker, point: { revision: number }) =>
      (await snapshots.at(Locker, locker.id, point, { populate: ['member'] }))!.entity.member?.name ?? null;
    expect([await holder(one!, first), await holder(two!, first)]).toEqual(['Lo', null]);
    expect([await holder(one!, second), await holder(two!, second)]).toEqual([null, 'Lou']);
    expect([await holder(one!, await revision()), await holder(two!, await revision())]).toEqual([null, null]);
    const { entity } = (await snapshots.at(Coach, memberId, second, { populate: ['locker.member'] }))!;
    expect(entity.locker!.member).toBe(entity);
  });
});

describe('to-many relations', () => {
  it('J2, J7, E4: hold what belonged to them then: not what came later, still what was taken away or removed since', async () => {
    const em = fork();
    const [a, b] = ['A', 'B'].map(name => em.create(Club, { name, sponsor: null, address: null })) as [Club, Club];
    const stays = em.create(Player, { name: 'stays', goals: 1, club: a, coach: null, locker: null });
    const moves = em.create(Coach, { name: 'moves', licence: 'X', club: a, locker: null });
    const dies = em.create(Player, { name: 'dies', goals: 7, club: a, coach: null, locker: null });
    await em.flush();
    const point = await revision();
    em.create(Player, { name: 'late', goals: 0, club: a, coach: null, locker: null });
    stays.goals = 2;
    moves.club = wrap(b).toReference() as never;
    em.remove(dies);
    await em.flush();
    const members = async (club: Club, at: { revision: number }) =>
      (await snapshots.at(Club, club.id, at, { populate: ['members'] }))!.entity.members.getItems();
    const then = await members(a, point);
    expect(names(then)).toEqual(['stays', 'moves', 'dies']);
    expect(then).toMatchObject([{ goals: 1 }, { licence: 'X' }, { goals: 7 }]);
    expect(then.map(one => one.constructor)).toEqual([Player, Coach, Player]);
    expect(names(await members(b, point))).toEqual([]);
    expect(names(await members(a, await revision()))).toEqual(['stays', 'late']);
    expect(names(await members(b, await revision()))).toEqual(['moves']);
  });

  it('J6: a child that changed often does not crowd out its parent or its siblings', async () => {
    const em = fork();
    const club = em.create(Club, { name: 'busy', sponsor: null, address: null });
    const [often, once] = ['often', 'once'].map(name =>
      em.create(Player, { name, goals: 0, club, coach: null, locker: null }),
    ) as [Player, Player];
    await em.flush();
    for (let n = 1; n <= 50; n++) {
      often.goals = n;
      await em.flush();
      if (n === 25) once.goals = 1;
    }
    const [middle] = await test.database.query<{ id: number }>(
      `select revision_id::int as id from revy_object_delta where object_type = 'Player' and object_id = $1 and version = 31`,
      [String(often.id)],
    );
    const { entity } = (await snapshots.at(Club, club.id, { revision: middle!.id }, { populate: ['members'] }))!;
    expect(entity.members.getItems()).toMatchObject([
      { name: 'once', goals: 1 },
      { name: 'often', goals: 30 },
    ]);
  });

  it('F1: whose key is part of the child’s key, down to children of children', async () => {
    const em = fork();
    const club = em.create(Club, { name: 'House', sponsor: null, address: null });
    const by = em.create(Coach, { name: 'Bo', licence: 'Z', club: null, locker: null });
    const room = em.create(Room, { club, number: 1, name: 'Hall' });
    const booking = em.create(Booking, { room, day: 'Mon', by });
    em.create(Booking, { room, day: 'Tue', by: null });
    await em.flush();
    const point = await revision();
    room.name = 'Great hall';
    by.name = 'Bob';
    em.remove(booking);
    await em.flush();
    const populate = ['rooms.bookings.by'] as const;
    const { entity } = (await snapshots.at(Club, club.id, point, { populate }))!;
    const [then] = entity.rooms.getItems();
    expect(then).toMatchObject({ number: 1, name: 'Hall' });
    expect(then!.club).toBe(entity);
    expect(then!.bookings.getItems()).toMatchObject([
      { day: 'Mon', by: { name: 'Bo' } },
      { day: 'Tue', by: null },
    ]);
    const now = (await snapshots.at(Club, club.id, await revision(), { populate }))!.entity.rooms.getItems();
    expect(now[0]!.bookings.getItems()).toMatchObject([{ day: 'Tue', by: null }]);
  });

  it('E7: links of a class to itself, from both sides', async () => {
    const em = fork();
    const [x, y, z] = ['x', 'y', 'z'].map(name =>
      em.create(Player, { name, goals: 0, club: null, coach: null, locker: null }),
    ) as [Player, Player, Player];
    x.friends.set([y, z]);
    y.friends.set([x]);
    await em.flush();
    const first = await revision();
    x.friends.set([x]);
    await em.flush();
    const read = async (one: Player, point: { revision: number }) => {
      const { entity } = (await snapshots.at(Player, one.id, point, { populate: ['friends', 'friendOf'] }))!;
      return [names(entity.friends).toSorted(), names(entity.friendOf).toSorted()];
    };
    expect(await read(x, first)).toEqual([['y', 'z'], ['y']]);
    expect(await read(z, first)).toEqual([[], ['x']]);
    expect(await read(x, await revision())).toEqual([['x'], ['x', 'y']]);
  });

  it('E5: what is gone is not in a collection, even if its link is left', async () => {
    const em = fork();
    const [x, y] = ['x', 'y'].map(name =>
      em.create(Player, { name, goals: 0, club: null, coach: null, locker: null }),
    ) as [Player, Player];
    x.friends.set([y]);
    await em.flush();
    const before = await revision();
    await em.remove(y).flush();
    // as if the link's row had been left behind
    await test.database.query(
      `update revy_object_delta set new_values = '{}' where object_type = 'Player' and object_id = $1 and new_values ? 'friends' and action = 'update'`,
      [String(x.id)],
    );
    const friends = async (point: { revision: number }) =>
      names((await snapshots.at(Player, x.id, point, { populate: ['friends'] }))!.entity.friends);
    expect(await friends(before)).toEqual(['y']);
    expect(await friends(await revision())).toEqual([]);
  });

  it('E6, J9: of an untracked class hold the linked rows only, and of an untracked owner its present ones', async () => {
    const em = fork();
    const [gold, silver] = ['gold', 'silver', 'tin'].map(name => em.create(Badge, { name })) as [Badge, Badge];
    const sponsor = em.create(Sponsor, { name: 'S' });
    const club = em.create(Club, { name: 'Decorated', sponsor, address: null });
    club.badges.set([gold, silver]);
    await em.flush();
    const point = await revision();
    gold.name = 'Gold';
    club.badges.set([silver]);
    club.sponsor = null;
    await em.flush();
    const { entity } = (await snapshots.at(Club, club.id, point, { populate: ['badges', 'sponsor.clubs'] }))!;
    expect(names(entity.badges)).toEqual(['Gold', 'silver']);
    // the class at the other end is tracked: its past is known, whoever asks for it
    expect(names(entity.sponsor!.clubs)).toEqual(['Decorated']);
    const now = (await snapshots.at(Club, club.id, undefined, { populate: ['badges'] }))!;
    expect(names(now.entity.badges)).toEqual(['silver']);
  });
});

describe('a populated graph', () => {
  async function writeClub() {
    const em = fork();
    const club = em.create(Club, { name: 'Graph', sponsor: null, address: null });
    const coach = em.create(Coach, { name: 'Co', licence: 'A', club, locker: null });
    for (const name of ['p1', 'p2']) em.create(Player, { name, goals: 0, club, coach, locker: null });
    await em.flush();
    const first = await revision();
    coach.name = 'Coco';
    await em.flush();
    return { club, coach, first, second: await revision() };
  }

  it('has each object once, connected on both sides, and says so to whoever serialises it', async () => {
    const { club, first } = await writeClub();
    const populate = ['members.club', 'members.coach.players'] as never[];
    const { entity, unknown, reasons } = (await snapshots.at(Club, club.id, first, { populate }))!;
    const members = entity.members.getItems();
    const [p2, p1, co] = members as [Player, Player, Coach];
    expect(names(members)).toEqual(['p2', 'p1', 'Co']);
    expect(members.map(member => member.club!.unwrap() === entity)).toEqual([true, true, true]);
    expect([p1.coach, p2.coach]).toEqual([co, co]);
    expect(co.players.getItems()).toEqual([p1, p2]);
    expect([unknown, reasons]).toEqual([[], {}]);
    const json = JSON.parse(JSON.stringify(entity)) as { members: { name: string; coach?: { name: string } }[] };
    expect(json.members.map(({ name, coach }) => [name, coach?.name])).toEqual([
      ['p2', 'Co'],
      ['p1', 'Co'],
      ['Co', undefined],
    ]);
  });

  it('E9: read at two points is two graphs, each with collections of its own', async () => {
    const { club, first, second } = await writeClub();
    const em = fork();
    const service = new SnapshotService(em);
    const populate = ['members'] as const;
    const then = (await service.at(Club, club.id, first, { populate }))!.entity;
    const now = (await service.at(Club, club.id, second, { populate }))!.entity;
    expect(then).not.toBe(now);
    expect(then.members).not.toBe(now.members);
    const items = [then, now].map(one => one.members.getItems());
    expect(items.map(names)).toEqual([
      ['p2', 'p1', 'Co'],
      ['p2', 'p1', 'Coco'],
    ]);
    expect(items[0]!.some(one => items[1]!.includes(one))).toBe(false);
    then.members.removeAll();
    expect(now.members.getItems()).toHaveLength(3);
    expect(em.getUnitOfWork().getIdentityMap().values()).toEqual([]);
  });

  it('J8: is written nowhere, whatever is done to it and whatever is flushed afterwards', async () => {
    const { club, first } = await writeClub();
    const rows = () =>
      test.database
        .query(`select (select jsonb_agg(m order by id) from member m) as members, (select jsonb_agg(c order by id) from club c) as clubs,
        (select jsonb_agg(f) from member_friends f) as friends, (select count(*)::int from revy_object_delta) as deltas`);
    const em = fork();
    const live = await em.findOneOrFail(Club, club.id, { populate: ['members'] });
    const before = await rows();
    const service = new SnapshotService(em);
    const [snapshot] = await service.many(Club, [club.id], first, { populate: ['members'] });
    const { entity } = snapshot!;
    entity.name = 'changed';
    const members = entity.members.getItems() as [Player, Player, Coach];
    for (const member of members) member.name = 'changed';
    members[0].coach = null;
    members[0].friends.add(members[1]);
    entity.members.remove(members[1]);
    entity.members.add(new Player());
    await em.flush();
    await em.fork().flush();
    expect(await rows()).toEqual(before);
    expect(live.members.getItems()).toHaveLength(3);
    expect(names(live.members)).toEqual(expect.arrayContaining(['Coco', 'p1', 'p2']));
  });

  it('J4, J5: takes a number of statements that does not grow with the objects', async () => {
    const em = fork();
    const clubs = Array.from({ length: 12 }, (_, n) =>
      em.create(Club, { name: `c${n}`, sponsor: null, address: null }),
    );
    for (const [n, club] of clubs.entries()) {
      const coach = em.create(Coach, { name: `coach ${n}`, licence: 'A', club, locker: null });
      for (let i = 0; i <= n; i++) em.create(Player, { name: `p${n}.${i}`, goals: i, club, coach, locker: null });
    }
    await em.flush();
    const point = await revision();
    for (const club of clubs) club.name += '!';
    await em.flush();
    const sentFor = async (count: number) => {
      const ids = clubs.slice(-count).map(({ id }) => id);
      const populate = ['members.club', 'members.friends'] as const;
      const sent = await statementsOf(async () => {
        const found = await snapshots.many(Club, ids, point, { populate });
        expect(found.map(({ entity }) => entity.members.length)).toEqual(
          clubs.slice(-count).map((_, index) => 12 - count + index + 2),
        );
      });
      return sent.length;
    };
    expect(await sentFor(12)).toBe(await sentFor(1));
    expect(await sentFor(12)).toBeLessThanOrEqual(7);
  });

  it('is the same for objects older than their history', async () => {
    const made = await RevisionContext.runDisabled(async () => {
      const em = fork();
      const club = em.create(Club, { name: 'Old', sponsor: null, address: null });
      const player = em.create(Player, { name: 'op', goals: 3, club, coach: null, locker: null });
      const friend = em.create(Player, { name: 'of', goals: 4, club, coach: null, locker: null });
      player.friends.add(friend);
      await em.flush();
      return { club: club.id, player: player.id, friend: friend.id };
    });
    const point = await revision();
    const em = fork();
    const player = await em.findOneOrFail(Player, made.player, { populate: ['friends'] });
    player.club = null;
    player.goals = 4;
    player.friends.removeAll();
    await em.flush();
    await em.remove(await em.findOneOrFail(Player, made.friend)).flush();
    const [found] = await snapshots.many(Club, [made.club], point, { populate: ['members.friends'] });
    expect(found!.entity.members.getItems()).toMatchObject([
      { name: 'op', goals: 3 },
      { name: 'of', goals: 4 },
    ]);
    expect(names(found!.entity.members.getItems()[0]!.friends)).toEqual(['of']);
    expect(found!.unknown).toEqual([]);
    const [now] = await snapshots.many(Club, [made.club], undefined, { populate: ['members'] });
    expect(now!.entity.members.getItems()).toEqual([]);
  });

  it('says by their paths what nobody knows of populated objects', async () => {
    const em = fork();
    const club = em.create(Club, { name: 'Vague', sponsor: null, address: null });
    em.create(Player, { name: 'p', goals: 0, club, coach: null, locker: null });
    await em.flush();
    await test.database.query(
      `update revy_object_delta set new_values = new_values - 'goals' where object_type = 'Player' and new_values -> 'club' = $1`,
      [JSON.stringify(club.id)],
    );
    const found = (await snapshots.at(Club, club.id, undefined, { populate: ['members'] }))!;
    expect([found.unknown, found.reasons]).toEqual([['members.goals'], { 'members.goals': 'unseen' }]);
  });

  it('refuses paths that name no relation, before it reads anything', async () => {
    const sent = await statementsOf(async () => {
      for (const path of ['owner', 'members.goal', 'address.city', 'name.first', 'members:ref']) {
        const reading = snapshots.many(Club, [1], undefined, { populate: [path] as never });
        await expect(reading).rejects.toThrow(UnknownRelationError);
      }
    });
    expect(sent).toEqual([]);
    expect(await snapshots.many(Club, [], undefined, { populate: ['name'] as never })).toEqual([]);
    expect(Member).toBeDefined();
  });
});
