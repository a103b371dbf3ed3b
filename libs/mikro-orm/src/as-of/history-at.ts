/** Where a point lies. */
export interface PointBounds {
  /** Id of the last revision up to the point. */
  readonly cut: string;
  /** Revisions up to there that were recorded after the point all the same. */
  readonly early: readonly string[];
  /** Revisions behind it that were recorded before the point. */
  readonly late: readonly string[];
  /** A delta id near the point: where to begin to look, because deltas of transactions that ran at once may be mixed. */
  readonly nearby: string;
}

/** SQL that is written once and holds for every point: it has signs where it depends on the point. */
export interface PastTemplate {
  /** The table of object deltas, for SQL text. */
  readonly delta: string;
  /** True of what came up to the point, by the id of its revision. */
  upTo(revision: string): string;
  /** True of what came after the point. */
  after(revision: string): string;
  readonly nearby: string;
  /** How many deltas there are between two full states, at most as a rule. */
  readonly tail: number;
}

export function pastTemplate(delta: string, tail: number): PastTemplate {
  return {
    delta,
    tail,
    upTo: revision => `\u0001upTo ${revision}\u0002`,
    after: revision => `\u0001after ${revision}\u0002`,
    nearby: '\u0001nearby \u0002',
  };
}

// eslint-disable-next-line no-control-regex -- signs that no SQL has
const SIGN = /\u0001(\w+) ([^\u0002]*)\u0002/g;

/** The SQL of a template at one point. */
export function atBounds(template: string, { cut, early, late, nearby }: PointBounds): string {
  const isPlain = early.length + late.length === 0;
  return template.replace(SIGN, (_, sign: string, revision: string) => {
    if (sign === 'nearby') return nearby;
    const isUpTo = sign === 'upTo';
    const plain = `${revision} ${isUpTo ? '<=' : '>'} ${cut}`;
    if (isPlain) return plain;
    const [without, also] = isUpTo ? [early, late] : [late, early];
    return `(${plain} and ${revision} <> all(${bigints(without)}) or ${revision} = any(${bigints(also)}))`;
  });
}

function bigints(ids: readonly string[]): string {
  return `'{${ids.join(',')}}'::bigint[]`;
}
