/**
 * The options of library calls: those that no part of the library further down knows, and the kinds
 * of all.
 */
import type { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { requestOptions } from '../base/operation.js';
import type { OptionNames } from '../base/option-check.js';
import { kind, required } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import { migrateOptions } from '../legacy/migrate.js';
import { mountOptions, recoverOptions, unmountOptions } from '../mount/options.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import type { RetryEvent } from '../provider/wrap/retry.js';
import type { CheckOptions } from '../repository/maintain/verify.js';
import { type OfflineOptions, offlineOptions } from '../session/call.js';
import type { CheckoutOptions } from '../session/checkout.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import type { AtOptions, RollbackOptions } from '../session/history.js';
import type { LeaseOptions } from '../session/lease.js';
import type { LogSelection } from '../session/log-entry.js';
import type { PullOptions } from '../sync/pull.js';
import { type PushOptions, pushOptions } from '../sync/push.js';
import type { TransferOptions } from './locations.js';

export interface StatusOptions extends OfflineOptions {
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
}

export interface LogOptions extends OfflineOptions, LogSelection {}

export type PullAllOptions = Omit<PullOptions, 'at'>;

export interface SaveOptions extends CommitOptions, PushOptions, OfflineOptions {
  /** False: leave the commit on this machine. */
  push?: boolean | undefined;
  /** Called with facts about the directory that a person should know. */
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
   * The directory of this machine's repositories; `~/.browserstate` unless given. Made when it is
   * first written. With a provider that is no folder, what only this machine needs (index, records,
   * mounted directories) is in a private folder of the system's place for temporary files, which is
   * removed when the store is closed; nothing is written to `~/.browserstate`.
   */
  home?: string | Provider | undefined;
  /**
   * The repositories that are shared with other machines, as an address (`file:`, `s3:`, `gs:`) or
   * a provider; without one everything is local.
   */
  remote?: string | Provider | undefined;
  /** The user whose repository is opened, locally and on the remote; default: `default`. */
  userId?: string | undefined;
  /** How bytes are moved to and from the remote. */
  transfer?: TransferOptions | undefined;
  /** Told before a request to the remote that got no answer is asked again. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Clock, randomness and identity; default: the system's. */
  host?: Host | undefined;
  /** Told what a person should know, such as that the index cannot be used; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
  /** Cancels whatever the store is doing, of all calls that are given no signal of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface SessionsOptions extends OfflineOptions {
  /**
   * Told of each session whose ref is damaged, or of a form that this version cannot read, with
   * what was found and where: twice of one that is so here and on the remote.
   */
  onProblem?: ((session: string, problem: BrowserStateError) => void) | undefined;
}

/** Which repository is meant: that of this machine unless said. */
export interface OnOptions {
  on?: 'local' | 'remote' | undefined;
}

const at: OptionNames<AtOptions & OfflineOptions> = { ...offlineOptions, at: kind.text };
const checkout: OptionNames<CheckoutOptions & OfflineOptions> = {
  ...at,
  only: kind.texts,
  force: kind.flag,
  keepDirectory: kind.flag,
  onWarning: kind.call,
  onProgress: kind.call,
};
const pull: OptionNames<PullOptions> = { ...requestOptions, at: kind.text, onProgress: kind.call };
const log: OptionNames<LogOptions> = { ...offlineOptions, limit: kind.most, checkpoints: kind.flag };
const status: OptionNames<StatusOptions> = { ...offlineOptions, exclude: kind.texts, keepCaches: kind.flag };
const change: OptionNames<AtOptions & ChangeOptions> = { ...at, push: kind.flag };
const rollback: OptionNames<RollbackOptions & ChangeOptions> = { ...offlineOptions, push: kind.flag, message: kind.text };
const lease: OptionNames<LeaseOptions & OfflineOptions> = { ...offlineOptions, owner: kind.text, ttl: required(kind.from(1)) };
const sessions: OptionNames<SessionsOptions> = { ...offlineOptions, onProblem: kind.call };
const verify: OptionNames<CheckOptions & OnOptions> = {
  ...requestOptions,
  on: kind.oneOf('local', 'remote'),
  readData: kind.flag,
  onProgress: kind.call,
};
const usage: OptionNames<RequestOptions & OnOptions> = { ...requestOptions, on: kind.oneOf('local', 'remote') };
const transfer: OptionNames<TransferOptions> = {
  maxConcurrentOperations: kind.from(1),
  chunkSize: kind.from(1),
  maxRetries: kind.from(0),
  retryDelay: kind.from(0),
};
const open: OptionNames<OpenOptions> = {
  ...requestOptions,
  home: kind.place,
  remote: kind.place,
  userId: kind.text,
  transfer: kind.object,
  onRetry: kind.call,
  onWarning: kind.call,
  host: kind.object,
  onProgress: kind.call,
};

/** The options of each call, each with the kind of its value. */
export const optionsOf = {
  request: requestOptions,
  offline: offlineOptions,
  commit: commitOptions,
  change,
  checkout,
  pull,
  push: { ...pushOptions, ask: kind.flag } satisfies OptionNames<PushOptions & { ask?: boolean }>,
  sync: pushOptions,
  pullAll: { ...requestOptions, onProgress: kind.call } satisfies OptionNames<PullAllOptions>,
  save: { ...commitOptions, ...pushOptions, push: kind.flag, onWarning: kind.call } satisfies OptionNames<SaveOptions>,
  log,
  status,
  rollback,
  lease,
  unmount: unmountOptions,
  mount: mountOptions,
  recover: recoverOptions,
  sessions,
  migrate: migrateOptions,
  verify,
  usage,
  transfer,
  open,
} as const;
