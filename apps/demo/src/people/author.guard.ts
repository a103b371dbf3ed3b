import {
  BadRequestException,
  type CanActivate,
  type ExecutionContext,
  Injectable,
  NotFoundException,
} from '@nestjs/common';
import { EntityManager } from '@mikro-orm/postgresql';
import type { Request } from 'express';
import { Author } from './author.entity.js';
import { readId } from './read-id.js';

export const AUTHOR_HEADER = 'x-author';

/** A request and who makes it: what an authentication guard leaves behind. */
export interface AuthoredRequest extends Request {
  author?: Author;
}

/** Finds out who is calling. The demo believes the header; an application would check a password or a token here. */
@Injectable()
export class AuthorGuard implements CanActivate {
  constructor(private readonly em: EntityManager) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthoredRequest>();
    const header = request.header(AUTHOR_HEADER);
    if (header === undefined) {
      return true;
    }
    const id = readId(header);
    if (id === undefined) {
      throw new BadRequestException(`The header ${AUTHOR_HEADER} takes the id of an author, not "${header}".`);
    }
    const author = await this.em.findOne(Author, id);
    if (!author) {
      throw new NotFoundException(`There is no author ${id}, as the header ${AUTHOR_HEADER} says.`);
    }
    request.author = author;
    return true;
  }
}

/** The actor of a request for `@RevisionActor()`: its author, or the system where the header is missing. */
export function requestActor(context: ExecutionContext): Author | null {
  return context.switchToHttp().getRequest<AuthoredRequest>().author ?? null;
}
