import { EntityManager } from '@mikro-orm/postgresql';
import { UseGuards } from '@nestjs/common';
import { AuthGuard } from './auth.js';

/** What all controllers of the API have in common. */
@UseGuards(AuthGuard)
export abstract class ApiController {
  constructor(protected readonly em: EntityManager) {}
}
