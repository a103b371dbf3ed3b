import { expect, it } from '@jest/globals';
import { defineEntity, p } from '@mikro-orm/postgresql';
import { createOrm } from '../support/orm.js';

it('a subclass masks what its base masks, and what it says itself is added', async () => {
  const Base = defineEntity({
    name: 'Base',
    abstract: true,
    revy: { mask: ['token'] },
    properties: { id: p.integer().primary(), token: p.string(), pin: p.string() },
  });
  const Key = defineEntity({ name: 'Key', extends: Base, properties: {} });
  const Safe = defineEntity({ name: 'Safe', extends: Base, revy: { mask: ['pin'] }, properties: {} });
  const test = await createOrm([Base, Key, Safe]);
  const em = test.orm.em.fork();
  em.create(Key as never, { id: 1, token: 'secret', pin: 'shown' } as never);
  em.create(Safe as never, { id: 1, token: 'secret', pin: 'secret' } as never);
  await em.flush();
  expect(Object.fromEntries((await test.deltas()).map(delta => [delta.object, delta.new]))).toEqual({
    'Key:1': { token: '[FILTERED]', pin: 'shown' },
    'Safe:1': { token: '[FILTERED]', pin: '[FILTERED]' },
  });
  await test.close();
});
