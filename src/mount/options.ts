/** The options of mounts and of their recovery, and the names of these options. */
import { kind, type OptionNames } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { RequestOptions } from '../base/request.js';
import { type OfflineOptions, offlineOptions } from '../session/call.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import type { OnConflict } from '../sync/conflict.js';
import { type MountPullOptions, mountPullOptions } from '../sync/pull-for-mount.js';
import type { MountMode } from './registry.js';

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

export const unmountOptions: OptionNames<UnmountOptions> = {
  ...commitOptions,
  onConflict: kind.oneOf('fail', 'fork', 'ours', 'theirs'),
  keepDirectory: kind.flag,
};
export const mountOptions: OptionNames<OpenMountOptions> = {
  ...offlineOptions,
  ...mountPullOptions,
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
export const recoverOptions: OptionNames<RecoverOptions & OfflineOptions> = {
  ...offlineOptions,
  allowShrink: kind.flag,
  onProgress: kind.call,
};
