import type { EntityMetadata } from '@mikro-orm/core';
import type { ChildWrites } from './child-writes.js';
import type { LinkWrites } from './link-writes.js';
import type { Statement, WriteListener, Written } from './statement-listener.js';

/** Hears of the statements on all collections of a flush: a pivot entity may be the child of another collection. */
export class FlushListener implements WriteListener {
  constructor(
    private readonly children: ChildWrites,
    private readonly links: LinkWrites,
  ) {}

  get isIdle(): boolean {
    return this.children.isIdle && this.links.isIdle;
  }

  listensTo(meta: EntityMetadata): boolean {
    return this.children.listensTo(meta) || this.links.listensTo(meta);
  }

  async beforeDelete(meta: EntityMetadata, statement: Statement): Promise<void> {
    if (!this.children.listensTo(meta)) await this.links.beforeDelete(meta, statement);
  }

  hear(written: Written): void {
    if (this.children.listensTo(written.meta)) this.children.hear(written);
    else this.links.hear(written);
  }
}
