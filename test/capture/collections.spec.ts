import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createOrm, type TestOrm } from '../support/orm.js';
import { Course, GRAPH, Student } from './graph.js';

describe('many-to-many links', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm(GRAPH);
  });
  afterAll(() => test.close());
  beforeEach(() => test.forget());

  const links = async (property: string) =>
    (await test.deltas()).filter(row => row.new?.[property]).map(row => [row.action, row.object, row.new![property]]);

  /** What the pivot table holds, which the folded links have to equal. */
  async function expectLinksAreLive(): Promise<void> {
    const live = await test.database.query(
      "select student_id::text || '-' || course_id as link from student_courses order by 1",
    );
    const folded = new Set<string>();
    for (const row of await test.deltas()) {
      const { added = [], removed = [] } = (row.new?.['courses'] ?? {}) as { added?: number[]; removed?: number[] };
      const student = row.object.split(':')[1];
      for (const course of removed) expect(folded.delete(`${student}-${course}`)).toBe(true);
      for (const course of added) folded.add(`${student}-${course}`);
      if (row.action === 'delete') for (const link of folded) if (link.startsWith(`${student}-`)) folded.delete(link);
    }
    expect([...folded].toSorted()).toEqual(live.map(row => row['link']));
  }

  async function school(): Promise<{ students: number[]; courses: number[] }> {
    await test.database.query('truncate student_courses');
    const em = test.orm.em.fork();
    const students = ['Ann', 'Ben'].map(name => em.create(Student, { name }));
    const courses = ['Art', 'Bio', 'Civ'].map(name => em.create(Course, { name }));
    await em.flush();
    await test.forget();
    return { students: students.map(({ id }) => id), courses: courses.map(({ id }) => id) };
  }

  it('links of a new owner are part of its create', async () => {
    await school();
    const em = test.orm.em.fork();
    const course = em.create(Course, { name: 'Dan' });
    const student = em.create(Student, { name: 'Cid' });
    student.courses.add(course);
    await em.flush();
    const [row] = (await test.deltas()).filter(delta => delta.object.startsWith('Student'));
    expect([row!.action, row!.new]).toEqual(['create', { name: 'Cid', courses: { added: [course.id], removed: [] } }]);
    await expectLinksAreLive();
  });

  it('E1: added, removed and set from the owning side', async () => {
    const { students, courses } = await school();
    const [a, b, c] = courses as [number, number, number];
    const object = `Student:${students[0]}`;
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    const [art, bio, civ] = await em.find(Course, { id: courses }, { orderBy: { id: 1 } });
    student.courses.add(art!, bio!);
    await em.flush();
    student.courses.remove(art!);
    await em.flush();
    student.courses.set([art!, civ!]);
    await em.flush();
    student.courses.removeAll();
    await em.flush();
    student.courses.removeAll();
    await em.flush();
    expect(await links('courses')).toEqual([
      ['update', object, { added: [a, b], removed: [] }],
      ['update', object, { added: [], removed: [a] }],
      ['update', object, { added: [a, c], removed: [b] }],
      ['update', object, { added: [], removed: [a, c] }],
    ]);
    await expectLinksAreLive();
  });

  it('E1: from the inverse side: recorded with the owner', async () => {
    const { students, courses } = await school();
    const [ann, ben] = students as [number, number];
    const em = test.orm.em.fork();
    const art = await em.findOneOrFail(Course, courses[0]!, { populate: ['students'] });
    art.students.add(em.getReference(Student, ann), em.getReference(Student, ben));
    await em.flush();
    art.students.remove(em.getReference(Student, ann));
    await em.flush();
    expect(await links('courses')).toEqual([
      ['update', `Student:${ann}`, { added: [courses[0]], removed: [] }],
      ['update', `Student:${ben}`, { added: [courses[0]], removed: [] }],
      ['update', `Student:${ann}`, { added: [], removed: [courses[0]] }],
    ]);
    await expectLinksAreLive();
  });

  it('a link that both sides hold is recorded once', async () => {
    const { students, courses } = await school();
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    const course = await em.findOneOrFail(Course, courses[0]!, { populate: ['students'] });
    student.courses.add(course);
    course.students.add(student);
    await em.flush();
    expect(await links('courses')).toEqual([['update', `Student:${student.id}`, { added: [course.id], removed: [] }]]);
    course.students.remove(student);
    await em.flush();
    expect((await links('courses')).slice(1)).toEqual([
      ['update', `Student:${student.id}`, { added: [], removed: [course.id] }],
    ]);
    await expectLinksAreLive();
  });

  it('E2: the same pair added, removed, added and removed again', async () => {
    const { students, courses } = await school();
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    const course = await em.findOneOrFail(Course, courses[0]!);
    for (const _ of [1, 2]) {
      student.courses.add(course);
      await em.flush();
      student.courses.remove(course);
      await em.flush();
    }
    expect((await links('courses')).map(row => row[2])).toEqual([
      { added: [course.id], removed: [] },
      { added: [], removed: [course.id] },
      { added: [course.id], removed: [] },
      { added: [], removed: [course.id] },
    ]);
  });

  it('E3: a scalar change neither drops nor repeats links', async () => {
    const { students, courses } = await school();
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    student.courses.add(em.getReference(Course, courses[0]!));
    await em.flush();
    await test.forget();
    student.name = 'Anna';
    await em.flush();
    expect((await test.deltas()).map(row => [row.old, row.new])).toEqual([[{ name: 'Ann' }, { name: 'Anna' }]]);
  });

  it('E7: links from a table to itself', async () => {
    const { students } = await school();
    const [ann, ben] = students as [number, number];
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, ann, { populate: ['friends', 'friendOf'] });
    student.friends.add(em.getReference(Student, ben));
    student.friends.add(student);
    await em.flush();
    student.friendOf.add(em.getReference(Student, ben));
    await em.flush();
    expect(await links('friends')).toEqual([
      ['update', `Student:${ann}`, { added: [ben, ann], removed: [] }],
      ['update', `Student:${ben}`, { added: [ann], removed: [] }],
    ]);
  });

  it('E7: links between objects that are new together, in a circle', async () => {
    await school();
    const em = test.orm.em.fork();
    const [x, y] = ['X', 'Y'].map(name => em.create(Student, { name })) as [Student, Student];
    x.friends.set([x, y]);
    y.friends.set([x]);
    await em.flush();
    const live = await test.database.query(
      "select student_1_id || '-' || student_2_id as link from student_friends where student_1_id in ($1, $2) order by 1",
      [x.id, y.id],
    );
    const recorded = (await test.deltas()).flatMap(({ object, new: values }) =>
      ((values?.['friends'] as { added: number[] } | undefined)?.added ?? []).map(
        key => `${object.split(':')[1]}-${key}`,
      ),
    );
    expect(recorded.toSorted()).toEqual(live.map(({ link }) => link));
    expect(recorded).toHaveLength(3);
  });

  it('E7: links of a new object to itself, and to another new one of its class', async () => {
    await school();
    const em = test.orm.em.fork();
    const [cid, dan] = ['Cid', 'Dan'].map(name => em.create(Student, { name })) as [Student, Student];
    cid.friends.add(cid);
    dan.friends.add(cid);
    await em.flush();
    expect(await links('friends')).toEqual([
      ['create', `Student:${cid.id}`, { added: [cid.id], removed: [] }],
      ['create', `Student:${dan.id}`, { added: [cid.id], removed: [] }],
    ]);
  });

  it('E8, B3: in one transaction, only what remains is recorded', async () => {
    const { students, courses } = await school();
    const [a, b, c] = courses as [number, number, number];
    const seeder = test.orm.em.fork();
    const seeded = await seeder.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    seeded.courses.set([a, b].map(id => seeder.getReference(Course, id)));
    await seeder.flush();
    await test.forget();
    await test.orm.em.fork().transactional(async em => {
      const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
      const [art, bio, civ] = [a, b, c].map(id => em.getReference(Course, id)) as [Course, Course, Course];
      student.courses.set([civ]);
      await em.flush();
      student.courses.set([art, bio]);
      await em.flush();
      student.courses.add(civ);
    });
    expect(await links('courses')).toEqual([['update', `Student:${students[0]}`, { added: [c], removed: [] }]]);
    expect(await test.deltas()).toHaveLength(1);
  });

  it('B7: an object that comes and goes in one transaction takes its links with it', async () => {
    const { courses } = await school();
    await test.orm.em.fork().transactional(async em => {
      const student = em.create(Student, { name: 'Cid' });
      student.courses.add(em.getReference(Course, courses[0]!));
      await em.flush();
      em.remove(student);
    });
    expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  });

  it('a link that is added to a collection that nobody loaded', async () => {
    const { students, courses } = await school();
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!);
    student.courses.add(em.getReference(Course, courses[0]!));
    await em.flush();
    expect(await links('courses')).toEqual([
      ['update', `Student:${students[0]}`, { added: [courses[0]], removed: [] }],
    ]);
    await expectLinksAreLive();
  });

  it('a link that was added and taken back before the flush', async () => {
    const { students, courses } = await school();
    const em = test.orm.em.fork();
    const student = await em.findOneOrFail(Student, students[0]!, { populate: ['courses'] });
    const course = em.getReference(Course, courses[0]!);
    student.courses.add(course);
    student.courses.remove(course);
    await em.flush();
    expect([await test.deltas(), await test.revisions()]).toEqual([[], []]);
  });
});
