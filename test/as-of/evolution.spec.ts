import { Collection, defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { revy, SnapshotService } from '@revy/mikro-orm';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { createOrm, type TestOrm } from '../support/orm.js';

// What a class was at the point is not what it is now.

const id = () => p.integer().primary().autoincrement();
const Before = defineEntity({
  name: 'Car',
  properties: { id: id(), name: p.string(), color: p.string(), seats: p.integer() },
});
const After = defineEntity({
  name: 'Car',
  properties: {
    id: id(),
    name: p.string(),
    seats: p.string(),
    wheels: p.integer().default(4),
    note: p.string().nullable(),
  },
});

describe('attributes that came, went, or changed their type after the point', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  beforeAll(async () => {
    database = await createDatabase();
    const config = { clientUrl: database.url, extensions: [revy()] };
    const old = await MikroORM.init({ ...config, entities: [Before] });
    await old.schema.create();
    const em = old.em.fork();
    for (const name of ['kept', 'changed', 'deleted']) em.create(Before, { name, color: 'red', seats: 5 });
    await em.flush(); // 1
    await old.close();
    orm = await MikroORM.init({ ...config, entities: [After] });
    await orm.schema.update();
    const now = orm.em.fork();
    const [, changed, deleted] = await now.find(After, {}, { orderBy: { id: 1 } });
    Object.assign(changed!, { wheels: 6, note: 'six', seats: 'many' });
    now.remove(deleted!);
    await now.flush(); // 2
    changed!.wheels = 8;
    await now.flush(); // 3
  });
  afterAll(async () => {
    await orm.close(true);
    await database.drop();
  });

  const at = <T>(revision: number, read: (em: SqlEntityManager) => Promise<T>) =>
    new SnapshotService(orm.em.fork() as SqlEntityManager).asOf({ revision }, read);
  const cars = (revision: number) =>
    at(revision, em => em.execute('select name, seats, wheels, note, revy_unknown as unknown from car order by id'));

  it('are unknown of what was changed since, and the present ones of what was not', async () => {
    expect(await cars(1)).toEqual([
      { name: 'kept', seats: '5', wheels: 4, note: null, unknown: null },
      { name: 'changed', seats: '5', wheels: null, note: null, unknown: ['wheels', 'note'] },
      // its deletion has told all that it had
      { name: 'deleted', seats: '5', wheels: 4, note: null, unknown: null },
    ]);
    const [changed] = await at(1, em => em.find(After, { name: 'changed' }));
    expect([changed!.name, changed!.seats, changed!.wheels, changed!.note]).toEqual([
      'changed',
      '5',
      undefined,
      undefined,
    ]);
  });

  it('are as unknown to snapshots.at', async () => {
    const snapshot = await new SnapshotService(orm.em.fork()).at(After, 2, { revision: 1 });
    expect(snapshot).toMatchObject({ entity: { name: 'changed' }, unknown: ['wheels', 'note'] });
  });

  it('are what they were from then on', async () => {
    expect(await cars(2)).toMatchObject([{ name: 'kept' }, { name: 'changed', seats: 'many', wheels: 6, note: 'six' }]);
    expect(await cars(3)).toMatchObject([{ name: 'kept' }, { name: 'changed', seats: 'many', wheels: 8, note: 'six' }]);
    expect(await at(2, em => em.find(After, { wheels: 6 }))).toMatchObject([{ name: 'changed' }]);
  });
});

class Student {
  id!: number;
  name!: string;
  courses = new Collection<Course>(this);
}

class Course {
  id!: number;
  title!: string;
  students = new Collection<Student>(this);
}

/** A link with more to it. */
class Enrolment {
  student!: Student;
  course!: Course;
  grade!: number | null;
}

