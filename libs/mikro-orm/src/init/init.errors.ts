/** Why `init` changed nothing. For the command line only, which prints the message. */
export class InitRefusal extends Error {
  constructor(what: string, instead: string) {
    super(`Nothing was changed: ${what}. ${instead}`);
  }
}

export const BY_HAND =
  'By hand: import { revy } from \'@revy/mikro-orm\', and add revy() to the "extensions" of the configuration.';
