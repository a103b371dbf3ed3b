import type { EntityManager, EntityProperty, MikroORM } from '@mikro-orm/core';
import { Controller, type ExecutionContext, Get, Inject, Param, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, type ObjectDelta, type TrackedType, trackedTypes } from '@revy/mikro-orm';
import { NotInHistoryError } from '../browser.errors.js';
import { BROWSER_ORM } from '../browser.options.js';
import { LONGEST_VALUE } from '../html/show-value.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import { CallContext } from '../mount/call-context.decorator.js';
import { PageWriter } from '../mount/page-writer.js';
import type { WhoDidIt } from '../wording/words.js';
import { Permissions } from '../mount/permissions.js';
import { Wording } from '../wording/wording.js';
import { cascadeTree } from './cascade-tree.js';
import { revisionPage } from './revision.page.js';

/** How many objects are shown at once: more than most revisions have, so that cascades stay together. */
const MOST_OBJECTS = 200;

/** What one revision changed. Two SELECTs, and one for each type that has names. */
@Controller()
@UseGuards(BrowserGuard)
@UseFilters(BrowserErrorFilter)
export class RevisionController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    private readonly pages: PageWriter,
    private readonly wording: Wording,
    private readonly permissions: Permissions,
  ) {}

  @Get('revisions/:id')
  async revision(
    @Param('id') id: string,
    @CallContext() context: ExecutionContext,
    @Req() request: unknown,
    @Res() response: unknown,
  ): Promise<void> {
    const page = this.pages.requestOf(request, 2);
    const em = this.orm.em.fork();
    const history = new HistoryService(em);
    const number = /^\d{1,15}$/.test(id) ? Number(id) : 0;
    const [revision] = await history.revisions({ where: { id: number } });
    if (!revision) throw new NotInHistoryError(`revision ${id}`);
    const after = page.query.get('after') || null;
    const deltas = await history.deltas({ revision: number, limit: MOST_OBJECTS, after });
    const types = trackedTypes(em);
    const main = revisionPage({
      root: page.root,
      words: await this.wording.of(em, [revision, ...deltas.flatMap(actorsOf)]),
      revision,
      deltas,
      trees: cascadeTree(em, types, deltas),
      types,
      collections: collectionsOf(em, types),
      mayRevert: await this.permissions.mayRevert(context),
      longest: page.query.has('full') ? Infinity : LONGEST_VALUE,
    });
    this.pages.page(response, page, { title: `Revision ${number}`, main });
  }
}

function actorsOf(delta: ObjectDelta): WhoDidIt[] {
  return [delta, ...Object.values(delta.attributions ?? {}).flat()];
}

function collectionsOf(em: EntityManager, types: readonly TrackedType[]): Map<string, ReadonlySet<string>> {
  const isLinks = (prop: EntityProperty | undefined) => prop?.kind === 'm:n';
  return new Map(
    types.map(({ type, entity, attributes }) => {
      const { properties } = em.getMetadata().get(entity);
      return [type, new Set(attributes.filter(name => isLinks(properties[name as never])))];
    }),
  );
}
