import { serialize } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import {
  Animal,
  Car,
  Cat,
  Course,
  Dog,
  GRAPH,
  Ledger,
  Node,
  Paper,
  Puppy,
  SportsCar,
  Student,
  Vehicle,
} from '../capture/graph.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Memory } from './truth.js';

// a cat has the default of a column that only dogs have, of which no ORM knows
const TABLES = [
  ['animal', 'barks'],
  'vehicle',
  'car',
  'sports_car',
  'node',
  'student',
  'course',
  'student_courses',
  'student_friends',
  'paper',
  ['ledger', 'version'],
] as const;

const plain = (entities: object[]) =>
  entities.map(entity => ({
    class: entity.constructor.name,
    ...(serialize(entity, { populate: ['*'] as never }) as object),
  }));

async function load(em: SqlEntityManager): Promise<unknown> {
  const orderBy = { id: 1 } as const;
  return {
    animals: plain(await em.find(Animal, {}, { orderBy })),
    dogs: plain(await em.find(Dog, { owner: { name: { $like: '%o%' } } }, { orderBy })),
    vehicles: plain(await em.find(Vehicle, {}, { orderBy })),
    cars: plain(await em.find(Car, { doors: { $gt: 1 } }, { orderBy })),
    nodes: plain(await em.find(Node, {}, { orderBy, populate: ['parent', 'partner', 'partnerOf'] })),
    students: plain(
      await em.find(
        Student,
        {},
        {
          orderBy,
          populate: ['courses', 'friends', 'friendOf'],
          populateOrderBy: { courses: orderBy, friends: orderBy, friendOf: orderBy },
        },
      ),
    ),
    courses: plain(
      await em.find(
        Course,
        {},
        { orderBy, populate: ['students'], strategy: 'joined', populateOrderBy: { students: orderBy } },
      ),
    ),
    papers: plain(await em.find(Paper, {}, { orderBy, populate: ['body'] })),
    ledgers: plain(await em.find(Ledger, {}, { orderBy, exclude: ['version'] })),
  };
}

describe('as of, with every mapping of the graph', () => {
  let test: TestOrm;
  let memory: Memory;
  let em: SqlEntityManager;

  beforeAll(async () => {
    test = await createOrm(GRAPH);
    em = test.orm.em.fork() as SqlEntityManager;
  });
  beforeEach(() => {
    memory = new Memory(test, { tables: TABLES, load });
  });
  afterAll(() => test.close());

  const flush = async () => {
    await em.flush();
    await memory.remember();
  };

  it('F2: single table and joined tables, their keys taken by another class, and self-references', async () => {
    const node = em.create(Node, { name: 'owner' } as never);
    const rex = em.create(Dog, { id: 1, name: 'Rex', owner: node } as never);
    const tiny = em.create(Puppy, { id: 2, name: 'Tiny', months: 3, barks: false } as never);
    const tom = em.create(Cat, { id: 3, name: 'Tom', lives: 9 } as never);
    em.create(Vehicle, { id: 1, plate: 'V' } as never);
    const car = em.create(Car, { id: 2, plate: 'C', doors: 5 } as never);
    const sports = em.create(SportsCar, { id: 3, plate: 'S', doors: 2, topSpeed: 300, driver: node } as never);
    await flush();
    Object.assign(rex, { name: 'Max', owner: null });
    Object.assign(tiny, { months: 4, owner: node });
    tom.lives = 8;
    Object.assign(car, { doors: 1, plate: null });
    sports.topSpeed = 310;
    await flush();
    em.remove(tom);
    em.remove(car);
    em.remove(rex);
    await flush();
    // the same keys, and other classes
    em.create(Puppy, { id: 3, name: 'Tom again', months: 1 } as never);
    em.create(Cat, { id: 1, name: 'Max again', lives: 1 } as never);
    em.create(SportsCar, { id: 2, plate: 'C', doors: 3, topSpeed: 100 } as never);
    await flush();
    em.remove(sports);
    await flush();
    em.create(Vehicle, { id: 3, plate: 'only a vehicle' } as never);
    await flush();
    const parent = em.create(Node, { name: 'parent' } as never);
    node.parent = parent;
    node.partner = parent;
    await flush();
    Object.assign(node, { partner: null, name: 'other' });
    await flush();
    const { seen, truth } = await memory.compare(2);
    expect(seen).toEqual(truth);
  });

  it('E7, E2: links from a table to itself, added and removed again, and from both sides', async () => {
    const [ann, ben] = ['Ann', 'Ben'].map(name => em.create(Student, { name } as never)) as [Student, Student];
    const [art, bio] = ['Art', 'Bio'].map(name => em.create(Course, { name } as never)) as [Course, Course];
    ann.courses.add(art);
    await flush();
    ann.friends.add(ben, ann);
    await flush();
    for (const _ of [1, 2]) {
      ann.courses.remove(art);
      bio.students.add(ann, ben);
      await flush();
      ann.courses.add(art);
      ben.courses.remove(bio);
      await flush();
    }
    em.remove(ben);
    await flush();
    em.remove(art);
    await flush();
    em.remove(ann);
    await flush();
    const { seen, truth } = await memory.compare(2);
    expect(seen).toEqual(truth);
  });

  it('computed, defaulted and lazy columns', async () => {
    const ledger = em.create(Ledger, { title: 'a' } as never);
    const paper = em.create(Paper, { title: 'p', body: 'long', notes: null } as never);
    await flush();
    ledger.title = 'b';
    paper.body = 'longer';
    await flush();
    ledger.code = 'x';
    Object.assign(paper, { body: null, notes: 'n' });
    await flush();
    em.remove(ledger);
    em.remove(paper);
    await flush();
    const { seen, truth } = await memory.compare(2);
    expect(seen).toEqual(truth);
  });
});
