import { type Dictionary, type EntityMetadata, type EntityProperty, Utils } from '@mikro-orm/core';
import type { Attribution } from '../context/attribution-value.js';
import { buildDrafts } from '../delta/build-drafts.js';
import type { Change } from '../capture/change.js';
import type { CollectionWrites } from '../collections/collection-writes.js';
import type { TrackedEntities } from '../tracking/tracked-entities.js';
import type { TriggerSettings } from '../triggers/trigger-settings.js';
import type { Recorder } from '../write/recorder.js';
import { captureDelete, handleDelete } from './capture-delete.js';
import { captureClone, captureInsert } from './capture-insert.js';
import { captureUpdate } from './capture-update.js';
import { captureUpsert } from './capture-upsert.js';
import { loadedEntities } from './loaded-entities.js';
import { type Dependants, type DriverRun, NATIVE_CALL, type NativeCall, type NativeRun } from './native-call.js';
import { collectionsIn, NativeLinks } from './native-links.js';
import { inOwnTransaction, opensTransaction } from './own-transaction.js';
import type { NativeOptions, NativeResult, SqlDriver, TransactionContext } from './sql-driver.js';

/** The driver's methods that native calls end in, with the places of their arguments. */
const METHODS = {
  nativeInsert: { data: 1, options: 2 },
  nativeInsertMany: { data: 1, options: 2 },
  nativeUpdate: { where: 1, data: 2, options: 3 },
  nativeUpdateMany: { where: 1, data: 2, options: 3 },
  nativeDelete: { where: 1, options: 2 },
  nativeClone: { where: 1, data: 2, options: 3 },
} as const satisfies Record<string, Places>;

interface Places {
  readonly where?: number;
  readonly data?: number;
  readonly options: number;
}

type Method = keyof typeof METHODS;
type NativeFunction = (...args: unknown[]) => Promise<NativeResult>;
type MarkedOptions = NativeOptions & { [NATIVE_CALL]?: NativeCall };

/** What captured native calls need of the ORM's one extension. */
export interface NativeCapture {
  readonly entities: TrackedEntities;
  readonly recorder: Recorder;
  readonly dependants: Dependants;
  readonly collections: CollectionWrites;
  readonly triggers: TriggerSettings;
}

/** Lets the driver read rows before and after those of its calls that carry the mark. The others pass as they are. */
export function captureNative(driver: SqlDriver, capture: NativeCapture): void {
  const methods = driver as unknown as Record<Method, NativeFunction>;
  for (const [method, places] of Object.entries(METHODS) as [Method, Places][]) {
    const original = methods[method].bind(driver);
    methods[method] = (...args) => {
      const marked = args[places.options] as MarkedOptions | undefined;
      const call = marked?.[NATIVE_CALL];
      if (!call) return original(...args);
      const { [NATIVE_CALL]: _, ...options } = marked;
      const meta = driver.getMetadata().get(args[0] as never);
      const data = places.data === undefined ? [] : Utils.asArray(args[places.data] as Dictionary);
      const linked = collectionsIn(meta, data);
      const perform = async (ctx: TransactionContext | undefined) => {
        const run = runOf({ driver, capture, call, meta, original, args, places, options: { ...options, ctx } });
        if (!call.attribution) return handleDelete(run, args[METHODS.nativeDelete.where]);
        const links = new NativeLinks();
        const recorded = recordedRun(run, { attribution: call.attribution, linked, links }, capture);
        const done = dispatch(recorded, method, places, args).then(async result => {
          await recorded.recordAlong(links.rest());
          return result;
        });
        return done.catch((error: unknown) => {
          if (run.hasWritten) capture.recorder.logs.of(ctx)?.interrupt(error);
          throw error;
        });
      };
      const isAlone = !options.ctx && opensTransaction(call.em);
      return isAlone ? inOwnTransaction(call.em, perform) : perform(options.ctx);
    };
  }
}

interface Parts {
  readonly driver: SqlDriver;
  readonly capture: NativeCapture;
  readonly call: NativeCall;
  readonly meta: EntityMetadata;
  readonly original: NativeFunction;
  readonly args: readonly unknown[];
  readonly places: Places;
  readonly options: NativeOptions;
}

function runOf({ driver, capture, call, meta, original, args, places, options }: Parts): DriverRun {
  const { entities, dependants } = capture;
  return {
    driver,
    entities,
    dependants,
    call,
    meta,
    options,
    ctx: options.ctx,
    hasWritten: false,
    async proceed(instead) {
      const passed = [...args];
      passed[places.options] = { ...options, ...(instead?.where === undefined ? {} : { unionWhere: undefined }) };
      if (instead?.where !== undefined) passed[places.where!] = instead.where;
      if (instead?.data !== undefined) passed[places.data!] = instead.data;
      const result = await original(...passed);
      this.hasWritten = true;
      return result;
    },
  };
}

interface Recording {
  readonly attribution: Attribution;
  /** Collections among the call's data. */
  readonly linked: readonly EntityProperty[];
  readonly links: NativeLinks;
}

function recordedRun(run: DriverRun, { attribution, linked, links }: Recording, capture: NativeCapture): NativeRun {
  const { recorder, collections } = capture;
  const { call, ctx, options } = run;
  const write = { em: call.em, ctx, attribution, schema: options.schema };
  const recordAlong = async (changes: readonly Change[]) => {
    const log = recorder.logs.of(ctx);
    if (!log || changes.length === 0) return;
    for (const entity of loadedEntities(run, changes)) recorder.logs.outdated(entity);
    await recorder.add(log, buildDrafts(changes));
  };
  return {
    ...run,
    attribution,
    recordAlong,
    proceed: async instead => {
      if (linked.length === 0) return run.proceed(instead);
      const done = await collections.aroundCall({ ...write, props: linked }, () => run.proceed(instead));
      for (const change of done.changes) links.keep(change);
      return done.result;
    },
    record: async changes => {
      const implied = await collections.impliedLinks(write, changes);
      await recordAlong([...changes.map(change => links.joined(change)), ...implied]);
    },
  };
}

async function dispatch(
  run: NativeRun,
  method: Method,
  places: Places,
  args: readonly unknown[],
): Promise<NativeResult> {
  const where = places.where === undefined ? undefined : args[places.where];
  const data = places.data === undefined ? undefined : args[places.data];
  switch (method) {
    case 'nativeInsert':
    case 'nativeInsertMany':
      return captureInsert(run, Utils.asArray(data as Dictionary));
    case 'nativeUpdate':
      return run.options.upsert
        ? captureUpsert(run, where, [data as Dictionary])
        : captureUpdate(run, where, data as Dictionary);
    case 'nativeUpdateMany':
      return captureUpsert(run, (where as unknown[])[0], data as Dictionary[]);
    case 'nativeDelete':
      return captureDelete(run, where);
    case 'nativeClone':
      return captureClone(run);
  }
}
