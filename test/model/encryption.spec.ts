import { defineEntity, p, Type } from '@mikro-orm/core';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SnapshotService } from '@revy/mikro-orm';
import { createOrm, type TestOrm } from '../support/orm.js';

const KEY = randomBytes(32);

/** Encrypts text on its way to the database, each time with another nonce, as one should. */
class EncryptedText extends Type<string, string> {
  override convertToDatabaseValue(text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', KEY, nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  override convertToJSValue(stored: string): string {
    const bytes = Buffer.from(stored, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', KEY, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    return decipher.update(bytes.subarray(28)).toString('utf8') + decipher.final('utf8');
  }

  override compareValues(a: string, b: string): boolean {
    return this.convertToJSValue(a) === this.convertToJSValue(b);
  }

  override getColumnType(): string {
    return 'text';
  }
}

class Patient {
  id!: number;
  name!: string;
  diagnosis!: string;
}

const PatientSchema = defineEntity({
  class: Patient,
  properties: {
    id: p.integer().primary().autoincrement(),
    name: p.string(),
    diagnosis: p.type(EncryptedText),
  },
});

describe('a custom type that encrypts', () => {
  let test: TestOrm;
  beforeAll(async () => {
    test = await createOrm([PatientSchema]);
  });
  afterAll(() => test.close());

  const decrypted = (value: unknown) => new EncryptedText().convertToJSValue(value as string);

  it('D8: is stored unreadable, read back exactly, and other attributes as they are', async () => {
    const em = test.orm.em.fork();
    const patient = em.create(Patient, { name: 'Ann', diagnosis: 'sécret influenza' });
    await em.flush();
    patient.name = 'Anna';
    await em.flush();
    patient.diagnosis = 'sécret measles';
    await em.flush();

    const everything = await test.database.query(
      `select to_jsonb(d)::text as row from revy_object_delta d union all select to_jsonb(p)::text from patient p`,
    );
    expect(everything.filter(({ row }) => String(row).includes('sécret'))).toEqual([]);
    const [create, rename, change] = await test.deltas();
    const [{ diagnosis: live }] = (await test.database.query('select diagnosis from patient')) as [
      { diagnosis: string },
    ];
    expect([create!.new!['name'], decrypted(create!.new!['diagnosis'])]).toEqual(['Ann', 'sécret influenza']);
    // the nonce is another one each time that the ORM looks at it, which is no change
    expect([rename!.old, rename!.new]).toEqual([{ name: 'Ann' }, { name: 'Anna' }]);
    expect(Object.keys(change!.old!)).toEqual(['diagnosis']);
    expect(decrypted(change!.old!['diagnosis'])).toBe('sécret influenza');
    expect(change!.new).toEqual({ diagnosis: live });

    const snapshots = new SnapshotService(test.orm.em.fork());
    const past = await Promise.all([1, 2, 3].map(version => snapshots.at(Patient, 1, { version })));
    expect(past.map(snapshot => [snapshot!.entity.name, snapshot!.entity.diagnosis])).toEqual([
      ['Ann', 'sécret influenza'],
      ['Anna', 'sécret influenza'],
      ['Anna', 'sécret measles'],
    ]);
  });
});
