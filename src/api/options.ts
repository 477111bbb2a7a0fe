/** The options of library calls: those of this folder, and the kinds of all. */
import type { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { requestOptions } from '../base/operation.js';
import { kind, type OptionNames, required } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { MigrateOptions } from '../legacy/migrate.js';
import { mountOptions, recoverOptions, unmountOptions } from '../mount/options.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import type { RetryEvent } from '../provider/wrap/retry.js';
import type { CollectOptions } from '../repository/maintain/gc.js';
import type { CheckOptions } from '../repository/maintain/verify.js';
import { type OfflineOptions, offlineOptions } from '../session/call.js';
import type { CheckoutOptions } from '../session/checkout.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import type { AtOptions, RollbackOptions } from '../session/history.js';
import type { LeaseOptions } from '../session/lease.js';
import type { LogSelection } from '../session/log-entry.js';
import { pushOptions } from '../sync/options.js';
import type { PullOptions } from '../sync/pull.js';
import type { PushOptions } from '../sync/push.js';
import type { TransferOptions } from './locations.js';

export interface StatusOptions extends OfflineOptions {
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
}

export interface LogOptions extends OfflineOptions, LogSelection {}

export type PullAllOptions = Omit<PullOptions, 'at'>;

export interface SaveOptions extends CommitOptions, PushOptions, OfflineOptions {
  /** False: keep the commit on this machine. */
  push?: boolean | undefined;
  /** Called with warnings for a person; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
}

/** The options of a change of the history that needs no directory. */
export interface ChangeOptions extends OfflineOptions {
  /**
   * False: change the local store alone. The remote is read if it alone has the revision; with
   * `offline` it is not contacted at all.
   */
  push?: boolean | undefined;
}

export interface OpenOptions {
  /**
   * The directory of the local store, created by the first write; `~/.browserstate` if not given.
   * With a provider that is not a folder, the data of this machine is in a private temporary
   * folder. `close` removes that.
   */
  home?: string | Provider | undefined;
  /** The remote: a URL (`file:`, `s3:`, `gs:`) or a provider. Everything is local if not given. */
  remote?: string | Provider | undefined;
  /** The user whose repositories are opened; `default` if not given. */
  userId?: string | undefined;
  /** Concurrency and retries of requests to the remote. */
  transfer?: TransferOptions | undefined;
  /** Called before each retry of a request to the remote. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Clock, randomness and identity; the system's if not given. */
  host?: Host | undefined;
  /** Called with warnings for a person, each once; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
  /** Cancels running operations, in all calls without a signal of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface SessionsOptions extends OfflineOptions {
  /**
   * Called with each session whose ref is damaged or of a newer version: twice if both replicas
   * have such a ref. Without the callback, the first such error is thrown after the others.
   */
  onProblem?: ((session: string, problem: BrowserStateError) => void) | undefined;
}

/** The repository that a call works on; `local` if not given. */
export interface OnOptions {
  on?: 'local' | 'remote' | undefined;
}

export interface GcOptions extends CollectOptions, OnOptions {}

const at: OptionNames<AtOptions & OfflineOptions> = { ...offlineOptions, at: kind.text };
const progress = { ...requestOptions, onProgress: kind.call };
const usage: OptionNames<RequestOptions & OnOptions> = { ...requestOptions, on: kind.oneOf('local', 'remote') };
const transfer: OptionNames<TransferOptions> = {
  maxConcurrentOperations: kind.from(1),
  chunkSize: kind.from(1),
  maxRetries: kind.from(0),
  retryDelay: kind.from(0),
};

/** The options of each call, each with the kind of its value. */
export const optionsOf = {
  request: requestOptions,
  offline: offlineOptions,
  commit: commitOptions,
  change: { ...at, push: kind.flag } satisfies OptionNames<AtOptions & ChangeOptions>,
  checkout: {
    ...at,
    ...progress,
    only: kind.texts,
    force: kind.flag,
    keepDirectory: kind.flag,
    onWarning: kind.call,
  } satisfies OptionNames<CheckoutOptions & OfflineOptions>,
  pull: { ...progress, at: kind.text } satisfies OptionNames<PullOptions>,
  push: { ...pushOptions, ask: kind.flag } satisfies OptionNames<PushOptions & { ask?: boolean }>,
  sync: pushOptions,
  pullAll: progress satisfies OptionNames<PullAllOptions>,
  save: { ...commitOptions, ...pushOptions, push: kind.flag, onWarning: kind.call } satisfies OptionNames<SaveOptions>,
  log: { ...offlineOptions, limit: kind.most, checkpoints: kind.flag } satisfies OptionNames<LogOptions>,
  status: { ...offlineOptions, exclude: kind.texts, keepCaches: kind.flag } satisfies OptionNames<StatusOptions>,
  rollback: { ...offlineOptions, push: kind.flag, message: kind.text } satisfies OptionNames<RollbackOptions & ChangeOptions>,
  lease: { ...offlineOptions, owner: kind.text, ttl: required(kind.from(1)) } satisfies OptionNames<LeaseOptions & OfflineOptions>,
  unmount: unmountOptions,
  mount: mountOptions,
  recover: recoverOptions,
  sessions: { ...offlineOptions, onProblem: kind.call } satisfies OptionNames<SessionsOptions>,
  migrate: { ...offlineOptions, keepCaches: kind.flag, onProgress: kind.call } satisfies OptionNames<MigrateOptions>,
  verify: { ...usage, ...progress, readData: kind.flag } satisfies OptionNames<CheckOptions & OnOptions>,
  usage,
  gc: { ...usage, ...progress, dryRun: kind.flag } satisfies OptionNames<GcOptions>,
  transfer,
  open: {
    ...progress,
    home: kind.repository,
    remote: kind.repository,
    userId: kind.text,
    transfer: kind.options(transfer),
    onRetry: kind.call,
    onWarning: kind.call,
    host: kind.object,
  } satisfies OptionNames<OpenOptions>,
} as const;
