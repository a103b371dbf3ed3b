import { LABEL_IDS } from './values.js';

/** The tables of the domain, without those of the history. */
const TABLES = [
  'person_labels',
  'person_friends',
  'animal_labels',
  'visit',
  'membership',
  'task',
  'badge',
  'animal',
  'car',
  'vehicle',
  'desk',
  'room',
  'loan',
  'city',
  'country',
  'project',
  'label',
  'person',
];

const SEQUENCES = ['person', 'project', 'task', 'badge', 'visit', 'animal', 'vehicle', 'room', 'desk', 'city', 'loan'];

/** SQL that puts the domain's tables back to a few rows that the history has not seen, and empties the history. */
export function startingRows(variant: number): string {
  let drawn = variant;
  const draw = (count: number) => ((drawn = (drawn * 31 + 17) % 9973), drawn % count);
  const person = () => draw(3) + 1;
  const maybe = () => (draw(2) ? String(person()) : 'null');
  const insert = (table: string, rows: readonly string[]) =>
    `insert into ${table} values ${rows.map(row => `(${row})`).join(', ')};`;
  return `begin; set local session_replication_role = replica;
    ${TABLES.map(table => `delete from ${table};`).join(' ')}
    delete from revy_object_delta; delete from revy_revision; delete from witness;
    ${SEQUENCES.map(table => `select setval('${table}_id_seq', 10);`).join(' ')}
    ${insert('label (id, name)', [`'${LABEL_IDS[0]}', 'sentinel'`, `'${LABEL_IDS[1]}', 'red'`, `'${LABEL_IDS[2]}', 'blue'`])}
    ${insert(
      'person (id, name, email, rank, meta, tags, profile, address_street, touched, boss_id)',
      [1, 2, 3].map(
        id =>
          `${id}, 'person ${id}', ${id % 2 ? 'null' : `'${id}@x'`}, 5, '{"a": [${id}]}', '{a}',
           '{"motto": "m", "langs": null, "home": {"street": "s", "zip": ${id}}}', 'High Street', 0, ${maybe()}`,
      ),
    )}
    ${insert('project (id, title, lead_id)', [`1, 'sentinel', null`, `2, 'two', ${maybe()}`, `3, 'three', ${maybe()}`])}
    ${insert(
      'task (id, title, position, project_id, assignee_id)',
      [1, 2, 3, 4].map(id => `${id}, 'task ${id}', ${draw(3)}, ${draw(2) + 2}, ${maybe()}`),
    )}
    ${insert('badge (id, color, person_id)', [`1, 'red', 1`, `2, 'blue', ${draw(2) ? 2 : 'null'}`])}
    ${insert('membership (person_id, project_id, role)', [`1, 2, 'boss'`, `2, ${draw(2) + 2}, 'crew'`, `3, 3, 'crew'`])}
    ${insert('visit (id, text, membership_person_id, membership_project_id)', [`1, 'v', 1, 2`, `2, 'w', ${draw(2) ? '3, 3' : 'null, null'}`])}
    ${insert('animal (id, kind, name, keeper_id, bones, claws, enemy_id)', [
      `1, 'dog', 'Rex', ${maybe()}, 1, null, null`,
      `2, 'cat', 'Tom', ${maybe()}, null, 18, ${draw(2) ? 1 : 'null'}`,
    ])}
    ${insert('vehicle (id, plate, owner_id)', [`1, 'A', ${person()}`, `2, 'B', ${person()}`])}
    ${insert('car (id, doors, driver_id)', [`2, 4, ${maybe()}`])}
    ${insert('room (id, project_id)', [`1, ${draw(2) + 2}`])}
    ${insert('desk (id, size, room_id)', ['1, 1, 1', '2, 2, 1'])}
    ${insert('country (code, name)', [`'AA', 'a'`, `'BB', 'b'`])}
    ${insert('city (id, name, country_code)', [`1, 'c', 'AA'`, `2, 'd', ${draw(2) ? `'BB'` : 'null'}`])}
    ${insert('loan (id, amount, person_id, guarantor_id, label_id, project_id)', [
      `1, 5, ${person()}, ${maybe()}, '${LABEL_IDS[1]}', 2`,
      `2, 7.5, ${person()}, ${maybe()}, ${draw(2) ? `'${LABEL_IDS[2]}'` : 'null'}, ${draw(2) ? 3 : 'null'}`,
    ])}
    ${insert('person_labels (person_id, label_id)', [`1, '${LABEL_IDS[1]}'`, `2, '${LABEL_IDS[draw(2) + 1]}'`])}
    ${insert('person_friends (person_1_id, person_2_id)', ['1, 2', '2, 1', `3, ${person()}`])}
    ${insert('animal_labels (animal_id, label_id)', [`1, '${LABEL_IDS[1]}'`, `2, '${LABEL_IDS[2]}'`])}
    commit;`;
}
