import { RevyOptionError } from '@revy/mikro-orm';

/** What the pages call the objects of one type. */
export interface TypeLabels {
  /**
   * The type itself: `Article`.
   *
   * @defaultValue the stored type
   */
  readonly label?: string;
  /**
   * Its attributes, by name: `{ title: 'Headline' }`.
   *
   * @defaultValue their names
   */
  readonly attributes?: Readonly<Record<string, string>>;
  /**
   * Names an entity of the type, where it acted and where it was changed: `(user: User) => user.name`. The entities of a
   * page are loaded as they are now, by one SELECT for each type, without the ORM's filters; one that is gone is called by
   * its key.
   *
   * @defaultValue its key
   */
  name?(entity: object): string;
}

/** By stored type: `{ Post: { label: 'Article' } }`. */
export type HistoryLabels = Readonly<Record<string, TypeLabels>>;

const PARTS: Readonly<Record<string, string>> = { label: 'string', attributes: 'object', name: 'function' };

/** @throws {RevyOptionError} if a type has something else than labels */
export function checkLabels(labels: HistoryLabels): void {
  for (const [type, parts] of Object.entries(labels)) {
    for (const [part, value] of Object.entries(parts)) {
      if (PARTS[part] === undefined) {
        throw new RevyOptionError(`labels.${type}.${part}`, value, `one of ${Object.keys(PARTS).join(', ')}`);
      }
      if (typeof value !== PARTS[part]) {
        throw new RevyOptionError(`labels.${type}.${part}`, value, `a value of type ${PARTS[part]}`);
      }
    }
  }
}
