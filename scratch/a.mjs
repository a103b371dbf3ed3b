import { MikroORM, defineEntity, p, Collection } from '@mikro-orm/postgresql';
class Parent { kids = new Collection(this); pets = new Collection(this); things = new Collection(this); beasts = new Collection(this); cars = new Collection(this)}
class Kid {}
class Pet {}
class Thing {}
class Beast {} class Dog extends Beast {} class Cat extends Beast {}
class Vehicle {} class Car extends Vehicle {}
const id = () => p.integer().primary().autoincrement();
const BeastS = defineEntity({ class: Beast, abstract: true, discriminatorColumn: 'kind', properties: { id: id(), kind: p.string(), parent: () => p.manyToOne(Parent).nullable() } });
const VehicleS = defineEntity({ class: Vehicle, inheritance: 'tpt', properties: { id: id(), plate: p.string() } });
const orm = await MikroORM.init({ clientUrl: 'postgresql://root@127.0.0.1:5432/test', dbName: 'scratch_coll', ensureDatabase: true, debug: ['query'], colors: false, highlighter: undefined,
 logger: m => console.log(m.replace(/\[took.*/, '').replace('[query] ', '  ')),
 entities: [
  defineEntity({ class: Parent, properties: { id: id(), name: p.string(),
    kids: () => p.oneToMany(Kid).mappedBy('parent'),
    pets: () => p.oneToMany(Pet).mappedBy('parent').orphanRemoval(),
    things: () => p.oneToMany(Thing).mappedBy('parent').orphanRemoval(),
    beasts: () => p.oneToMany(Dog).mappedBy('parent'),
    cars: () => p.oneToMany(Car).mappedBy('parent').orphanRemoval(),
  } }),
  defineEntity({ class: Kid, properties: { id: id(), name: p.string(), version: p.integer().version(), parent: () => p.manyToOne(Parent).nullable() } }),
  defineEntity({ class: Pet, properties: { id: id(), name: p.string(), parent: () => p.manyToOne(Parent).nullable() } }),
  defineEntity({ class: Thing, properties: { a: p.integer().primary(), b: p.integer().primary(), parent: () => p.manyToOne(Parent).deleteRule('cascade') } }),
  BeastS,
  defineEntity({ class: Dog, extends: BeastS, discriminatorValue: 'dog', properties: { bark: p.string().nullable() } }),
  defineEntity({ class: Cat, extends: BeastS, discriminatorValue: 'cat', properties: { meow: p.string().nullable() } }),
  VehicleS,
  defineEntity({ class: Car, extends: VehicleS, properties: { doors: p.integer(), parent: () => p.manyToOne(Parent).nullable() } }),
 ] });
await orm.schema.refresh({ dropDb: false });
{
const em = orm.em.fork();
const a = em.create(Parent, { name: 'a' }); 
for (const n of ['k1','k2','k3']) em.create(Kid, { name: n, parent: a });
for (const n of ['k1','k2','k3']) em.create(Pet, { name: n, parent: a });
for (const n of [1,2]) em.create(Thing, { a: n, b: 1, parent: a });
em.create(Dog, { parent: a }); em.create(Cat, { parent: a });
em.create(Car, { plate: 'x', doors: 2, parent: a });
await em.flush();
}
const t = async (name, fn) => { console.log('\n== ' + name); const em = orm.em.fork(); try { await fn(em); await em.flush(); } catch (e) { console.log('  !!', e.constructor.name, e.message.split('\n')[0]); } };
await t('1:M set [] nullable', async em => { const a = await em.findOne(Parent, 1); a.kids.set([em.getReference(Kid, 2)]); });
await t('1:M removeAll reference', async em => { const a = em.getReference(Parent, 1); console.log('coll of ref', a.kids?.constructor.name); a.kids?.removeAll(); });
await t('1:M add ref', async em => { const a = await em.findOne(Parent, 1); a.kids.add(em.getReference(Kid, 1)); });
await t('1:M add loaded', async em => { const a = await em.findOne(Parent, 1); a.kids.add(await em.findOne(Kid, 3)); });
await t('1:M orphan set', async em => { const a = await em.findOne(Parent, 1); a.pets.set([em.getReference(Pet, 2), em.create(Pet, { name: 'new' })]); });
await t('1:M orphan composite set', async em => { const a = await em.findOne(Parent, 1); a.things.set([em.getReference(Thing, [1, 1])]); });
await t('1:M orphan composite removeall', async em => { const a = await em.findOne(Parent, 1); a.things.removeAll(); });
await t('STI set', async em => { const a = await em.findOne(Parent, 1); a.beasts.removeAll(); });
await t('TPT orphan set', async em => { const a = await em.findOne(Parent, 1); a.cars.removeAll(); });
await orm.close(true);
