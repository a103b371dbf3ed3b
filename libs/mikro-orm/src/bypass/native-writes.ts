import { type EntityManager, type EntityMetadata, helper, type MikroORM, Utils } from '@mikro-orm/core';
import { adoptNewEntity, clearAttribution } from '../capture/attribution.js';
import { currentFrame } from '../context/frame-store.js';
import { unresolved } from '../context/frame-values.js';
import { isHistoryClass } from '../model/history-classes.js';
import { NoTransactionError } from '../revy.errors.js';
import { refuseOutsideContext, refuseUnexplained } from '../tracking/required-context.js';
import { isTriggered } from '../triggers/triggered-table.js';
import { captureNative, type NativeCapture } from './capture-native.js';
import { NATIVE_CALL, type NativeCall, type NativeMethod } from './native-call.js';
import { inOwnTransaction, opensTransaction } from './own-transaction.js';
import type { QueryGuard } from './query-guard.js';
import { classesOf } from './row-images.js';
import type { NativeOptions, SqlDriver, TransactionContext } from './sql-driver.js';

/** Options of a native call, as the user gave them or on their way through the ORM. */
type CallOptions = Pick<NativeOptions, 'ctx'> & { readonly batchSize?: number; readonly [NATIVE_CALL]?: NativeCall };

/** A native call before it is made. */
export interface NativeRequest {
  readonly em: EntityManager;
  readonly method: NativeMethod;
  /** A class, an entity, or an array of entities. */
  readonly target: unknown;
  /** Entities or data. */
  readonly data?: unknown;
  readonly options: object | undefined;
}

/** Decides what happens to the entity manager's native writes: recorded, noticed, refused or left alone. */
export class NativeWrites {
  readonly #driver: SqlDriver;

  constructor(
    orm: MikroORM,
    private readonly capture: NativeCapture,
    private readonly guard: QueryGuard,
  ) {
    this.#driver = orm.driver as unknown as SqlDriver;
    captureNative(this.#driver, capture);
  }

  /** Makes the call, with the options that it has to be made with. */
  async run<Result>(request: NativeRequest, proceed: (options: never) => Promise<Result>): Promise<Result> {
    const options = (request.options ?? {}) as CallOptions;
    const meta = options[NATIVE_CALL] ? undefined : this.#metaOf(request);
    if (!meta) return proceed(options as never);
    const recorded = isUnrecorded(this.capture) ? undefined : this.#recordedBy(request, meta);
    if (recorded !== undefined && this.capture.entities.options.bypass.native === 'capture') {
      return this.#captured(request, recorded, options, proceed);
    }
    if (recorded !== undefined) this.guard.onNative(request, recorded);
    const isHandled = request.method === 'nativeDelete' && this.capture.dependants.isHandled(meta);
    if (!isHandled) return this.#leftAlone(request, meta, options, proceed);
    const call: NativeCall = { em: request.em.getContext(false), method: request.method, attribution: undefined };
    return proceed({ ...options, [NATIVE_CALL]: call } as never);
  }

  /** What is not to be recorded is in a transaction in which the triggers know it. */
  async #leftAlone<Result>(
    { em }: NativeRequest,
    meta: EntityMetadata,
    options: CallOptions,
    proceed: (options: never) => Promise<Result>,
  ): Promise<Result> {
    const { triggers, entities } = this.capture;
    const tracked = entities.find(meta.class);
    if (!tracked || !isTriggered(tracked) || !isUnrecorded(this.capture)) return proceed(options as never);
    const ctx = options.ctx ?? em.getContext(false).getTransactionContext();
    if (!ctx) return inOwnTransaction(em.getContext(false), inside => proceed({ ...options, ctx: inside } as never));
    await triggers.tellIfDisabled(ctx);
    return proceed(options as never);
  }

