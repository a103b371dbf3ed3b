import type { ChangedLinks, LinkKey } from '../cascade/link-changes.js';
import { inPlaces, type LinkedCollection } from '../cascade/pivot-links.js';
import type { IsRewritten } from './rewritten.js';

/** A link whose row is inserted or deleted. */
export interface MovedLink {
  readonly ends: LinkedCollection;
  readonly owner: LinkKey;
  readonly target: LinkKey;
  readonly action: 'insert' | 'delete';
  /** Where its row stands in a table that has an order, which is the row's key then. */
  readonly place: unknown;
  /** Whether the same link may have other rows. */
  readonly isDoubtful: boolean;
}

/** The places of the rows that a link has now. */
export type PlacesOf = (link: MovedLink) => ReadonlySet<string>;

/** What became of one link. */
interface Fate {
  readonly link: MovedLink;
  readonly isBefore: boolean;
  readonly isAfter: boolean;
  /** Whether it goes on by a new row, behind all others. */
  readonly isAnew: boolean;
  /** Where the first of its rows stood, and stands. */
  readonly from: unknown;
  readonly to: unknown;
}

type Moves = Map<string, MovedLink[]>;

/** Adds up what becomes of links, by owner and collection: one whose row goes and comes again is the same link. */
export class MovedLinks {
  readonly #moves = new Map<string, Moves>();

  add(link: MovedLink): void {
    const { ends, owner, target } = link;
    const place = JSON.stringify([ends.ownerTable._id, ends.collection.name, owner]);
    const ofOwner = this.#moves.get(place) ?? new Map<string, MovedLink[]>();
    this.#moves.set(place, ofOwner);
    const key = JSON.stringify(target);
    const moves = ofOwner.get(key);
    if (moves) moves.push(link);
    else ofOwner.set(key, [link]);
  }

  get isEmpty(): boolean {
    return this.#moves.size === 0;
  }

  get doubtful(): MovedLink[] {
    const links = [...this.#moves.values()].flatMap(ofOwner => [...ofOwner.values()]);
    return links.filter(moves => moves.some(move => move.isDoubtful)).map(moves => moves[0]!);
  }

  changes(placesOf: PlacesOf, isRewritten: IsRewritten): ChangedLinks[] {
    return [...this.#moves.values()].map(ofOwner => {
      const fates = [...ofOwner.values()].map(moves => fateOf(moves, placesOf));
      return changesOf(fates, isRewritten);
    });
  }
}

function fateOf(moves: readonly MovedLink[], placesOf: PlacesOf): Fate {
  const [link] = moves as readonly [MovedLink];
  const places = (action: MovedLink['action']) =>
    inPlaces(
      moves.filter(move => move.action === action).map(move => move.place),
      place => place,
    );
  const [deleted, made] = [places('delete'), places('insert')];
  const known = { link, from: deleted[0], to: made[0] };
  if (!moves.some(move => move.isDoubtful)) {
    const [isBefore, isAfter] = [deleted.length > 0, made.length > 0];
    return { ...known, isBefore, isAfter, isAnew: isBefore && isAfter };
  }
  const gone = new Set(deleted.map(String));
  const own = new Set(made.map(String));
  const now = [...placesOf(link)].filter(place => !gone.has(place));
  const isOld = now.some(place => !own.has(place));
  const [isBefore, isAfter] = [isOld || gone.size > 0, now.length > 0];
  return { ...known, isBefore, isAfter, isAnew: isBefore && isAfter && !isOld };
}

function changesOf(fates: readonly Fate[], isRewritten: IsRewritten): ChangedLinks {
  const { ends, owner } = fates[0]!.link;
  const isOrdered = ends.collection.owner && ends.collection.fixedOrder;
  const come = fates.filter(fate => fate.isAfter && (fate.isAnew || !fate.isBefore));
  const gone = fates.filter(fate => fate.isBefore && (fate.isAnew || !fate.isAfter));
  const last = isOrdered ? inPlaces(come, fate => fate.to) : come;
  const first = isOrdered ? inPlaces(gone, fate => fate.from) : gone;
  const added = targetsOf(last.filter(fate => !fate.isBefore));
  const changes = { ends, owner, removed: targetsOf(first.filter(fate => !fate.isAfter)), added };
  if (!isOrdered || come.length === 0) return changes;
  const before = targetsOf(first);
  const isTold = before.length === 0 || isRewritten(ends, owner, before);
  return { ...changes, order: { last: targetsOf(last), before: isTold ? before : undefined } };
}

function targetsOf(fates: readonly Fate[]): LinkKey[] {
  return fates.map(({ link }) => link.target);
}
