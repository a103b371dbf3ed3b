import { MikroORM, defineEntity, p, Collection } from '@mikro-orm/postgresql';
class Post { tags = new Collection(this); ordered = new Collection(this); items = new Collection(this); custom = new Collection(this); rel = new Collection(this); slots = new Collection(this); far = new Collection(this) }
class Tag { posts = new Collection(this); inOrdered = new Collection(this)}
class Item {} // custom pivot composite
class Line {} // custom pivot id
class Slot {posts = new Collection(this);}
class Far {posts = new Collection(this);}
const id = () => p.integer().primary().autoincrement();
const orm = await MikroORM.init({ clientUrl: 'postgresql://root@127.0.0.1:5432/test', dbName: 'scratch_coll2', ensureDatabase: true, debug: ['query'], colors: false, 
 logger: m => console.log(m.replace(/\[took.*/, '').replace('[query] ', '  ')),
 entities: [
  defineEntity({ class: Post, properties: { id: id(), name: p.string(),
    tags: () => p.manyToMany(Tag).owner(),
    ordered: () => p.manyToMany(Tag).owner().inversedBy('inOrdered').fixedOrder().pivotTable('ordered_tags'),
    items: () => p.manyToMany(Tag).owner().pivotEntity(() => Item),
    custom: () => p.manyToMany(Tag).owner().pivotEntity(() => Line),
    rel: () => p.manyToMany(Post).owner(),
    slots: () => p.manyToMany(Slot).owner(),
    far: () => p.manyToMany(Far).owner(),
  } }),
  defineEntity({ class: Tag, properties: { id: id(), name: p.string(), posts: () => p.manyToMany(Post).mappedBy('tags'), inOrdered: () => p.manyToMany(Post).mappedBy('ordered') } }),
  defineEntity({ class: Item, properties: { post: () => p.manyToOne(Post).primary(), tag: () => p.manyToOne(Tag).primary(), amount: p.integer().default(1), note: p.string().nullable() } }),
  defineEntity({ class: Line, properties: { id: id(), post: () => p.manyToOne(Post), tag: () => p.manyToOne(Tag), amount: p.integer().default(1), stamp: p.datetime().defaultRaw('now()') } }),
  defineEntity({ class: Slot, properties: { a: p.integer().primary(), b: p.integer().primary(),posts: () => p.manyToMany(Post).mappedBy('slots') } }),
  defineEntity({ class: Far, schema: 'other', properties: { id: id(), posts: () => p.manyToMany(Post).mappedBy('far')  } }),
 ] });
console.log(await orm.schema.getCreateSchemaSQL());
await orm.schema.refresh({ dropDb: false });
{
const em = orm.em.fork();
const a = em.create(Post, { name: 'a' }), b = em.create(Post, { name: 'b' }); 
const tags = ['t1','t2','t3', 't4'].map(name => em.create(Tag, { name }));
a.tags.add(tags[0], tags[1]); a.ordered.add(...tags.slice(0,3)); a.items.add(...tags.slice(0,2)); a.custom.add(...tags.slice(0,2)); a.rel.add(a, b); 
const s1 = em.create(Slot, {a:1,b:1}), s2 = em.create(Slot, {a:1,b:2}); a.slots.add(s1,s2); a.far.add(em.create(Far, {}), em.create(Far, {}));
await em.flush();
}
console.log("======")
const t = async (name, fn) => { console.log('\n== ' + name); const em = orm.em.fork(); try { await fn(em); await em.flush(); } catch (e) { console.log('  !!', e.constructor.name, e.message.split('\n')[0]); } };
await t('tags set', async em => { const a = await em.findOne(Post, 1); a.tags.set([em.getReference(Tag, 2), em.getReference(Tag, 3)]); });
await t('tags add', async em => { const a = await em.findOne(Post, 1); a.tags.add(em.getReference(Tag, 2), em.getReference(Tag, 4)); });
await t('inverse set', async em => { const a = await em.findOne(Tag, 1); a.posts.set([em.getReference(Post, 2)]); });
await t('inverse add', async em => { const a = await em.findOne(Tag, 1); a.posts.add(em.getReference(Post, 1)); });
await t('ordered reorder', async em => { const a = await em.findOne(Post, 1, {populate: ['ordered']}); a.ordered.set([a.ordered[1], a.ordered[0], a.ordered[2]]); });
await t('ordered add unloaded', async em => { const a = await em.findOne(Post, 1); a.ordered.add(em.getReference(Tag, 1)); });
await t('ordered loaded remove dup', async em => { const a = await em.findOne(Post, 1, {populate: ['ordered']}); console.log(a.ordered.length); a.ordered.remove(a.ordered[0]); });
await t('ordered set unloaded', async em => { const a = await em.findOne(Post, 1); a.ordered.set([em.getReference(Tag, 4), em.getReference(Tag, 1)]); });
await t('ordered inverse add', async em => { const a = await em.findOne(Tag, 2); a.inOrdered.add(em.getReference(Post, 1)); });
await t('items add unloaded', async em => { const a = await em.findOne(Post, 1); a.items.add(em.getReference(Tag, 1), em.getReference(Tag, 3)); });
await t('items set loaded', async em => { const a = await em.findOne(Post, 1, {populate: ['items']}); a.items.set([em.getReference(Tag, 1), em.getReference(Tag, 4)]); });
await t('line add unloaded', async em => { const a = await em.findOne(Post, 1); a.custom.add(em.getReference(Tag, 1), em.getReference(Tag, 3)); });
await t('line set loaded', async em => { const a = await em.findOne(Post, 1, {populate: ['custom']}); console.log(a.custom.length); a.custom.set([a.custom[1], em.getReference(Tag, 4)]); });
await t('slots set', async em => { const a = await em.findOne(Post, 1); a.slots.set([em.getReference(Slot, [1,2])]); });
await t('slot inverse removeAll', async em => { const a = await em.findOne(Slot, [1,2]); a.posts.removeAll(); });
await t('far set', async em => { const a = await em.findOne(Post, 1); a.far.set([em.getReference(Far, 1)]); });
await t('far inverse set', async em => { const a = await em.findOne(Far, 1); a.posts.set([em.getReference(Post, 2)]); });
await orm.close(true);
