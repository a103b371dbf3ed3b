import {
  ConflictException,
  Controller,
  HttpCode,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Query,
  UseGuards,
} from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import {
  NothingToRevertError,
  RevertConflictError,
  type RevertOptions,
  type RevertPlan,
  RevertService,
  UnknownRevisionError,
  UnknownVersionError,
} from '@revy/mikro-orm';
import { RevisionActor } from '@revy/nestjs';
import { Author } from '../people/author.entity.js';
import { AuthorGuard, requestActor } from '../people/author.guard.js';
import { Document } from './document.entity.js';
import { IdPipe } from './id.pipe.js';
import { RevertPipe } from './revert.pipe.js';
import { type Work, WorkPipe } from './work.pipe.js';

/** Puts things back. Each answer is the plan: what was, is and will be, and what is in the way. */
@Controller()
@UseGuards(AuthorGuard)
@RevisionActor(requestActor)
export class RevertsController {
  constructor(
    private readonly reverts: RevertService,
    private readonly em: EntityManager,
  ) {}

  @Post('revisions/:id/revert')
  @HttpCode(200)
  revision(@Param('id', IdPipe) id: number, @Query(RevertPipe) options: RevertOptions): Promise<RevertPlan> {
    return answer(this.reverts.revision(id, options));
  }

  /** All that an author did in a time: a bad afternoon. */
  @Post('revisions/revert')
  @HttpCode(200)
  async revisions(@Query(WorkPipe) { author, ...time }: Work, @Query(RevertPipe) options: RevertOptions) {
    const actor = await this.em.findOne(Author, author);
    if (!actor) throw new NotFoundException(`There is no author ${author}.`);
    return answer(this.reverts.revision({ actor, ...time }, options));
  }

  @Post('documents/:id/revert/:version')
  @HttpCode(200)
  document(
    @Param('id', IdPipe) id: number,
    @Param('version', ParseIntPipe) version: number,
    @Query(RevertPipe) options: RevertOptions,
  ): Promise<RevertPlan> {
    return answer(this.reverts.toVersion(Document, id, version, { ...options, relations: ['labels'] }));
  }

  @Post('documents/:id/undelete')
  @HttpCode(200)
  undelete(@Param('id', IdPipe) id: number, @Query(RevertPipe) options: RevertOptions): Promise<RevertPlan> {
    return answer(this.reverts.undelete(Document, id, { ...options, with: ['labels'] }));
  }
}

/** A conflict is answered with its plan, so that a person can decide. */
async function answer(plan: Promise<RevertPlan>): Promise<RevertPlan> {
  try {
    return await plan;
  } catch (error) {
    if (error instanceof RevertConflictError) {
      throw new ConflictException({ statusCode: 409, message: error.message, plan: error.plan });
    }
    const isMissing = [UnknownRevisionError, UnknownVersionError, NothingToRevertError].some(
      one => error instanceof one,
    );
    throw isMissing ? new NotFoundException((error as Error).message) : error;
  }
}
