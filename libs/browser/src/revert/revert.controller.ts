import type { EntityProperty, MikroORM } from '@mikro-orm/core';
import { Controller, Get, HttpStatus, Inject, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { HistoryService, type RevertConflict, type RevertPlan, trackedTypes } from '@revy/mikro-orm';
import { BROWSER_ORM } from '../browser.options.js';
import { BrowserErrorFilter } from '../mount/browser-error.filter.js';
import { BrowserGuard } from '../mount/browser.guard.js';
import type { PageRequest } from '../mount/page-request.js';
import { PageWriter } from '../mount/page-writer.js';
import { findObject } from '../object/find-object.js';
import { FormProof, type FormRequest } from './form-proof.js';
import { conflictKey, planKey } from './plan-keys.js';
import { Decisions, fieldsOf, type FormField } from './revert-form.js';
import { RevertGuard } from './revert.guard.js';
import { revertedPage, revertPage, titleOf } from './revert.page.js';
import { revertQuestion, type RevertQuestion } from './revert-question.js';
import { Wording } from '../wording/wording.js';
import type { Words } from '../wording/words.js';
import { Reverter, type RevertOutcome } from './reverter.js';

type Refusal = Extract<RevertOutcome, { refusal: unknown }>['refusal'];

const NOTICES: Readonly<Record<Refusal, string>> = {
  changed: 'Nothing was changed: somebody has written since this plan was shown. This is the plan as it is now.',
  undecided: 'Nothing was changed: something is in the way that nobody has decided on. Choose what becomes of it.',
  impossible:
    'Nothing was changed: the database refuses it, for a reason that no plan can tell, such as a check or a trigger. ' +
    'The log of the application has it.',
};

/** Plans, and carries out what was planned. A plan takes what it takes `RevertService`, and changes nothing. */
@Controller()
@UseGuards(BrowserGuard, RevertGuard)
@UseFilters(BrowserErrorFilter)
export class RevertController {
  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    private readonly pages: PageWriter,
    private readonly proof: FormProof,
    private readonly reverter: Reverter,
    private readonly wording: Wording,
  ) {}

  @Get('revert')
  async plan(@Req() request: FormRequest, @Res() response: unknown): Promise<void> {
    const page = this.pages.requestOf(request, 1);
    const question = revertQuestion(page);
    const plan = await this.reverter.plan(question);
    await this.#show(request, response, { page, question, plan, fields: fieldsOf(undefined) });
  }

  @Post('revert')
  async carryOut(@Req() request: FormRequest, @Res() response: unknown): Promise<void> {
    const fields = fieldsOf(request.body);
    const field = (name: FormField) => fields(name);
    this.proof.verify(request, field('token'));
    const page = this.pages.requestOf(request, 1);
    const question = revertQuestion(page);
    const decisions = this.#decisions(fields);
    const decided = { seen: field('plan'), decisions, reason: field('reason').trim() };
    const outcome = await this.reverter.carryOut(question, decided);
    if ('refusal' in outcome) {
      const plan = await this.reverter.plan(question, decisions.choose);
      return this.#show(request, response, { page, question, plan, fields, refusal: outcome.refusal });
    }
    const words = await this.#words(outcome.done);
    const types = trackedTypes(this.orm.em);
    const main = revertedPage({ root: page.root, words, question, types, plan: outcome.done, decisions });
    this.pages.page(response, page, { title: titleOf(words, question), main });
  }

  async #show(
    request: FormRequest,
    response: unknown,
    { page, question, plan, fields, refusal }: Shown,
  ): Promise<void> {
    const words = await this.#words(plan);
    const main = revertPage({
      root: page.root,
      words,
      question,
      types: trackedTypes(this.orm.em),
      plan,
      decisions: this.#decisions(fields),
      notice: refusal && NOTICES[refusal],
      reason: fields('reason'),
      token: this.proof.tokenFor(request, response),
      key: planKey(this.proof, plan),
      keyOf: conflict => this.#keyOf(conflict),
      relations: this.#relations(question),
      done: plan.isEmpty ? await this.#lastRevert(plan) : undefined,
    });
    const status = refusal ? HttpStatus.CONFLICT : HttpStatus.OK;
    this.pages.page(response, page, { title: titleOf(words, question), main }, status);
  }

  #words({ conflicts }: RevertPlan): Promise<Words> {
    return this.wording.of(
      this.orm.em,
      conflicts.flatMap(({ revision }) => revision ?? []),
    );
  }

  #decisions(fields: (name: string) => string): Decisions {
    return new Decisions(fields, conflict => this.#keyOf(conflict));
  }

  #keyOf(conflict: RevertConflict): string {
    return conflictKey(this.proof, conflict);
  }

  /** Those along which a history leads. */
  #relations(question: RevertQuestion): string[] {
    if (question.kind === 'revision') return [];
    const { em, tracked } = findObject(this.orm, question.type, question.id);
    const known = new Set(trackedTypes(em).map(({ entity }) => entity));
    const relations = em.getMetadata().get(tracked.entity).relations as EntityProperty[];
    return relations.filter(({ targetMeta }) => known.has(targetMeta?.class as never)).map(({ name }) => name);
  }

  async #lastRevert({ reverts }: RevertPlan): Promise<number | undefined> {
    const where = { reverts: { $in: [...reverts] } };
    const [last] = await new HistoryService(this.orm.em.fork()).revisions({ where, order: 'desc', limit: 1 });
    return last?.id;
  }
}

/** A plan on its way to a reader. */
interface Shown {
  readonly page: PageRequest;
  readonly question: RevertQuestion;
  readonly plan: RevertPlan;
  /** Of the form that was sent. */
  readonly fields: (name: string) => string;
  readonly refusal?: Refusal;
}
