import type { EntityManager } from '@mikro-orm/postgresql';
import { Author } from './author.entity.js';

/** Who acted, as it is stored with a revision or a delta. */
export interface StoredActor {
  readonly actorType: string | null;
  readonly actorId: string | null;
}

/** Names for stored actors: one query for any number of authors. */
export async function nameActors(
  em: EntityManager,
  actors: Iterable<StoredActor>,
): Promise<(actor: StoredActor) => string> {
  const ids = new Set<number>();
  for (const { actorType, actorId } of actors) {
    if (actorType === Author.name) {
      ids.add(Number(actorId));
    }
  }
  const authors = ids.size === 0 ? [] : await em.find(Author, { id: { $in: [...ids] } });
  const names = new Map(authors.map(author => [String(author.id), author.name]));
  return ({ actorType, actorId }) => {
    if (actorType === null) {
      return 'the system';
    }
    return actorType === Author.name ? (names.get(String(actorId)) ?? `author ${actorId}`) : `the ${actorId}`;
  };
}
