/**
 * The options of BrowserState, compatible with v0, and their translation to options of the store.
 */
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { checkOptions, kind, type OptionNames, required } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { OpenMountOptions, RecoverAction, UnmountOptions } from '../mount/options.js';
import type { PrepareOptions } from '../profile/prepare.js';
import type { Provider } from '../provider/provider.js';
import type { RetryEvent } from '../provider/wrap/retry.js';
import type { TransferOptions } from './locations.js';
import { optionsOf } from './options.js';

export interface SyncOptions extends TransferOptions {
  /** Accepted without effect: manifests are always stored. */
  storeMetadataOnProvider?: boolean | undefined;
  /** Seconds between two scans of the mounted directory; 60 if not given. */
  metadataUpdateInterval?: number | undefined;
}

export interface LocalOptions {
  /** The directory of this machine's repositories; `~/.browserstate` if not given. */
  storagePath?: string | undefined;
}

export interface S3StorageOptions {
  bucketName: string;
  region?: string | undefined;
  /** The SDK's default chain finds credentials if not given. */
  accessKeyId?: string | undefined;
  /** The spelling of `accessKeyId` in v0. */
  accessKeyID?: string | undefined;
  secretAccessKey?: string | undefined;
  sessionToken?: string | undefined;
  prefix?: string | undefined;
  /** The address of a store that is not AWS. */
  endpoint?: string | undefined;
  /** Puts the bucket into the path instead of the host name. */
  pathStyle?: boolean | undefined;
  /** An existing S3Client of `@aws-sdk/client-s3`, in place of region, keys and endpoint. */
  client?: object | undefined;
}

export interface GcsStorageOptions {
  bucketName: string;
  projectID?: string | undefined;
  keyFilename?: string | undefined;
  prefix?: string | undefined;
  /** The address of a store that is not Google's. */
  endpoint?: string | undefined;
  /** An existing Storage of `@google-cloud/storage`, in place of project, key and endpoint. */
  storage?: object | undefined;
}

export interface BrowserStateOptions {
  /** The user who owns the sessions; `default` if not given. */
  userId?: string | undefined;
  /** The shared storage of sessions. With `local`, the default, they stay on this machine. */
  storageType?: 'local' | 's3' | 'gcs' | 'redis' | undefined;
  /** False: use local data only, even if a remote is named. */
  useSync?: boolean | undefined;
  /** False: keep mounted directories when they are unmounted. */
  autoCleanup?: boolean | undefined;
  localOptions?: LocalOptions | undefined;
  s3Options?: S3StorageOptions | undefined;
  gcsOptions?: GcsStorageOptions | undefined;
  syncOptions?: SyncOptions | undefined;
  /** Local store and remote as `openStore` accepts them, in place of the storage options. */
  home?: string | Provider | undefined;
  remote?: string | Provider | undefined;
  /** How to recover the session's abandoned mounts when it is mounted; `commit` if not given. */
  recover?: RecoverAction | undefined;
  /** Cancels running operations, in all calls without a signal of their own. */
  signal?: AbortSignal | undefined;
  /**
   * Called for all work, also for reads and writes on this machine. `syncManager.onProgress`
   * reports the files that are moved.
   */
  onProgress?: OnProgress | undefined;
  /** Called before each retry of a request to the remote. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Called with warnings for a person; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
  /** Clock, randomness, identity and signals; the system's if not given. */
  host?: Host | undefined;
}

export interface MountOptions
  extends Pick<
    OpenMountOptions,
    'mode' | 'create' | 'message' | 'labels' | 'offline' | 'onConflict' | 'owner' | 'exclude' | 'keepCaches' | 'signal'
  > {
  /**
   * Milliseconds between two checkpoints while a browser runs in the directory. No checkpoints are
   * made if not given.
   */
  checkpointInterval?: number | undefined;
  /**
   * How the profile is prepared before a browser opens it; see `PrepareOptions`. False: not at all.
   */
  prepare?: false | PrepareOptions | undefined;
  /**
   * False: do not handle SIGINT and SIGTERM. Otherwise the session is unmounted first, and then the
   * process ends as it would have.
   */
  handleSignals?: boolean | undefined;
  /**
   * A browser is launched in the directory: `onWarning` is called at unmount if nothing was written
   * there.
   */
  browser?: boolean | undefined;
}

const mountOptions: OptionNames<MountOptions> = {
  mode: kind.oneOf('shared', 'exclusive', 'fork'),
  create: kind.flag,
  message: kind.text,
  labels: kind.labels,
  offline: kind.flag,
  onConflict: optionsOf.mount.onConflict,
  owner: kind.text,
  exclude: kind.texts,
  keepCaches: kind.flag,
  signal: kind.signal,
  checkpointInterval: kind.from(1),
  prepare: kind.objectOrFalse,
  handleSignals: kind.flag,
  browser: kind.flag,
};

const prepareOptions: OptionNames<PrepareOptions> = {
  locks: kind.flag,
  exitType: kind.flag,
  warnings: kind.flag,
  keepSessionCookies: kind.flag,
  browserVersion: kind.textOrPromise,
};

const unmountOptions: OptionNames<UnmountOptions & { discard?: boolean }> = { ...optionsOf.unmount, discard: kind.flag };

