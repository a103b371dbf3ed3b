import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';
import { SAMPLES, Specimen, SPECIMEN, type Value, valuesOf } from './samples.js';

function storedOf(value: Value): unknown {
  return 'stored' in value ? value.stored : value.set;
}

describe('values of every type', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(SPECIMEN);
  });
  afterAll(() => test.close());

  async function live(id: number): Promise<Specimen> {
    return test.orm.em.fork().findOneOrFail(Specimen, id, { populate: ['*'] as never });
  }

  async function expectSnapshotIsLive(id: number): Promise<void> {
    const snapshot = await new SnapshotService(test.orm.em.fork()).at(Specimen, id, new Date(Date.now() + 60_000));
    expect(snapshot!.unknown).toEqual([]);
    expect(valuesOf(snapshot!.entity)).toStrictEqual(valuesOf(await live(id)));
  }

  /** The deltas of one object: action, and old and new value of one attribute. */
  async function history(id: number, attribute: string): Promise<unknown[]> {
    const rows = await test.deltas();
    return rows
      .filter(row => row.object === `Specimen:${id}`)
      .map(row => [row.action, row.old?.[attribute], row.new?.[attribute]]);
  }

  it.each(SAMPLES.map(sample => [sample.type, sample] as const))(
    'A12, A13, A14, A15: records and rebuilds %s',
    async (_, sample) => {
      await test.forget();
      const { property, values } = sample;
      const em = test.orm.em.fork();
      const specimen = em.create(Specimen, { [property]: values[0].set } as never);
      await em.flush();
      await expectSnapshotIsLive(specimen.id);
      for (const value of values.slice(1)) {
        specimen[property] = value.set;
        await em.flush();
        await expectSnapshotIsLive(specimen.id);
      }
      specimen[property] = null;
      await em.flush();
      await expectSnapshotIsLive(specimen.id);
      specimen[property] = values[0].set;
      await em.flush();
      em.remove(specimen);
      await em.flush();
      const stored = [...values.map(storedOf), null, storedOf(values[0])];
      expect(await history(specimen.id, property)).toStrictEqual([
        ['create', undefined, stored[0]],
        ...stored.slice(1).map((value, index) => ['update', stored[index], value]),
        ['delete', stored.at(-1), undefined],
      ]);
    },
  );

  it.each(SAMPLES.map(sample => [sample.type, sample] as const))(
    'A4: assigning what %s holds already records nothing, and old values come from a loaded row as well',
    async (_, { property, values }) => {
      const creator = test.orm.em.fork();
      const { id } = creator.create(Specimen, { [property]: values[0].set } as never);
      const specimen = creator.create(Specimen, { [property]: values[0].set } as never);
      await creator.flush();
      await test.forget();
      expect(id).toBeUndefined();

      const em = test.orm.em.fork();
      const loaded = await em.findOneOrFail(Specimen, specimen.id);
      loaded[property] = (await live(specimen.id))[property];
      await em.flush();
      expect(await test.revisions()).toEqual([]);

      let before = storedOf(values[0]);
      for (const value of values.slice(1)) {
        const next = test.orm.em.fork();
        const again = await next.findOneOrFail(Specimen, specimen.id);
        again[property] = value.set;
        await next.flush();
        expect((await history(specimen.id, property)).at(-1)).toStrictEqual(['update', before, storedOf(value)]);
        await expectSnapshotIsLive(specimen.id);
        before = storedOf(value);
      }

      const remover = test.orm.em.fork();
      remover.remove(await remover.findOneOrFail(Specimen, specimen.id));
      await remover.flush();
      expect((await history(specimen.id, property)).at(-1)).toStrictEqual(['delete', before, undefined]);
    },
  );
});
