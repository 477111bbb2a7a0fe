/** Library calls: the options that each has, and those of the store that serve a call that is given none of its own. */
import { throwIfAborted } from '../errors.js';
import { checkOptions, type OptionNames } from '../option-check.js';
import type { RequestOptions } from '../provider/provider.js';
import type { CheckOptions } from '../repository/check.js';
import type { BringOptions } from './bring.js';
import type { CheckoutOptions } from './checkout.js';
import type { CommitOptions } from './commit.js';
import type { AtOptions, RollbackOptions } from './history.js';
import type { LeaseOptions } from './lease.js';
import type { MigrateOptions } from './migrate.js';
import type { UnmountOptions } from './mount.js';
import type { OpenMountOptions } from './mounts.js';
import type { OpenOptions } from './open.js';
import type { TransferOptions } from './places.js';
import type { OnProgress } from './progress.js';
import type { PullOptions } from './pull.js';
import type { PushOptions } from './push.js';
import type { RecoverOptions } from './recover.js';
import type { LogOptions, StatusOptions } from './session.js';
import type { OfflineOptions } from './sites.js';
import type { OnOptions, SessionsOptions } from './store.js';

const request: OptionNames<RequestOptions> = { signal: true };
const offline: OptionNames<OfflineOptions> = { ...request, offline: true };
const commit: OptionNames<CommitOptions & OfflineOptions> = {
  ...offline,
  message: true,
  labels: true,
  tag: true,
  exclude: true,
  keepCaches: true,
  allowShrink: true,
  allowPartialProfile: true,
  compression: true,
  onProgress: true,
};
const at: OptionNames<AtOptions & OfflineOptions> = { ...offline, at: true };
const checkout: OptionNames<CheckoutOptions & OfflineOptions> = {
  ...at,
  only: true,
  force: true,
  keepDirectory: true,
  onWarning: true,
  onProgress: true,
};
const pull: OptionNames<PullOptions> = { ...request, at: true, onProgress: true };
const push: OptionNames<PushOptions> = { ...request, onConflict: true, release: true, onProgress: true };
const log: OptionNames<LogOptions> = { ...offline, limit: true, checkpoints: true };
const status: OptionNames<StatusOptions> = { ...offline, exclude: true, keepCaches: true };
const rollback: OptionNames<RollbackOptions & OfflineOptions> = { ...offline, message: true };
const lease: OptionNames<LeaseOptions & OfflineOptions> = { ...offline, owner: true, ttl: true };
const bring: OptionNames<BringOptions> = { ...request, onConflict: true, onProgress: true };
const unmount: OptionNames<UnmountOptions> = { ...commit, onConflict: true, keepDirectory: true };
const mount: OptionNames<OpenMountOptions> = {
  ...offline,
  ...bring,
  mode: true,
  create: true,
  message: true,
  labels: true,
  recover: true,
  owner: true,
  exclude: true,
  keepCaches: true,
  onWarning: true,
};
const recover: OptionNames<RecoverOptions & OfflineOptions> = { ...offline, allowShrink: true, onProgress: true };
const sessions: OptionNames<SessionsOptions> = { ...offline, onProblem: true };
const migrate: OptionNames<MigrateOptions> = { ...offline, keepCaches: true, onProgress: true };
const verify: OptionNames<CheckOptions & OnOptions> = { ...request, on: true, readData: true, onProgress: true };
const usage: OptionNames<RequestOptions & OnOptions> = { ...request, on: true };
const transfer: OptionNames<TransferOptions> = { maxConcurrentOperations: true, chunkSize: true, maxRetries: true, retryDelay: true };
const open: OptionNames<OpenOptions> = {
  ...request,
  home: true,
  remote: true,
  userId: true,
  transfer: true,
  onRetry: true,
  onWarning: true,
  host: true,
  onProgress: true,
};

/** The names of the options of each call. */
export const optionsOf = {
  request,
  offline,
  commit,
  at,
  checkout,
  pull,
  push: { ...push, ask: true } satisfies OptionNames<PushOptions & { ask?: boolean }>,
  sync: push,
  log,
  status,
  rollback,
  lease,
  bring,
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

/** What a store is given for all its calls. */
export interface Defaults {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Returns the options of a call, with the store's for those that it is not given. Throws USAGE for an unknown option and CANCELLED if the
 * signal has fired.
 */
export function settingsOf<T extends RequestOptions>(
  defaults: Pick<Defaults, 'signal'>,
  call: string,
  given: T | undefined,
  names: OptionNames<T>,
): T & RequestOptions {
  checkOptions(call, given, names);
  const settings = { ...(given as T), signal: given?.signal ?? defaults.signal };
  throwIfAborted(settings.signal);
  return settings;
}

/** Returns the same for a call that moves bytes, and tells of them. */
export function transferSettingsOf<T extends RequestOptions & { onProgress?: OnProgress | undefined }>(
  defaults: Defaults,
  call: string,
  given: T | undefined,
  names: OptionNames<T>,
): T & Defaults {
  return { ...settingsOf(defaults, call, given, names), onProgress: given?.onProgress ?? defaults.onProgress };
}
