import * as browser from '@revy/browser';
import * as core from '@revy/mikro-orm';
import * as nest from '@revy/nestjs';
import ts from 'typescript';
import { type SourceFile, lineOf, sourceFiles } from './source-tree.js';

// The public API, by name. A name added here is a promise; a name taken away is a breaking change for the changelog.
const API = [
  {
    name: '@revy/mikro-orm',
    index: 'libs/mikro-orm/src/index.ts',
    module: core as object,
    values: [
      'ActorRef',
      'AsOfBeforeHistoryError',
      'AsOfEndedError',
      'AsOfSchemaError',
      'AsOfStatementError',
      'AsOfUntrackedError',
      'AsOfVersionError',
      'AsOfWriteError',
      'AttributeDelta',
      'CASCADE',
      'ContextOutsideFrameError',
      'ContextRequiredError',
      'DeleteRuleConflictError',
      'DifferentClassesError',
      'DuplicateTypeError',
      'EmptyActorNameError',
      'FormerNameError',
      'HistoryService',
      'HistoryWriteError',
      'InterruptedWriteError',
      'MaskFunctionError',
      'MaskedValueError',
      'NoTransactionError',
      'NothingToRevertError',
      'ObjectDelta',
      'OnDelete',
      'OutsideContextError',
      'PointBeforeHistoryError',
      'RevertConflictError',
      'RevertPlan',
      'RevertService',
      'Revision',
      'RevisionContext',
      'RevyError',
      'RevyNotInstalledError',
      'RevyOptionError',
      'RowHookError',
      'SET',
      'SET_DEFAULT',
      'SET_NULL',
      'SeveralSchemasError',
      'SnapshotService',
      'SystemActor',
      'Tracked',
      'UnknownAttributeError',
      'UnknownCommitError',
      'UnknownKeyError',
      'UnknownRelationError',
      'UnknownRevisionError',
      'UnknownVersionError',
      'UnloadedRevisionError',
      'UnreadableRelationError',
      'UnsafeBypassError',
      'UnserialisableMetadataError',
      'UnserialisableValueError',
      'UnsupportedConditionError',
      'Untracked',
      'UntrackedEntityError',
      'UnusableActorError',
      'UnusableCapturedContextError',
      'UnusableCursorError',
      'UnusableDeleteHandlerError',
      'UnusableFilterError',
      'UnusableKeyError',
      'UnusablePointError',
      'UnusableRevisionError',
      'UnusableSetValueError',
      'UnusableTypeError',
      'captureContext',
      'isTracked',
      'revy',
      'runWithCaptured',
      'trackedTypes',
    ],
    types: [
      'Actor',
      'AsOfOptions',
      'AttributeAction',
      'AttributeBlame',
      'AttributeDiff',
      'AttributeFilter',
      'AttributeName',
      'BaselineOptions',
      'BaselineProgress',
      'BaselineResult',
      'Blame',
      'BypassOptions',
      'CapturedContext',
      'Cause',
      'ChangeFilter',
      'ChangedFilter',
      'CollectionDiff',
      'ConflictChoice',
      'ConflictReason',
      'ContextRequirement',
      'DeltaFilter',
      'Diff',
      'DiffOptions',
      'HistoryFilter',
      'HookContext',
      'Json',
      'JsonRecord',
      'LinkFilter',
      'MaskFunction',
      'NativeBypass',
      'ObjectAction',
      'ObjectAtPoint',
      'ObjectCondition',
      'ObjectDeltaFilter',
      'ObjectDeltaHook',
      'ObjectFilter',
      'ObjectPoint',
      'OnConflict',
      'OnDeleteHandler',
      'Page',
      'PageOptions',
      'PlannedObject',
      'PlannedValue',
      'Point',
      'PropertyTrackingOptions',
      'QueryBypass',
      'RelatedOptions',
      'RevertConflict',
      'RevertOptions',
      'RevisionChanges',
      'RevisionFilter',
      'RevisionInTheWay',
      'RevisionRef',
      'RevisionHook',
      'RevisionSource',
      'RevisionValues',
      'RevyExtension',
      'RevyOptions',
      'SetValue',
      'Snapshot',
      'SnapshotOptions',
      'StoredAttribution',
      'SwappedEntities',
      'TextFilter',
      'ToVersionOptions',
      'TrackedType',
      'TrackingDecorator',
      'TrackingOptions',
      'UndeleteOptions',
      'UnknownReason',
      'ValueDiff',
      'ValueFilter',
      'ValueOperators',
      'Version',
      'VersionOptions',
    ],
  },
  {
    name: '@revy/nestjs',
    index: 'libs/nestjs/src/index.ts',
    module: nest as object,
    values: [
      'AlreadyTrackedError',
      'InjectRevy',
      'MikroOrmMissingError',
      'MisplacedRevisionActorError',
      'RevisionActor',
      'RevisionDescription',
      'RevisionMetadata',
      'RevyHealthIndicator',
      'RevyModule',
      'UnreachableResolverError',
      'WithRevisionContext',
      'WithoutRevision',
      'getRevyToken',
    ],
    types: [
      'ActorResolver',
      'DescriptionResolver',
      'MetadataResolver',
      'RevisionResolver',
      'RevyHealth',
      'RevyModuleAsyncOptions',
      'RevyModuleOptions',
      'RevyModuleOptionsFactory',
      'ValueOfCall',
      'WithRevisionContextOptions',
    ],
  },
  {
    name: '@revy/browser',
    index: 'libs/browser/src/index.ts',
    module: browser as object,
    values: [
      'BrowserClosedError',
      'BrowserOrmMissingError',
      'BrowserRefusedError',
      'NotInHistoryError',
      'RevyBrowserModule',
    ],
    types: ['BrowserPermission', 'RevyBrowserOptions'],
  },
];

describe.each(API)('$name', ({ index, module, values, types }) => {
  const [file] = sourceFiles(index.replace('/index.ts', '')).filter(source => source.path === index);

  it('exports these values', () => {
    expect(Object.keys(module).toSorted()).toEqual(values.toSorted());
  });

  it('exports these types', () => {
    expect(exportedTypes(file!).toSorted()).toEqual(types.toSorted());
  });

  it('names each export in index.ts, and does nothing else there', () => {
    const others = file!.syntax.statements.filter(statement => namesIn(statement) === undefined);
    expect(others.map(other => `${index}:${lineOf(file!.syntax, other.getStart())} ${other.getText()}`)).toEqual([]);
  });
});

function exportedTypes({ syntax }: SourceFile): string[] {
  return syntax.statements
    .flatMap(statement => namesIn(statement) ?? [])
    .filter(name => name.isType)
    .map(name => name.name);
}

/** The names of `export { a, type B } from '…'`; undefined for every other statement. */
function namesIn(statement: ts.Statement): { name: string; isType: boolean }[] | undefined {
  if (!ts.isExportDeclaration(statement) || !statement.exportClause) return undefined;
  if (!ts.isNamedExports(statement.exportClause)) return undefined;
  return statement.exportClause.elements.map(element => ({
    name: element.name.text,
    isType: statement.isTypeOnly || element.isTypeOnly,
  }));
}
