import { defineEntity, p, Type } from '@mikro-orm/core';

/** A custom type whose runtime value is an instance of a class. */
export class Money {
  constructor(
    readonly cents: bigint,
    readonly currency: string,
  ) {}
}

class MoneyType extends Type<Money, string> {
  override convertToDatabaseValue(value: Money | string): string {
    return value instanceof Money ? `${value.cents} ${value.currency}` : value;
  }

  override convertToJSValue(value: Money | string): Money {
    if (value instanceof Money) return value;
    const [cents, currency] = value.split(' ');
    return new Money(BigInt(cents!), currency!);
  }

  override getColumnType(): string {
    return 'text';
  }
}

export class Address {
  street!: string;
  zip!: number | null;
}

const AddressSchema = defineEntity({
  class: Address,
  embeddable: true,
  properties: { street: p.string(), zip: p.integer().nullable() },
});

/** One attribute of each kind of column. */
export class Specimen {
  id!: bigint;
  count!: number;
  ratio!: number | null;
  price!: string | null;
  priceNumber!: number | null;
  big!: bigint | null;
  isAlive!: boolean | null;
  text!: string | null;
  seenAt!: Date | null;
  bornOn!: string | null;
  wakesAt!: string | null;
  data!: unknown;
  photo!: Buffer | null;
  uuid!: string | null;
  status!: 'wild' | 'kept' | null;
  tags!: string[] | null;
  sizes!: number[] | null;
  value!: Money | null;
  home!: Address | null;
  offices!: Address[] | null;
  past!: Address | null;
}

export const SpecimenSchema = defineEntity({
  class: Specimen,
  properties: {
    id: p.bigint().primary().autoincrement(),
    count: p.integer().default(0),
    ratio: p.double().nullable(),
    price: p.decimal('string').precision(12).scale(2).nullable(),
    priceNumber: p.decimal('number').precision(12).scale(2).nullable(),
    big: p.bigint().nullable(),
    isAlive: p.boolean().nullable(),
    text: p.text().nullable(),
    seenAt: p.datetime().nullable(),
    bornOn: p.date().nullable(),
    wakesAt: p.time().nullable(),
    data: p.json().nullable(),
    photo: p.blob().nullable(),
    uuid: p.uuid().nullable(),
    status: p.enum(['wild', 'kept']).nullable(),
    tags: p.array().nullable(),
    sizes: p.array(Number).columnType('int[]').nullable(),
    value: p.type(MoneyType).nullable(),
    home: () => p.embedded(Address).nullable(),
    offices: () => p.embedded(Address).array().nullable(),
    past: () => p.embedded(Address).object().nullable(),
  },
});

export const ZOO = [AddressSchema, SpecimenSchema];
