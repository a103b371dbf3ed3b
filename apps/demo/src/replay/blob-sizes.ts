import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { gitEnvironment } from './git-command.js';

/** Asks one `git cat-file` process for the sizes of blobs. */
export class BlobSizes implements Disposable {
  private readonly child;
  private readonly answers: AsyncIterator<string>;

  constructor(directory: string) {
    const args = ['-C', directory, 'cat-file', '--batch-check=%(objectsize)'];
    this.child = spawn('git', args, { env: gitEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] });
    // A broken pipe shows as missing answers below.
    this.child.stdin.on('error', () => {});
    this.child.on('error', () => {});
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** The sizes in bytes, in the order of the ids; null for what the repository does not hold. */
  async of(blobs: readonly string[]): Promise<(number | null)[]> {
    if (blobs.length === 0) {
      return [];
    }
    this.child.stdin.write(`${blobs.join('\n')}\n`);
    const sizes: (number | null)[] = [];
    for (let index = 0; index < blobs.length; index++) {
      const { value, done } = await this.answers.next();
      sizes.push(!done && /^\d+$/.test(value) ? Number(value) : null);
    }
    return sizes;
  }

  [Symbol.dispose](): void {
    this.child.kill();
  }
}
