import { type ObjectQuery, raw } from '@mikro-orm/core';

/** A piece of SQL with `?` in place of its parameters. */
export class Sql {
  constructor(
    readonly text: string,
    readonly parameters: readonly unknown[] = [],
  ) {}
}

/** Pieces of SQL are taken over with their parameters; all else becomes a parameter. */
export function sql(strings: TemplateStringsArray, ...parts: readonly unknown[]): Sql {
  const pieces = parts.map(part => (part instanceof Sql ? part : new Sql('?', [part])));
  const text = strings.reduce((before, after, index) => before + pieces[index - 1]!.text + after);
  return new Sql(
    text,
    pieces.flatMap(piece => piece.parameters),
  );
}

export function joined(pieces: readonly Sql[], separator: string): Sql {
  return new Sql(
    pieces.map(({ text }) => text).join(separator),
    pieces.flatMap(({ parameters }) => parameters),
  );
}

export function allOf(conditions: readonly Sql[]): Sql {
  return conditions.length > 0 ? sql`(${joined(conditions, ' and ')})` : sql`true`;
}

export function anyOf(conditions: readonly Sql[]): Sql {
  return conditions.length > 0 ? sql`(${joined(conditions, ' or ')})` : sql`false`;
}

/** SQL as a condition among others of MikroORM's; `build` gets the name that the table has in the query. */
export function asFilter<T>(build: (table: Sql) => Sql): ObjectQuery<T> {
  const { parameters } = build(new Sql('t'));
  const fragment = raw(alias => build(new Sql(alias)).text, [...parameters]);
  return { [fragment as unknown as string]: [] } as ObjectQuery<T>;
}