  #metaOf({ em, method, target }: NativeRequest): EntityMetadata | undefined {
    const entityClass = classOf(target);
    if (isHistoryClass(entityClass)) this.guard.onHistory(`em.${method}()`, nameOf(entityClass));
    return entityClass === undefined ? undefined : em.getMetadata().find(entityClass as never);
  }

  /** The name of the class that is to be recorded, or that others depend on which are. */
  #recordedBy(request: NativeRequest, meta: EntityMetadata): string | undefined {
    const { dependants, entities } = this.capture;
    const tracked = classesOf({ driver: this.#driver, entities }, meta).find(candidate => candidate.isTracked);
    if (tracked) return tracked.meta.className;
    const isFollowed =
      request.method === 'nativeDelete'
        ? dependants.takesAlong(meta)
        : dependants.followsKeys(meta, changedProperties(request, meta));
    return isFollowed ? meta.className : undefined;
  }

  /**
   * What the ORM keeps of a native call in memory is wrong once the transaction is rolled back. MikroORM 7.2 does not
   * even get it right after an upsert: null becomes 0 for a double, and the text `null` for a decimal.
   */
  #remember(method: NativeMethod, results: readonly unknown[], ctx: TransactionContext | undefined): void {
    const { logs } = this.capture.recorder;
    for (const entity of results.filter(result => Utils.isEntity(result)) as object[]) {
      if (method.startsWith('upsert')) logs.outdated(entity);
      else logs.wrote(entity, ctx);
    }
  }

  async #captured<Result>(
    request: NativeRequest,
    tracked: string,
    options: CallOptions,
    proceed: (options: never) => Promise<Result>,
  ): Promise<Result> {
    const { method } = request;
    const em = request.em.getContext(false);
    const frame = currentFrame();
    const ctx = (options.ctx ?? em.getTransactionContext()) as TransactionContext | undefined;
    refuseOutsideContext(this.capture.entities.options, tracked);
    refuseUnexplained(this.capture.entities.options, tracked);
    const isRecordable = ctx ? this.capture.recorder.logs.of(ctx) : opensTransaction(em);
    if (!isRecordable) throw new NoTransactionError(tracked);
    const call: NativeCall = { em, method, attribution: (frame?.values ?? unresolved).attribution };
    const marked = (inside?: TransactionContext) => ({
      ...options,
      ...(inside ? { ctx: inside } : {}),
      [NATIVE_CALL]: call,
    });
    const written = writtenEntities(request, em);
    const needsOne = !ctx && (isBatched(request, options, em) || em.getTransactionSessionContext() !== undefined);
    const result = needsOne
      ? await inOwnTransaction(em, inside => proceed(marked(inside) as never))
      : await proceed(marked() as never);
    written.forEach(entity => adoptWritten(entity));
    this.#remember(method, [written, result].flat(), ctx);
    return result;
  }
}

/** Properties that the call may change in rows which are there already. */
function changedProperties({ method, target, data }: NativeRequest, meta: EntityMetadata): string[] {
  if (method !== 'nativeUpdate' && method !== 'upsert' && method !== 'upsertMany') return [];
  const rows = [data ?? target].flat() as object[];
  return rows.some(row => Utils.isEntity(row)) ? meta.props.map(prop => prop.name) : rows.flatMap(Object.keys);
}

function isUnrecorded({ entities }: NativeCapture): boolean {
  const frame = currentFrame();
  return frame ? frame.isDisabled : entities.options.outsideContext === 'ignore';
}

function classOf(target: unknown): unknown {
  const one: unknown = Array.isArray(target) ? target[0] : target;
  return Utils.isEntity(one) ? helper(one).__meta.class : one;
}

function nameOf(entityClass: unknown): string {
  return (entityClass as { name: string }).name;
}

/** The ORM makes several calls of the driver out of one; they belong into one transaction and one revision. */
function isBatched({ target, data }: NativeRequest, { batchSize }: CallOptions, em: EntityManager): boolean {
  const rows = Array.isArray(target) ? target : data;
  return Array.isArray(rows) && rows.length > (batchSize ?? em.config.get('batchSize'));
}

/** Entities that the call itself writes. With `upsertManaged: false` a managed one is left to the next flush. */
function writtenEntities({ method, target, data }: NativeRequest, em: EntityManager): object[] {
  if (method === 'nativeUpdate') return [];
  const isLeft = (entity: object) =>
    method.startsWith('upsert') &&
    em.config.get('upsertManaged') === false &&
    helper(entity).__managed &&
    helper(entity).__em === em;
  return [target, data].flat().filter(item => Utils.isEntity(item) && !isLeft(item)) as object[];
}

/** Who set what before the call has been recorded as whoever made the call. */
function adoptWritten(entity: object): void {
  clearAttribution(entity);
  adoptNewEntity(entity);
}
