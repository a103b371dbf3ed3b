import type { QueryGuard } from './query-guard.js';
import type { WriteVerb } from './written-tables.js';

/** As much of MikroORM's builder as is needed. */
interface Builder {
  readonly type: string;
  readonly mainAlias: { readonly meta?: { readonly tableName: string; readonly schema?: string } };
  execute(...args: unknown[]): Promise<unknown>;
  clone(...args: unknown[]): Builder;
}

const VERBS: Readonly<Record<string, WriteVerb>> = {
  INSERT: 'insert',
  UPSERT: 'insert',
  UPDATE: 'update',
  DELETE: 'delete',
  TRUNCATE: 'truncate',
};

/** The builder knows what it does and to what; it is asked when it is executed, because it may become anything. */
export function guardQueryBuilder<Q>(builder: Q, guard: QueryGuard, transaction: object | undefined): Q {
  const guarded = builder as Builder;
  const execute = guarded.execute.bind(guarded);
  const clone = guarded.clone.bind(guarded);
  const own = { writable: true, configurable: true };
  Object.defineProperty(guarded, 'execute', {
    ...own,
    value: async (...args: unknown[]) => {
      await check(guarded, guard, transaction);
      return execute(...args);
    },
  });
  Object.defineProperty(guarded, 'clone', {
    ...own,
    value: (...args: unknown[]) => guardQueryBuilder(clone(...args), guard, transaction),
  });
  return builder;
}

async function check(builder: Builder, guard: QueryGuard, transaction: object | undefined): Promise<void> {
  const verb = VERBS[builder.type];
  const meta = verb && builder.mainAlias.meta;
  if (!meta) return;
  const schema = meta.schema === '*' ? undefined : meta.schema;
  await guard.onTable({ verb, table: meta.tableName, schema }, 'QueryBuilder', transaction);
}
