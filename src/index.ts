/** The exports of the package, and nothing else. */

export type { Outcome } from './api/all-sessions.js';
export { BrowserState } from './api/browser-state.js';
export type { BrowserStateOptions, GcsStorageOptions, MountOptions, S3StorageOptions, SyncOptions } from './api/browser-state-options.js';
export type { FileMetadata } from './api/file-metadata.js';
export type { ProgressEvent } from './api/file-progress.js';
export type { TransferOptions } from './api/locations.js';
export { openStore } from './api/open.js';
export type {
  ChangeOptions,
  GcOptions,
  LogOptions,
  OpenOptions,
  PullAllOptions,
  SaveOptions,
  SessionsOptions,
  StatusOptions,
} from './api/options.js';
export type { Session } from './api/session.js';
export type { GcResult, Initialized, InitResult, SessionInfo, Store } from './api/store.js';
export { SyncManager } from './api/sync-manager.js';
export type { SaveResult, SyncResult } from './api/transfers.js';
export { BrowserStateError, type ErrorCode, type ErrorDetails, isError, type Json } from './base/errors.js';
export type { Host } from './base/host.js';
export type { OnProgress, Progress } from './base/progress.js';
export type { Compression } from './format/codecs.js';
export type { TreeDiff } from './format/diff.js';
export type { ObjectId } from './format/object-id.js';
export type { RefEvent } from './format/ref.js';
export type { LegacySession } from './legacy/list.js';
export type { MigrateOptions, MigrateResult } from './legacy/migrate.js';
export type { MountCommit } from './mount/commit.js';
export type { Mount, Unmounted } from './mount/mount.js';
export type { RecoverAction, RecoverOptions, UnmountOptions } from './mount/options.js';
export type { AbandonedMount, Recovered, UnfinishedCheckout } from './mount/recover.js';
export type { MountMode } from './mount/registry.js';
export type { PrepareOptions } from './profile/prepare.js';
export { localProvider } from './provider/local/local.js';
export { memoryProvider } from './provider/memory.js';
export type {
  ByteRange,
  Cell,
  Foreign,
  ForeignObject,
  GetOptions,
  Listed,
  Provider,
  ProviderSupports,
  RequestOptions,
  Version,
} from './provider/provider.js';
export type { RetryEvent } from './provider/wrap/retry.js';
export type { Finding, FindingCode } from './repository/maintain/findings.js';
export type { GcStep, ObjectTotals } from './repository/maintain/gc.js';
export type { Usage } from './repository/maintain/usage.js';
export type { CheckOptions, CheckResult } from './repository/maintain/verify.js';
export type { OfflineOptions } from './session/call.js';
export type { CheckoutOptions, CheckoutResult } from './session/checkout.js';
export type { CommitOptions, CommitResult, CommitStats } from './session/commit/options.js';
export type { AtOptions, RollbackOptions } from './session/history.js';
export type { Lease, LeaseOptions } from './session/lease.js';
export type { LogEntry } from './session/log-entry.js';
export type { OnConflict } from './sync/conflict.js';
export type { PullOptions, PullResult } from './sync/pull.js';
export type { PushOptions, PushResult } from './sync/push.js';
