import { defineEntity, p, Type } from '@mikro-orm/core';
import { createOrm, type TestOrm } from '../support/orm.js';

/** Counts how often the ORM turns a value into that of the database: for each copy that it takes, and each statement. */
class Counting extends Type<string, string> {
  static calls = 0;

  override convertToDatabaseValue(value: string): string {
    Counting.calls++;
    return value;
  }

  override getColumnType(): string {
    return 'text';
  }
}

class Page {
  id!: number;
  title!: string;
}

const schema = () =>
  defineEntity({
    class: Page,
    properties: { id: p.integer().primary().autoincrement(), title: p.type(Counting).$type<string>() },
  });

async function calls(work: () => Promise<unknown>): Promise<number> {
  const before = Counting.calls;
  await work();
  return Counting.calls - before;
}

/** What each flush of a page's life makes of its values. */
async function lifeOf(test: TestOrm): Promise<number[]> {
  const em = test.orm.em.fork();
  const pages = ['a', 'b', 'c'].map(title => em.create(Page, { title } as never, { persist: true }));
  const created = await calls(() => em.flush());
  for (const page of pages) page.title += '!';
  const updated = await calls(() => em.flush());
  for (const page of pages) em.remove(page);
  return [created, updated, await calls(() => em.flush())];
}

describe('a tracked flush', () => {
  it('has the ORM copy entities no more often than an untracked one', async () => {
    const tracked = await createOrm([schema()] as never);
    const byUs = await lifeOf(tracked);
    const deltas = await tracked.deltas();
    await tracked.close();
    const untracked = await createOrm([schema()] as never, { revy: false });
    const byTheOrm = await lifeOf(untracked);
    await untracked.close();
    expect(byUs).toEqual(byTheOrm);
    expect(deltas.map(({ action, object }) => `${action} ${object}`)).toEqual(
      ['create', 'update', 'delete'].flatMap(action => [1, 2, 3].map(key => `${action} Page:${key}`)),
    );
  });
});
