import { Collection, defineEntity, p } from '@mikro-orm/core';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

class Playlist {
  id!: number;
  songs = new Collection<Song>(this);
}

class Song {
  id!: number;
  playlists = new Collection<Playlist>(this);
}

const id = () => p.integer().primary();
const ENTITIES = [
  defineEntity({ class: Playlist, properties: { id: id(), songs: () => p.manyToMany(Song).owner().fixedOrder() } }),
  defineEntity({ class: Song, properties: { id: id(), playlists: () => p.manyToMany(Playlist).mappedBy('songs') } }),
];

/** What the playlist held after each step: reordered, cut, taken up again, turned round, emptied. */
const STEPS = [[3, 1, 2], [2, 3, 1], [2, 1], [2, 1, 3], [3, 5, 2, 1, 4], [4, 1, 2, 5, 3], [], [5, 4]];

describe('populate of a collection with an order', () => {
  let test: TestOrm;
  beforeEach(async () => {
    test = await createOrm(ENTITIES);
    await test.database.query('insert into song values (1), (2), (3), (4), (5)');
  });
  afterEach(() => test.close());

  async function set(numbers: readonly number[]): Promise<void> {
    const em = test.orm.em.fork();
    const playlist = (await em.findOne(Playlist, 1, { populate: ['songs'] })) ?? em.create(Playlist, { id: 1 });
    playlist.songs.set(numbers.map(number => em.getReference(Song, number)));
    await em.flush();
  }

  async function songsAt(point: object): Promise<number[] | undefined> {
    const options = { populate: ['songs'], includeDeleted: true } as const;
    const found = await new SnapshotService(test.orm.em.fork()).at(Playlist, 1, point as never, options);
    return found?.entity.songs.getItems().map(song => song.id);
  }

  const revisions = STEPS.map((_, index) => index + 1);
  const songsAtAll = () => Promise.all(revisions.map(revision => songsAt({ revision })));

  it('has the order that the collection had then, also when it is gone', async () => {
    for (const step of STEPS) await set(step);
    expect(await songsAtAll()).toEqual(STEPS);
    const em = test.orm.em.fork();
    await em.remove(await em.findOneOrFail(Playlist, 1, { populate: ['songs'] })).flush();
    expect(await songsAtAll()).toEqual(STEPS);
    expect(await songsAt({ revision: STEPS.length + 1 })).toEqual([5, 4]);
  });

  it('is taken back from the present one for objects that are older than their history', async () => {
    await test.database.query(`insert into playlist values (1);
      insert into playlist_songs (playlist_id, song_id) values (1, 2), (1, 1), (1, 3)`);
    const steps = [
      [3, 2, 1],
      [3, 2, 1, 5],
      [1, 3, 2, 5],
    ];
    for (const step of steps) await set(step);
    expect(await songsAt({ before: 1 })).toEqual([2, 1, 3]);
    expect(await Promise.all([1, 2, 3].map(revision => songsAt({ revision })))).toEqual(steps);
  });
});
