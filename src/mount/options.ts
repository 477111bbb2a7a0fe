/** The options of mounts and of their recovery, and the kinds of these options. */
import { kind, type OptionNames } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { RequestOptions } from '../base/request.js';
import { type OfflineOptions, offlineOptions } from '../session/call.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import type { OnConflict } from '../sync/conflict.js';
import { mountPullOptions, onConflictKind } from '../sync/options.js';
import type { MountPullOptions } from '../sync/pull-for-mount.js';
import type { MountMode } from './registry.js';

/** `commit`: the content becomes a commit. `discard`: the content is removed. */
export type RecoverAction = 'commit' | 'discard';

export interface RecoverOptions extends RequestOptions {
  /** Commit even if the directory is unexpectedly small. */
  allowShrink?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

export interface OpenMountOptions
  extends MountPullOptions,
    OfflineOptions,
    Pick<CommitOptions, 'message' | 'labels' | 'exclude' | 'keepCaches'> {
  /** `shared` unless given. */
  mode?: MountMode | undefined;
  /** If false, throw NOT_FOUND for a session that does not exist; otherwise warn and create it. */
  create?: boolean | undefined;
  /** The action for abandoned mounts of the session; `commit` unless given. */
  recover?: RecoverAction | undefined;
  /** The lease owner of an exclusive mount; user, machine and process unless given. */
  owner?: string | undefined;
  /** The folder of the directory; one of the local store unless given. */
  folder?: string | undefined;
  /** Throw BUSY if a browser or a command of this machine uses another mount of the session. */
  alone?: boolean | undefined;
  /** Receives warnings, such as about a recovered mount. */
  onWarning?: ((message: string) => void) | undefined;
}

export interface UnmountOptions extends CommitOptions, OfflineOptions {
  /** The action if the session has moved, here or on the remote; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  /** Keep the directory, which then has no owner. */
  keepDirectory?: boolean | undefined;
}

export const unmountOptions: OptionNames<UnmountOptions> = { ...commitOptions, onConflict: onConflictKind, keepDirectory: kind.flag };
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
  folder: kind.text,
  alone: kind.flag,
  onWarning: kind.call,
};
export const recoverOptions: OptionNames<RecoverOptions & OfflineOptions> = {
  ...offlineOptions,
  allowShrink: kind.flag,
  onProgress: kind.call,
};
