import { ConstraintViolationException, DeadlockException, type EntityManager, type MikroORM } from '@mikro-orm/core';
import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  type OnConflict,
  RevertConflictError,
  type RevertOptions,
  type RevertPlan,
  RevertService,
  RevisionContext,
} from '@revy/mikro-orm';
import { BROWSER_ORM } from '../browser.options.js';
import { findObject } from '../object/find-object.js';
import { FormProof } from './form-proof.js';
import { planKey } from './plan-keys.js';
import type { Decisions } from './revert-form.js';
import { chosenName, type RevertQuestion } from './revert-question.js';

/** A revert as somebody decided on it. */
export interface DecidedRevert {
  /** The key of the plan that was shown. */
  readonly seen: string;
  readonly decisions: Decisions;
  readonly reason: string;
}

/** What came of a revert: the plan that was carried out, or why nothing was changed. */
export type RevertOutcome =
  { readonly done: RevertPlan } | { readonly refusal: 'changed' | 'undecided' | 'impossible' };

/** Takes a transaction back whose plan is not the one that was shown. */
class OtherPlan extends Error {}

/** Plans reverts and carries them out, by nothing but the service that applications use. */
@Injectable()
export class Reverter {
  readonly #logger = new Logger('RevyBrowserModule');

  constructor(
    @Inject(BROWSER_ORM) private readonly orm: MikroORM,
    private readonly proof: FormProof,
  ) {}

  /** What would be done. It changes nothing. */
  plan(question: RevertQuestion, onConflict: OnConflict = 'fail'): Promise<RevertPlan> {
    return this.#ask(this.#entityManager(question), question, { dryRun: true, onConflict });
  }

  /** Carries out what was shown, in one transaction, or nothing. */
  async carryOut(question: RevertQuestion, { seen, decisions, reason }: DecidedRevert): Promise<RevertOutcome> {
    const em = this.#entityManager(question);
    const work = () =>
      em.transactional(async tx => {
        const plan = await this.#ask(tx, question, { onConflict: decisions.choose });
        if (planKey(this.proof, plan) !== seen) throw new OtherPlan();
        return plan;
      });
    try {
      return { done: await (reason === '' ? work() : RevisionContext.run({ revisionDescription: reason }, work)) };
    } catch (error) {
      const isKnown = [OtherPlan, RevertConflictError, ConstraintViolationException, DeadlockException].some(
        one => error instanceof one,
      );
      if (!isKnown) throw error;
      return { refusal: await this.#refusal(question, seen, error) };
    }
  }

  async #refusal(question: RevertQuestion, seen: string, error: unknown) {
    const now = planKey(this.proof, await this.plan(question));
    if (now !== seen || error instanceof DeadlockException) return 'changed';
    if (error instanceof RevertConflictError) return 'undecided';
    this.#logger.error(error); // its message holds values, which are not for everybody
    return 'impossible';
  }

  #entityManager(question: RevertQuestion): EntityManager {
    return question.kind === 'revision' ? this.orm.em.fork() : findObject(this.orm, question.type, question.id).em;
  }

  #ask(em: EntityManager, question: RevertQuestion, options: RevertOptions): Promise<RevertPlan> {
    const reverts = new RevertService(em);
    if (question.kind === 'revision') {
      const chosen = new Set(question.objects);
      const only = ({ objectType, objectId }: { objectType: string; objectId: string }) =>
        chosen.size === 0 || chosen.has(chosenName(objectType, objectId));
      return reverts.revision(question.revision, { ...options, only });
    }
    const { tracked, key } = findObject(this.orm, question.type, question.id);
    const { version } = question;
    if (question.kind === 'attribute') {
      return reverts.attribute(tracked.entity, key, question.attribute as never, version, options);
    }
    const along = question.along as readonly never[];
    return question.kind === 'undelete'
      ? reverts.undelete(tracked.entity, key, { ...options, with: along })
      : reverts.toVersion(tracked.entity, key, version, { ...options, relations: along });
  }
}