const SCHOOL = [
  defineEntity({
    class: Student,
    properties: {
      id: id(),
      name: p.string(),
      courses: () =>
        p
          .manyToMany(Course)
          .owner()
          .pivotEntity(() => Enrolment),
    },
  }),
  defineEntity({
    class: Course,
    properties: { id: id(), title: p.string(), students: () => p.manyToMany(Student).mappedBy('courses') },
  }),
  defineEntity({
    class: Enrolment,
    properties: {
      student: () => p.manyToOne(Student).primary().deleteRule('cascade'),
      course: () => p.manyToOne(Course).primary().deleteRule('cascade'),
      grade: p.integer().nullable(),
    },
  }),
];

describe('a pivot table that is an entity', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(SCHOOL as never);
    const em = test.orm.em.fork();
    const [ann, bob] = ['Ann', 'Bob'].map(name => em.create(Student, { name } as never)) as [Student, Student];
    const [art, law] = ['Art', 'Law'].map(title => em.create(Course, { title } as never)) as [Course, Course];
    const first = em.create(Enrolment, { student: ann, course: art, grade: 1 });
    em.create(Enrolment, { student: ann, course: law, grade: null });
    em.create(Enrolment, { student: bob, course: law, grade: 3 });
    await em.flush(); // 1
    first.grade = 5;
    await em.flush(); // 2
    em.remove(first);
    em.create(Enrolment, { student: bob, course: art, grade: 2 });
    await em.flush(); // 3
    await em.fork().nativeDelete(Course, { title: 'Law' }); // 4
  });
  afterAll(() => test.close());

  const at = <T>(revision: number, read: (em: SqlEntityManager) => Promise<T>) =>
    new SnapshotService(test.orm.em.fork() as SqlEntityManager).asOf({ revision }, read);

  it('is read at the point by itself, with what it holds beside the keys', async () => {
    const grades = (revision: number) =>
      at(revision, async em =>
        (await em.find(Enrolment, {}, { populate: ['student', 'course'], orderBy: { student: 1, course: 1 } })).map(
          ({ student, course, grade }) => `${student.name} ${course.title} ${grade}`,
        ),
      );
    expect(await grades(1)).toEqual(['Ann Art 1', 'Ann Law null', 'Bob Law 3']);
    expect(await grades(2)).toEqual(['Ann Art 5', 'Ann Law null', 'Bob Law 3']);
    expect(await grades(3)).toEqual(['Ann Law null', 'Bob Art 2', 'Bob Law 3']);
    expect(await grades(4)).toEqual(['Bob Art 2']);
  });

  it.each(['joined', 'select-in'] as const)(
    'is what collections are read through, from both sides (%s)',
    async strategy => {
      const graph = (revision: number) =>
        at(revision, async em => {
          const students = await em.find(
            Student,
            {},
            { populate: ['courses'], strategy, orderBy: { id: 1, courses: { id: 1 } } },
          );
          em.clear();
          const courses = await em.find(
            Course,
            {},
            { populate: ['students'], strategy, orderBy: { id: 1, students: { id: 1 } } },
          );
          return [
            students.map(one => [one.name, ...one.courses.getItems().map(({ title }) => title)].join(' ')),
            courses.map(one => [one.title, ...one.students.getItems().map(({ name }) => name)].join(' ')),
          ];
        });
      expect(await graph(1)).toEqual([
        ['Ann Art Law', 'Bob Law'],
        ['Art Ann', 'Law Ann Bob'],
      ]);
      expect(await graph(3)).toEqual([
        ['Ann Law', 'Bob Art Law'],
        ['Art Bob', 'Law Ann Bob'],
      ]);
      expect(await graph(4)).toEqual([['Ann', 'Bob Art'], ['Art Bob']]);
    },
  );

  it('is searched through', async () => {
    expect(await at(1, em => em.count(Student, { courses: { title: 'Art' } }))).toBe(1);
    expect(await at(3, em => em.find(Student, { courses: { title: 'Art' } }))).toMatchObject([{ name: 'Bob' }]);
    expect(await at(4, em => em.count(Student, { courses: { title: 'Law' } }))).toBe(0);
  });
});
