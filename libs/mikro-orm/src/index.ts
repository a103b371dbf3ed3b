export type { BaselineOptions, BaselineProgress, BaselineResult } from './baseline/baseline.js';
export { OnDelete } from './cascade/on-delete.decorator.js';
export {
  DeleteRuleConflictError,
  UnusableDeleteHandlerError,
  UnusableSetValueError,
} from './cascade/on-delete.errors.js';
export { CASCADE, type OnDeleteHandler, SET, SET_DEFAULT, SET_NULL, type SetValue } from './cascade/on-delete.js';
export type { Actor } from './context/actor.js';
export { ActorRef, SystemActor } from './context/actor.js';
export { type CapturedContext, captureContext, type Cause, runWithCaptured } from './captured-context.js';
export { UnusableCapturedContextError } from './context/context.errors.js';
export type { RevisionSource, RevisionValues } from './context/frame-values.js';
export { RevisionContext } from './context/revision-context.js';
export type { AttributeAction, ObjectAction } from './model/action.js';
export { AttributeDelta } from './model/attribute-delta.entity.js';
export type { Json, JsonRecord } from './model/json.js';
export type { SwappedEntities } from './model/history-classes.js';
export type { HookContext, ObjectDeltaHook, RevisionHook } from './model/row-hook.js';
export { ObjectDelta, type StoredAttribution } from './model/object-delta.entity.js';
export type { Activity, ActivityOptions, ActivityStep } from './history/activity.js';
export type { AttributeName } from './history/attribute-name.js';
export type {
  AttributeFilter,
  ChangedFilter,
  ChangeFilter,
  DeltaFilter,
  HistoryFilter,
  LinkFilter,
  ObjectDeltaFilter,
  ObjectFilter,
  PageOptions,
  RevisionFilter,
  TextFilter,
  ValueFilter,
  ValueOperators,
} from './history/filter/history-filter.js';
export {
  DifferentClassesError,
  MaskedValueError,
  UnusableCursorError,
  UnusableFilterError,
} from './history/history.errors.js';
export type { Page } from './history/page.js';
export type { ObjectPoint, Point } from './history/point.js';
export { Revision } from './model/revision.entity.js';
export {
  ContextOutsideFrameError,
  DuplicateTypeError,
  EmptyActorNameError,
  HistoryWriteError,
  NoTransactionError,
  OutsideContextError,
  RevyError,
  RevyNotInstalledError,
  RevyOptionError,
  UnknownAttributeError,
  UnknownCommitError,
  UnloadedRevisionError,
  UnserialisableMetadataError,
  UnserialisableValueError,
  UntrackedEntityError,
  UnusableActorError,
  UnusableKeyError,
  UnusableRevisionError,
} from './revy.errors.js';
export {
  PointBeforeHistoryError,
  UnknownRevisionError,
  UnknownVersionError,
  UnusablePointError,
} from './history/point.errors.js';
export {
  AsOfBeforeHistoryError,
  AsOfEndedError,
  AsOfSchemaError,
  AsOfStatementError,
  AsOfUntrackedError,
  AsOfVersionError,
  AsOfWriteError,
} from './as-of/as-of.errors.js';
export type { AsOfOptions } from './as-of/as-of.js';
export { InterruptedWriteError, MaskFunctionError } from './write/write.errors.js';
export type { MaskFunction } from './model/mask.js';
export { UnknownKeyError } from './capture/capture.errors.js';
export { UnsafeBypassError } from './bypass/bypass.errors.js';
export { RowHookError } from './write/row-hook.errors.js';
export { revy, type RevyExtension } from './revy.extension.js';
export { isTracked } from './runtime.js';
export { type TrackedType, trackedTypes } from './tracked-types.js';
export type { BypassOptions, ContextRequirement, NativeBypass, QueryBypass, RevyOptions } from './revy.options.js';
export { Tracked, type TrackingDecorator, Untracked } from './tracking/tracked.decorator.js';
export { ContextRequiredError, FormerNameError, UnusableTypeError } from './tracking/tracking.errors.js';
export { UntriggerableError } from './triggers/triggers.errors.js';
export type { PropertyTrackingOptions, TrackingOptions } from './tracking/tracking-options.js';
export type { RevisionChanges } from './history/revision-changes.js';
export type { RelatedOptions } from './related/find-related.js';
export { HistoryService } from './history.service.js';
export type { UnknownReason } from './snapshot/known-state.js';
export type { ObjectCondition } from './snapshot/object-condition.js';
export {
  UnknownRelationError,
  UnreadableRelationError,
  UnsupportedConditionError,
} from './snapshot/snapshot.errors.js';
export type { Snapshot } from './snapshot/snapshot.js';
export { type SnapshotOptions, SnapshotService } from './snapshot/snapshot.service.js';
export type { ConflictChoice, OnConflict } from './revert/resolve.js';
export { NothingToRevertError, RevertConflictError, SeveralSchemasError } from './revert/revert.errors.js';
export {
  type ConflictReason,
  type PlannedObject,
  type PlannedValue,
  type RevertConflict,
  RevertPlan,
  type RevisionInTheWay,
} from './revert/revert-plan.js';
export type { RevertOptions } from './revert/revert.js';
export type { RevisionRef } from './revert/named-revisions.js';
export {
  type RevertRevisionOptions,
  RevertService,
  type ToVersionOptions,
  type UndeleteOptions,
} from './revert/revert.service.js';
export type { AttributeBlame, Blame } from './versions/blame.js';
export type { AttributeDiff, CollectionDiff, Diff, DiffOptions, ObjectAtPoint, ValueDiff } from './versions/diff.js';
export type { VersionOptions } from './versions/object-versions.js';
export type { Version } from './versions/version.js';
