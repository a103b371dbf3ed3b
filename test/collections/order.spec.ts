import { Collection, defineEntity, p, QueryOrder } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { createOrm, type TestOrm } from '../support/orm.js';
import { byContent } from '../support/order.js';
import { folded, live } from './links.js';

class Playlist {
  id!: number;
  songs = new Collection<Song>(this);
  remarks = new Collection<Remark>(this);
}

class Song {
  id!: number;
  playlists = new Collection<Playlist>(this);
}

/** One-to-many collections have no order of their own: the children have a column for it. */
class Remark {
  id!: number;
  playlist!: Playlist;
  position!: number;
}

const id = () => p.integer().primary();
const ENTITIES = [
  defineEntity({
    class: Playlist,
    properties: {
      id: id(),
      songs: () => p.manyToMany(Song).owner().fixedOrder(),
      remarks: () => p.oneToMany(Remark).mappedBy('playlist').orderBy({ position: QueryOrder.ASC }),
    },
  }),
  defineEntity({ class: Song, properties: { id: id(), playlists: () => p.manyToMany(Playlist).mappedBy('songs') } }),
  defineEntity({
    class: Remark,
    properties: { id: id(), playlist: () => p.manyToOne(Playlist), position: p.integer() },
  }),
];

let test: TestOrm;
let em: EntityManager;
beforeAll(async () => {
  test = await createOrm(ENTITIES);
});
afterAll(() => test.close());
beforeEach(async () => {
  await test.database.query(`truncate playlist, song, playlist_songs, remark restart identity cascade;
    insert into playlist values (1), (2);
    insert into song values (1), (2), (3), (4), (5);
    insert into playlist_songs (playlist_id, song_id) values (1, 1), (1, 2), (1, 3), (2, 1);
    insert into remark (id, playlist_id, position) values (1, 1, 1), (2, 1, 2)`);
  await test.forget();
  em = test.orm.em.fork();
});

const START = { 'Playlist:1 songs': [1, 2, 3], 'Playlist:2 songs': [1] };
const song = (n: number) => em.getReference(Song, n);
const songs = (...keys: number[]) => keys.map(song);
const loaded = (n = 1) => em.findOneOrFail(Playlist, n, { populate: ['songs'] });

/** Old and new values of the one delta of the first list; what they add up to stands in the table in this order. */
async function recorded(): Promise<unknown[]> {
  const deltas = await test.deltas();
  expect(folded(deltas, START)).toEqual(await live(test, { Playlist: 'songs' }));
  return deltas.map(delta => [delta.object, delta.old, delta.new]).toSorted(byContent);
}

