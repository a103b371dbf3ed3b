import { Sample, sampleSchema } from '../model/sample-in-sql.js';
import { SAMPLES, SPECIMEN } from '../model/samples.js';
import { createOrm, type TestOrm } from '../support/orm.js';

const SampleSchema = sampleSchema(true);

let t: TestOrm;
beforeAll(async () => {
  t = await createOrm([...SPECIMEN.slice(0, 2), SampleSchema]);
});
afterAll(() => t?.close());

const KINDS = SAMPLES.filter(({ property }) => property in SampleSchema.meta.properties);

it.each(KINDS)('a flush of $type is what its trigger reads', async ({ property, values }) => {
  for (const { set } of values) {
    await t.forget();
    const em = t.orm.em.fork();
    const made = em.create(Sample, { [property]: set } as never, { persist: true });
    await em.flush();
    const other = t.orm.em.fork();
    const sample = await other.findOneOrFail(Sample, made.id);
    sample[property] = null;
    await other.flush();
    sample[property] = set;
    await other.flush();
    await other.remove(sample).flush();
    expect({ set, actions: (await t.deltas()).map(({ revision, action }) => [revision, action]) }).toEqual({
      set,
      actions: [
        [1, 'create'],
        [2, 'update'],
        [3, 'update'],
        [4, 'delete'],
      ],
    });
  }
});
