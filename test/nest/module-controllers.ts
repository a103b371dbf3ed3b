import { EntityManager } from '@mikro-orm/postgresql';
import { Body, Controller, Get, Injectable, type OnModuleInit, Param, Post as HttpPost } from '@nestjs/common';
import { HistoryService, SnapshotService, SystemActor } from '@revy/mikro-orm';
import { RevisionActor, RevisionMetadata, type RevyModuleOptions } from '@revy/nestjs';
import { Post } from '../support/blog.js';

export const draft = (title: string) => ({ title, views: 0, meta: null });

@Controller('posts')
export class PostsController {
  constructor(
    private readonly em: EntityManager,
    private readonly history: HistoryService,
    private readonly snapshots: SnapshotService,
  ) {}

  @HttpPost()
  async create(@Body('title') title: string, @RevisionActor() actor: SystemActor | null) {
    const post = this.em.create(Post, draft(title));
    await this.em.flush();
    return { id: post.id, actor: actor?.name ?? null };
  }

  @HttpPost('decorated')
  @RevisionActor(() => new SystemActor('decorator'))
  @RevisionMetadata({ from: 'decorator' })
  async decorated(@Body('title') title: string, @RevisionActor() actor: SystemActor | null) {
    return this.create(title, actor);
  }

  @HttpPost('in-transaction')
  async inTransaction() {
    return this.em.transactional(async em => {
      const post = em.create(Post, draft('first'));
      await em.flush();
      const snapshot = await this.snapshots.at(Post, post.id, { version: 1 });
      const deltas = await this.history.deltas(Post, post.id);
      return { title: snapshot?.entity.title, actions: deltas.map(({ action }) => action) };
    });
  }

  @Get(':id/history')
  async read(@Param('id') id: string) {
    const deltas = await this.history.deltas(Post, Number(id));
    const first = await this.snapshots.at(Post, Number(id), { version: 1 });
    return { actions: deltas.map(({ action }) => action), first: first?.entity.title };
  }
}

/** A module of the application that writes while it starts. */
@Injectable()
export class Seeder implements OnModuleInit {
  constructor(private readonly em: EntityManager) {}

  async onModuleInit() {
    const em = this.em.fork();
    em.create(Post, draft('seeded'));
    await em.flush();
  }
}

/** Options that make everybody one named system. */
export const named = (name: string): RevyModuleOptions => ({ actor: () => new SystemActor(name) });