describe('E12: the order of a collection is history', () => {
  it('a reordered collection: the order before and after', async () => {
    (await loaded()).songs.set(songs(3, 1, 2));
    await em.flush();
    expect(await recorded()).toEqual([
      ['Playlist:1', { songs: { order: [1, 2, 3] } }, { songs: { added: [], removed: [], order: [3, 1, 2] } }],
    ]);
  });

  it('an inserted and a removed one among others', async () => {
    (await loaded()).songs.set(songs(1, 4, 3));
    await em.flush();
    expect(await recorded()).toEqual([
      ['Playlist:1', { songs: { order: [1, 2, 3] } }, { songs: { added: [4], removed: [2], order: [1, 4, 3] } }],
    ]);
  });

  it('what comes last, and what goes, needs no order', async () => {
    (await loaded()).songs.set(songs(1, 3, 5, 4));
    await em.flush();
    expect(await recorded()).toEqual([['Playlist:1', {}, { songs: { added: [5, 4], removed: [2] } }]]);
  });

  it('a collection that was not loaded', async () => {
    (await em.findOneOrFail(Playlist, 1)).songs.set(songs(2, 1, 4));
    (await em.findOneOrFail(Playlist, 2)).songs.set(songs(1, 4));
    await em.flush();
    expect(await recorded()).toEqual([
      ['Playlist:1', { songs: { order: [1, 2, 3] } }, { songs: { added: [4], removed: [3], order: [2, 1, 4] } }],
      ['Playlist:2', {}, { songs: { added: [4], removed: [] } }],
    ]);
  });

  it('from the other side it comes last', async () => {
    (await em.findOneOrFail(Song, 5)).playlists.add(em.getReference(Playlist, 1), em.getReference(Playlist, 2));
    await em.flush();
    expect(await recorded()).toEqual([
      ['Playlist:1', {}, { songs: { added: [5], removed: [] } }],
      ['Playlist:2', {}, { songs: { added: [5], removed: [] } }],
    ]);
  });

  it('several flushes of one transaction: from the first order to the last', async () => {
    await em.transactional(async inner => {
      const list = await inner.findOneOrFail(Playlist, 1, { populate: ['songs'] });
      const by = (...keys: number[]) => keys.map(key => inner.getReference(Song, key));
      list.songs.set(by(2, 3, 1));
      await inner.flush();
      list.songs.add(by(4));
      await inner.flush();
      list.songs.set(by(4, 3, 1));
    });
    expect(await recorded()).toEqual([
      ['Playlist:1', { songs: { order: [1, 2, 3] } }, { songs: { added: [4], removed: [2], order: [4, 3, 1] } }],
    ]);
  });

  it('there and back in one transaction is nothing', async () => {
    await em.transactional(async inner => {
      const list = await inner.findOneOrFail(Playlist, 1, { populate: ['songs'] });
      const by = (...keys: number[]) => keys.map(key => inner.getReference(Song, key));
      list.songs.set(by(3, 2, 1));
      await inner.flush();
      list.songs.set(by(1, 2, 3));
    });
    expect(await recorded()).toEqual([]);
    expect(await test.revisions()).toEqual([]);
  });

  it('removed and added again in one transaction stands last; where it stood is not known', async () => {
    await em.transactional(async inner => {
      const one = await inner.findOneOrFail(Song, 1, { populate: ['playlists'] });
      const list = one.playlists[0]!;
      one.playlists.remove(list);
      await inner.flush();
      one.playlists.add(list);
    });
    expect(await recorded()).toEqual([['Playlist:1', {}, { songs: { added: [], removed: [], order: [1] } }]]);
  });

  it('a new list has its songs in their order', async () => {
    const list = em.create(Playlist, { id: 3 });
    list.songs.add(songs(3, 1));
    await em.flush();
    expect(await recorded()).toEqual([['Playlist:3', null, { songs: { added: [3, 1], removed: [] } }]]);
  });

  it('a deleted list says in which order its songs stood', async () => {
    (await loaded()).songs.set(songs(3, 1, 2));
    await em.flush();
    await test.forget();
    await test.database.query('truncate remark');
    em.remove(await em.findOneOrFail(Playlist, 1));
    await em.flush();
    expect((await test.deltas()).map(delta => [delta.action, delta.object, delta.old])).toEqual([
      ['delete', 'Playlist:1', { songs: { added: [], removed: [3, 1, 2] } }],
    ]);
  });

  it('a collection of children is ordered by what they say of themselves', async () => {
    const [one, two] = (await em.findOneOrFail(Playlist, 1, { populate: ['remarks'] })).remarks;
    [one!.position, two!.position] = [2, 1];
    await em.flush();
    expect(await recorded()).toEqual([
      ['Remark:1', { position: 1 }, { position: 2 }],
      ['Remark:2', { position: 2 }, { position: 1 }],
    ]);
  });

  it('reads as what the attribute was and is', async () => {
    (await loaded()).songs.set(songs(3, 1, 2));
    await em.flush();
    expect((await test.attributes()).map(row => [row.attribute, row.action, row.old, row.new])).toEqual([
      ['songs', 'set', { order: [1, 2, 3] }, { added: [], removed: [], order: [3, 1, 2] }],
    ]);
  });
});
