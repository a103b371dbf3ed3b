import type { Terminal } from './terminal.js';

const BAR_WIDTH = 32;
const REDRAW_EVERY_MS = 80;

/** A bar where somebody watches, else a line each tenth of the way. */
export class Progress {
  private readonly startedMs = performance.now();
  private drawnMs = 0;
  private tenths = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly what: string,
    private readonly total: number,
  ) {}

  update(done: number): void {
    if (!this.terminal.isInteractive) {
      this.announce(done);
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.drawnMs >= REDRAW_EVERY_MS || done === this.total) {
      this.drawnMs = nowMs;
      this.terminal.overwrite(this.bar(done, nowMs));
    }
  }

  /** Takes the bar away. */
  end(): void {
    this.terminal.overwrite('');
  }

  private announce(done: number): void {
    const tenths = Math.floor((done * 10) / this.total);
    if (tenths > this.tenths && this.total >= 10) {
      this.tenths = tenths;
      this.terminal.line(`  ${String(tenths * 10).padStart(3)} %  ${done} of ${this.total} ${this.what}`);
    }
  }

  private bar(done: number, nowMs: number): string {
    const share = this.total === 0 ? 1 : Math.min(1, done / this.total);
    const full = Math.round(share * BAR_WIDTH);
    const elapsed = (nowMs - this.startedMs) / 1000;
    const left = done === 0 ? '' : `, ${Math.ceil((elapsed / done) * (this.total - done))} s left`;
    const bar =
      this.terminal.style('cyan', '█'.repeat(full)) + this.terminal.style('dim', '░'.repeat(BAR_WIDTH - full));
    return `  ${bar} ${Math.floor(share * 100)} %  ${done} of ${this.total} ${this.what}${left}`;
  }
}
