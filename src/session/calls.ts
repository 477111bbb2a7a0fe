/**
 * The options of library calls: those that no part of the library further down knows, and the kinds
 * of all.
 */

import type { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { kind, type OptionNames, required } from '../base/option-check.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import type { RetryEvent } from '../provider/wrap/retry.js';
import type { CheckOptions } from '../repository/maintain/verify.js';
import type { CheckoutOptions } from './checkout.js';
import type { CommitOptions } from './commit/commit.js';
import type { OnConflict } from '../sync/conflict.js';
import type { AtOptions, RollbackOptions } from './history.js';
import type { LeaseOptions } from './lease.js';
import type { LogSelection } from './log-entry.js';
import type { MountMode } from '../mount/registry.js';
import { requestOptions } from './operation.js';
import type { TransferOptions } from '../api/locations.js';
import type { OnProgress } from '../base/progress.js';
import type { PullOptions } from '../sync/pull.js';
import type { MountPullOptions } from '../sync/pull-for-mount.js';
import type { PushOptions } from '../sync/push.js';

export interface OfflineOptions extends RequestOptions {
  /** Use local data only; do not contact the remote. */
  offline?: boolean | undefined;
}

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
  /** Whose repository it is, in both; `default` unless given. */
  userId?: string | undefined;
  /** How bytes are moved to and from the remote. */
  transfer?: TransferOptions | undefined;
  /** Told before a request to the remote that got no answer is asked again. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Clock, randomness and identity; the system's unless given. */
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

export interface MigrateOptions extends OfflineOptions {
  /** Keep what can be regenerated, such as caches. */
  keepCaches?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

/** `commit`: what is left becomes a commit. `discard`: it is removed. */
export type RecoverAction = 'commit' | 'discard';

export interface RecoverOptions extends RequestOptions {
  /** Commit even what lost its cookies or nearly all files. */
  allowShrink?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

export interface OpenMountOptions extends MountPullOptions {
  /** `shared` unless given. */
  mode?: MountMode | undefined;
  /** Use what this machine has, and leave the remote alone. */
  offline?: boolean | undefined;
  /**
   * False: throw NOT_FOUND if there is no such session. Else one that is new is begun, and
   * `onWarning` is told of it.
   */
  create?: boolean | undefined;
  /**
   * The message and the labels of what the mount commits, unless a commit is given others;
   * checkpoints have none.
   */
  message?: string | undefined;
  labels?: Record<string, string> | undefined;
  /**
   * What to do with what processes that are gone have left of the session; `commit` unless given.
   */
  recover?: RecoverAction | undefined;
  /**
   * Who has the lease of an exclusive mount, for others to see; user, machine and process unless
   * given.
   */
  owner?: string | undefined;
  /** What commits of the mount leave out, and whether they keep caches. */
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
  /** Told what a person should know, such as what was recovered. */
  onWarning?: ((message: string) => void) | undefined;
}

export interface UnmountOptions extends CommitOptions {
  /** Leave the remote alone: what is committed stays on this machine until it is pushed. */
  offline?: boolean | undefined;
  /**
   * What to do where the session has moved meanwhile, here or on the remote; `fail` unless given.
   */
  onConflict?: OnConflict | undefined;
  /** Leave the directory where it is; it is nobody's then. */
  keepDirectory?: boolean | undefined;
}

const onConflict = kind.oneOf('fail', 'fork', 'ours', 'theirs');
const offline: OptionNames<OfflineOptions> = { ...requestOptions, offline: kind.flag };
const commit: OptionNames<CommitOptions & OfflineOptions> = {
  ...offline,
  message: kind.text,
  labels: kind.labels,
  tag: kind.text,
  exclude: kind.texts,
  keepCaches: kind.flag,
  allowShrink: kind.flag,
  allowPartialProfile: kind.flag,
  compression: kind.oneOf('auto', 'max', 'off'),
  onProgress: kind.call,
};
const at: OptionNames<AtOptions & OfflineOptions> = { ...offline, at: kind.text };
const checkout: OptionNames<CheckoutOptions & OfflineOptions> = {
  ...at,
  only: kind.texts,
  force: kind.flag,
  keepDirectory: kind.flag,
  onWarning: kind.call,
  onProgress: kind.call,
};
const pull: OptionNames<PullOptions> = { ...requestOptions, at: kind.text, onProgress: kind.call };
const push: OptionNames<PushOptions> = { ...requestOptions, onConflict, release: kind.text, onProgress: kind.call };
const log: OptionNames<LogOptions> = { ...offline, limit: kind.most, checkpoints: kind.flag };
const status: OptionNames<StatusOptions> = { ...offline, exclude: kind.texts, keepCaches: kind.flag };
const rollback: OptionNames<RollbackOptions & OfflineOptions> = { ...offline, message: kind.text };
const lease: OptionNames<LeaseOptions & OfflineOptions> = { ...offline, owner: kind.text, ttl: required(kind.from(1)) };
const mountPull: OptionNames<MountPullOptions> = { ...requestOptions, onConflict, onProgress: kind.call };
const unmount: OptionNames<UnmountOptions> = { ...commit, onConflict, keepDirectory: kind.flag };
const mount: OptionNames<OpenMountOptions> = {
  ...offline,
  ...mountPull,
  mode: kind.oneOf('shared', 'exclusive', 'fork'),
  create: kind.flag,
  message: kind.text,
  labels: kind.labels,
  recover: kind.oneOf('commit', 'discard'),
  owner: kind.text,
  exclude: kind.texts,
  keepCaches: kind.flag,
  onWarning: kind.call,
};
const recover: OptionNames<RecoverOptions & OfflineOptions> = { ...offline, allowShrink: kind.flag, onProgress: kind.call };
const sessions: OptionNames<SessionsOptions> = { ...offline, onProblem: kind.call };
const migrate: OptionNames<MigrateOptions> = { ...offline, keepCaches: kind.flag, onProgress: kind.call };
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
  offline,
  commit,
  at,
  checkout,
  pull,
  push: { ...push, ask: kind.flag } satisfies OptionNames<PushOptions & { ask?: boolean }>,
  sync: push,
  pullAll: { ...requestOptions, onProgress: kind.call } satisfies OptionNames<PullAllOptions>,
  save: { ...commit, ...push, push: kind.flag, onWarning: kind.call } satisfies OptionNames<SaveOptions>,
  log,
  status,
  rollback,
  lease,
  mountPull,
  unmount,
  mount,
  recover,
  sessions,
  migrate,
  verify,
  usage,
  transfer,
  open,
} as const;
