import { defineEntity, p } from '@mikro-orm/core';
import { HistoryService, RevertService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { empty, Lives, summary } from './lives.js';

/** No column has the name of its property. */
class Item {
  key!: number;
  title!: string;
  note!: string | null;
  parent!: Item | null;
  size!: Size | null;
}

class Size {
  width!: number;
  height!: number | null;
}

const Schemas = [
  defineEntity({
    class: Size,
    embeddable: true,
    properties: { width: p.integer().fieldName('w'), height: p.integer().fieldName('h').nullable() },
  }),
  defineEntity({
    class: Item,
    tableName: 'old items',
    properties: {
      key: p.integer().primary().fieldName('item_no'),
      title: p.string().fieldName('heading'),
      note: p.string().fieldName('Remark "x"').nullable(),
      parent: () => p.manyToOne(Item).joinColumn('belongs_to').nullable(),
      size: () => p.embedded(Size).prefix('dim_').nullable(),
    },
  } as never),
];

let test: TestOrm;
let lives: Lives;
beforeAll(async () => {
  test = await createOrm(Schemas as never);
});
afterAll(() => test.close());
beforeEach(async () => {
  await empty(test);
  lives = new Lives(test, [Item]);
});

it('F4: columns of other names than their properties: written, read, natively changed, deleted and brought back', async () => {
  const em = test.orm.em.fork();
  const root = em.create(Item, { key: 1, title: 'root', note: null, parent: null, size: null });
  const size = Object.assign(new Size(), { width: 1, height: null });
  const item = em.create(Item, { key: 2, title: 't', note: 'n', parent: root, size });
  await lives.flush(em);
  Object.assign(item, { title: 'n', note: 't' });
  item.size!.width = 2;
  await lives.flush(em);
  const other = test.orm.em.fork();
  await other.nativeUpdate(Item, { note: 't' }, { note: null, parent: null });
  await lives.look();
  other.remove(other.getReference(Item, 2 as never));
  await lives.flush(other);
  expect((await summary(test)).slice(1)).toEqual([
    ['create', 'Item:2', null, { title: 't', note: 'n', parent: 1, size_width: 1, size_height: null }],
    ['update', 'Item:2', { title: 't', note: 'n', size_width: 1 }, { title: 'n', note: 't', size_width: 2 }],
    ['update', 'Item:2', { note: 't', parent: 1 }, { note: null, parent: null }],
    ['delete', 'Item:2', { title: 'n', note: null, parent: null, size_width: 2, size_height: null }, null],
  ]);

  const reverts = new RevertService(test.orm.em.fork());
  await reverts.undelete(Item, 2 as never);
  await lives.look();
  await reverts.toVersion(Item, 2 as never, 1);
  await lives.look();
  expect(await test.database.query('select * from "old items" where item_no = 2')).toEqual([
    { item_no: 2, heading: 't', 'Remark "x"': 'n', belongs_to: 1, dim_w: 1, dim_h: null },
  ]);
  const deltas = await new HistoryService(em).deltas(Item, 2 as never);
  expect(deltas.map(({ action }) => action)).toEqual(['create', 'update', 'update', 'delete', 'create', 'update']);
  expect(await lives.shown()).toStrictEqual(lives.seen);
});