const stateOptions: OptionNames<BrowserStateOptions> = {
  userId: kind.text,
  storageType: kind.oneOf('local', 's3', 'gcs', 'redis'),
  useSync: kind.flag,
  autoCleanup: kind.flag,
  localOptions: kind.object,
  s3Options: kind.object,
  gcsOptions: kind.object,
  syncOptions: kind.object,
  home: kind.place,
  remote: kind.place,
  recover: kind.oneOf('commit', 'discard'),
  signal: kind.signal,
  onProgress: kind.call,
  onRetry: kind.call,
  onWarning: kind.call,
  host: kind.object,
};

const localOptionNames: OptionNames<LocalOptions> = { storagePath: kind.text };
const syncOptionNames: OptionNames<SyncOptions> = {
  ...optionsOf.transfer,
  storeMetadataOnProvider: kind.flag,
  metadataUpdateInterval: kind.positive,
};
const s3OptionNames: OptionNames<S3StorageOptions> = {
  bucketName: required(kind.text),
  region: kind.text,
  accessKeyId: kind.secret,
  accessKeyID: kind.secret,
  secretAccessKey: kind.secret,
  sessionToken: kind.secret,
  prefix: kind.text,
  endpoint: kind.secret,
  pathStyle: kind.flag,
  client: kind.object,
};
const gcsOptionNames: OptionNames<GcsStorageOptions> = {
  bucketName: required(kind.text),
  projectID: kind.text,
  keyFilename: kind.text,
  prefix: kind.text,
  endpoint: kind.secret,
  storage: kind.object,
};

/** Throws USAGE for an unknown option of `mount`, or in one of its groups. */
export function checkMountOptions(options: MountOptions): void {
  checkOptions('mount', options, mountOptions);
  if (options.prepare !== false) checkOptions('mount: prepare', options.prepare, prepareOptions);
}

/** Throws USAGE for an unknown option of `unmount`. */
export function checkUnmountOptions(options: UnmountOptions & { discard?: boolean | undefined }): void {
  checkOptions('unmount', options, unmountOptions);
}

/** Throws USAGE for an unknown option of BrowserState, or in one of its groups. */
export function checkStateOptions(options: BrowserStateOptions): void {
  checkOptions('BrowserState', options, stateOptions);
  checkOptions('BrowserState: localOptions', options.localOptions, localOptionNames);
  checkOptions('BrowserState: syncOptions', options.syncOptions, syncOptionNames);
  if (options.s3Options !== undefined) checkOptions('BrowserState: s3Options', options.s3Options, s3OptionNames);
  if (options.gcsOptions !== undefined) checkOptions('BrowserState: gcsOptions', options.gcsOptions, gcsOptionNames);
}

/** Throws USAGE or UNSUPPORTED for options without a usable storage. */
export function checkStorage({ storageType = 'local', s3Options, gcsOptions, remote }: BrowserStateOptions): void {
  if (storageType === 'redis') {
    throw new BrowserStateError('UNSUPPORTED', 'the storage type redis is not supported', { hint: 'Use local, s3 or gcs.' });
  }
  if (remote !== undefined) return;
  if (storageType === 's3' && s3Options === undefined) {
    throw new BrowserStateError('USAGE', 'S3 options required', { hint: 'Pass at least s3Options: { bucketName }.' });
  }
  if (storageType === 'gcs' && gcsOptions === undefined) {
    throw new BrowserStateError('USAGE', 'GCS options required', { hint: 'Pass at least gcsOptions: { bucketName }.' });
  }
}

/**
 * Returns the remote that the options name; undefined if they name none. The modules of a cloud are
 * loaded only for it.
 */
export async function openRemote(options: BrowserStateOptions, host: Host): Promise<string | Provider | undefined> {
  const { storageType, useSync = true, remote, s3Options, gcsOptions } = options;
  if (!useSync || remote !== undefined) return useSync ? remote : undefined;
  if (storageType === 's3' && s3Options !== undefined) {
    const { s3Provider } = await import('../provider/s3/s3.js');
    const { bucketName: bucket, prefix, region, endpoint, pathStyle, client } = s3Options;
    const place = { bucket, prefix: withoutSlashes(prefix), region, endpoint, pathStyle };
    return s3Provider({ ...place, credentials: credentialsOf(s3Options), client: client as never }, host);
  }
  if (storageType === 'gcs' && gcsOptions !== undefined) {
    const { gcsProvider } = await import('../provider/gcs/gcs.js');
    const { bucketName: bucket, prefix, projectID: projectId, keyFilename, endpoint, storage } = gcsOptions;
    return gcsProvider({ bucket, prefix: withoutSlashes(prefix), projectId, keyFilename, endpoint, storage: storage as never });
  }
  return undefined;
}

function credentialsOf({ accessKeyId, accessKeyID, secretAccessKey, sessionToken }: S3StorageOptions) {
  const id = accessKeyId ?? accessKeyID;
  if (id === undefined && secretAccessKey === undefined) return undefined;
  if (id === undefined || secretAccessKey === undefined) {
    throw new BrowserStateError('USAGE', 'expected accessKeyId and secretAccessKey, found one of the two', {
      hint: 'Give both, or neither: the SDK then finds them itself.',
    });
  }
  return { accessKeyId: id, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** Removes slashes at both ends: v0 wrote prefixes with or without them. */
function withoutSlashes(prefix: string | undefined): string | undefined {
  return prefix?.replace(/^\/+|\/+$/g, '');
}
