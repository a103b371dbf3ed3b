import type { QueryGuard, Told } from './query-guard.js';
import type { WriteVerb } from './written-tables.js';

/** A node of Kysely's tree; kysely is no dependency of ours, so this is as much of its types as is needed. */
interface Node {
  readonly kind: string;
  readonly [part: string]: unknown;
}

interface Kysely {
  withPlugin(plugin: object): Kysely;
}

const VERBS: Readonly<Record<string, readonly [WriteVerb, part: string]>> = {
  InsertQueryNode: ['insert', 'into'],
  UpdateQueryNode: ['update', 'table'],
  DeleteQueryNode: ['delete', 'from'],
  MergeQueryNode: ['merge', 'into'],
};

const BY = 'em.getKysely()';

/** Kysely asks its plugins before it compiles a query, with the query as a tree. */
export function guardKysely<K>(kysely: K, guard: QueryGuard, transaction: object | undefined): K {
  const plugin = {
    transformQuery({ node }: { node: Node }): Node {
      check(node, guard, transaction);
      return node;
    },
    transformResult: async ({ result }: { result: unknown }) => result,
  };
  return (kysely as unknown as Kysely).withPlugin(plugin) as K;
}

function check(node: Node, guard: QueryGuard, transaction: object | undefined): void {
  if (node.kind === 'RawNode') sent(guard.onSql((node['sqlFragments'] as string[]).join(' ? '), BY, transaction));
  const [verb, part] = VERBS[node.kind] ?? [];
  if (verb) {
    for (const { schema, table } of tablesIn(node[part!]))
      sent(guard.onTable({ verb, schema, table }, BY, transaction));
  }
  const { expressions = [] } = (node['with'] ?? {}) as { expressions?: readonly { expression: Node }[] };
  for (const { expression } of expressions) check(expression, guard, transaction);
}

/** A plugin cannot wait. Where it failed, the transaction has failed, and the query says so. */
function sent(told: Told): void {
  told?.catch(() => undefined);
}

/** A table stands alone, with an alias, or in a list. */
function tablesIn(part: unknown): { schema: string | undefined; table: string }[] {
  if (Array.isArray(part)) return part.flatMap(tablesIn);
  const node = part as Node | undefined;
  switch (node?.kind) {
    case 'FromNode':
      return tablesIn(node['froms']);
    case 'AliasNode':
      return tablesIn(node['node']);
    case 'ListNode':
      return tablesIn(node['items']);
    case 'TableNode': {
      const { schema, identifier } = node['table'] as { schema?: { name: string }; identifier: { name: string } };
      return [{ schema: schema?.name, table: identifier.name }];
    }
    default:
      return [];
  }
}
