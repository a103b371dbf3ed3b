import type { EntityManager } from '@mikro-orm/core';
import { Inject, Injectable } from '@nestjs/common';
import { trackedTypes } from '@revy/mikro-orm';
import { BROWSER_SETTINGS, type BrowserSettings } from '../browser.options.js';
import { entityNames } from './entity-names.js';
import { type EntityRef, type WhoDidIt, Words } from './words.js';

/** Finds the words of a page. */
@Injectable()
export class Wording {
  constructor(@Inject(BROWSER_SETTINGS) private readonly settings: BrowserSettings) {}

  /** @param mentioned whom and what the page mentions; one SELECT for each type among them that has a `name` */
  async of(em: EntityManager, mentioned: Iterable<WhoDidIt | ChangedRef>): Promise<Words> {
    const { labels, render } = this.settings;
    return new Words(labels, render, await entityNames(em, trackedTypes(em), labels, [...mentioned].flatMap(refsOf)));
  }
}

/** What the history stores of what was changed; a delta tells both who acted and what was changed. */
interface ChangedRef {
  readonly objectType: string;
  readonly objectId: string;
}

function refsOf(one: WhoDidIt | ChangedRef): EntityRef[] {
  const changed = 'objectType' in one ? [{ type: one.objectType, id: one.objectId }] : [];
  const isEntity = 'actorType' in one && one.actorType !== null && one.actorId !== null;
  return isEntity ? [...changed, { type: one.actorType, id: one.actorId }] : changed;
}
