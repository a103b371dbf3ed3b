import { currentFrame } from '../context/frame-store.js';
import type { ResolvedValues } from '../context/frame-values.js';
import { type Client, execute, unnamed, withConnection } from '../database/statement.js';
import { storedActor } from '../tracking/stored-actor.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import { SETTINGS } from './history.sql.js';
import { isTriggered } from './triggered-table.js';

const SET = unnamed('select set_config($1, $2, true)');

/** Tells the triggers in which context a transaction writes what only they record. */
export class TriggerSettings {
  #known = 0;
  #isUsed = false;

  constructor(private readonly entities: TrackedEntities) {}

  /** Whether any class asks for triggers. */
  get isUsed(): boolean {
    const { all } = this.entities;
    if (this.#known !== all.length) {
      this.#known = all.length;
      this.#isUsed = all.some(isTriggered);
    }
    return this.#isUsed;
  }

  /** Whether the frame at hand says anything that a statement outside a transaction could not take along. */
  get isMissed(): boolean {
    return this.#isOff || contextText(currentFrame()?.values, this.entities) !== '';
  }

  /** Before a statement that the unit of work knows nothing of: one statement more. */
  async tell(transaction: object): Promise<void> {
    if (this.#isOff) return this.#set(transaction, 'tracking', 'off');
    return this.#set(transaction, 'context', contextText(currentFrame()?.values, this.entities));
  }

  /** Before the unit of work writes: what it does not record, the triggers leave alone as well. */
  async tellIfDisabled(transaction: object): Promise<void> {
    if (this.isUsed && this.#isOff) await this.#set(transaction, 'tracking', 'off');
  }

  get #isOff(): boolean {
    const frame = currentFrame();
    return frame ? frame.isDisabled : this.entities.options.outsideContext === 'ignore';
  }

  async #set(transaction: object, name: keyof typeof SETTINGS, value: string): Promise<void> {
    const parameters = [SETTINGS[name], value];
    await withConnection(transaction as Client, connection => execute(connection, SET, parameters));
  }
}

function contextText(values: ResolvedValues | undefined, entities: TrackedEntities): string {
  if (!values) return '';
  const { actorType, actorId } = storedActor(values.actor, entities);
  const { revisionDescription, objectDeltaDescription, metadata } = values;
  const said = {
    ...(actorType !== null && { actor_type: actorType, actor_id: actorId }),
    ...(revisionDescription && { description: revisionDescription }),
    ...(objectDeltaDescription && { object_description: objectDeltaDescription }),
    ...(metadata && Object.keys(metadata).length > 0 && { metadata }),
  };
  return Object.keys(said).length > 0 ? JSON.stringify(said) : '';
}
