/** Something that the person who runs the demo can put right: shown without a stack. */
export class DemoError extends Error {
  override readonly name: string = 'DemoError';
}

/** The command line asks for what the demo does not offer. */
export class UsageError extends DemoError {
  override readonly name = 'UsageError';

  constructor(problem: string) {
    super(`${problem} Run \`npm run demo -- --help\` for what there is.`);
  }
}
