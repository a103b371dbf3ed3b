import { defineEntity, p } from '@mikro-orm/core';
import { Address, Level, MoneyType, Mood } from './samples.js';

/** An object with one value of each kind that SQL can bring into its stored form. */
export class Sample {
  id!: number;
  [property: string]: unknown;
}

/** @param triggers whether triggers record it as well */
export const sampleSchema = (triggers = false) =>
  defineEntity({
    class: Sample as new () => Sample,
    revy: { triggers },
    properties: {
      id: p.integer().primary().autoincrement(),
      integer: p.integer().nullable(),
      smallint: p.smallint().nullable(),
      tinyint: p.tinyint().nullable(),
      bigint: p.bigint().nullable(),
      bigintNumber: p.bigint('number').nullable(),
      bigintString: p.bigint('string').nullable(),
      decimal: p.decimal().precision(12).scale(2).nullable(),
      decimalNumber: p.decimal('number').precision(12).scale(3).nullable(),
      decimalFree: p.decimal().columnType('numeric').nullable(),
      real: p.float().nullable(),
      double: p.double().nullable(),
      boolean: p.boolean().nullable(),
      string: p.string().nullable(),
      text: p.text().nullable(),
      char: p.character().length(5).nullable(),
      uuid: p.uuid().nullable(),
      date: p.date().nullable(),
      datetime: p.datetime().nullable(),
      datetime0: p.datetime(0).nullable(),
      datetime3: p.datetime(3).nullable(),
      datetime6: p.datetime(6).nullable(),
      time: p.time().nullable(),
      interval: p.interval().nullable(),
      mood: p
        .enum(() => Mood)
        .nativeEnumName('mood')
        .nullable(),
      moodText: p.enum(() => Mood).nullable(),
      level: p.enum(() => Level).nullable(),
      strings: p.array().nullable(),
      integers: p.array(Number, String).columnType('int[]').nullable(),
      json: p.json<unknown>().nullable(),
      blob: p.blob().nullable(),
      bytes: p.uint8array().nullable(),
      money: p.type(MoneyType).nullable(),
      home: () => p.embedded(Address).nullable(),
      office: () => p.embedded(Address).object().nullable(),
      places: () => p.embedded(Address).array().nullable(),
      inet: p.string().columnType('inet').nullable(),
      friend: () => p.manyToOne(Sample as new () => Sample).nullable(),
    } as never,
  });
