import { splitSchema } from './stored-type.js';
import type { HistoryLabels } from './labels.js';
import { steady, type ValueRenderer, type ValueRenderers } from './renderers.js';

/** What the history stores of who did something. */
export interface WhoDidIt {
  readonly actorType: string | null;
  readonly actorId: string | null;
}

/** An entity by what the history stores of it. */
export interface EntityRef {
  readonly type: string;
  readonly id: string;
}

/** What things are called on one page, and how their values are shown. */
export class Words {
  /** @param names of entities, by type and key */
  constructor(
    private readonly labels: HistoryLabels,
    private readonly renderers: ValueRenderers,
    private readonly names: ReadonlyMap<string, string> = new Map(),
  ) {}

  type(objectType: string): string {
    const [type, schema] = splitSchema(objectType);
    const label = own(this.labels, type)?.label;
    return label === undefined ? objectType : `${label}${schema === undefined ? '' : ` (${schema})`}`;
  }

  attribute(objectType: string, name: string): string {
    const [type] = splitSchema(objectType);
    return own(own(this.labels, type)?.attributes, name) ?? name;
  }

  actor(who: WhoDidIt): string {
    if (who.actorType === null) return 'the system';
    return this.names.get(`${who.actorType} ${who.actorId}`) ?? `${this.type(who.actorType)} ${who.actorId}`;
  }

  object(objectType: string, objectId: string): string {
    return this.names.get(`${objectType} ${objectId}`) ?? objectId;
  }

  renderer(objectType: string, attribute: string): ValueRenderer | undefined {
    const [type] = splitSchema(objectType);
    const render = own(own(this.renderers, type), attribute);
    return render && steady(render, `${type}.${attribute}`);
  }
}

/** An actor as an address names it: `User:1`, `system:importer`, or `system`. */
export function actorText({ actorType, actorId }: WhoDidIt): string {
  return actorType === null ? 'system' : `${actorType}:${actorId}`;
}

/** Types and attributes are called as the application likes, `constructor` as well. */
function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
