/** What BrowserState is told, as the older package of this name was told it, and what that means for the store. */
import type { HygieneOptions } from './browser/hygiene.js';
import { BrowserStateError } from './errors.js';
import type { Host } from './host.js';
import { checkOptions, type OptionNames } from './option-check.js';
import type { Provider } from './provider/provider.js';
import type { RetryEvent } from './provider/retry.js';
import { type OpenMountOptions, optionsOf, type RecoverHow, type UnmountOptions } from './session/calls.js';
import type { TransferOptions } from './session/places.js';
import type { OnProgress } from './session/progress.js';

export interface SyncOptions extends TransferOptions {
  /** Accepted: manifests are the store, so that there is nothing to turn off. */
  storeMetadataOnProvider?: boolean | undefined;
  /** Seconds between two looks at the mounted directory; 60 unless given. */
  metadataUpdateInterval?: number | undefined;
}

export interface LocalOptions {
  /** The directory of this machine's repositories; `~/.browserstate` unless given. */
  storagePath?: string | undefined;
}

export interface S3StorageOptions {
  bucketName: string;
  region?: string | undefined;
  /** The SDK's default chain finds them unless given. */
  accessKeyId?: string | undefined;
  /** The older spelling of `accessKeyId`. */
  accessKeyID?: string | undefined;
  secretAccessKey?: string | undefined;
  sessionToken?: string | undefined;
  prefix?: string | undefined;
  /** The address of a store that is not AWS. */
  endpoint?: string | undefined;
  /** The bucket goes into the path rather than into the host's name. */
  pathStyle?: boolean | undefined;
  /** A ready S3Client of `@aws-sdk/client-s3`, in place of region, keys and endpoint. */
  client?: object | undefined;
}

export interface GcsStorageOptions {
  bucketName: string;
  projectID?: string | undefined;
  keyFilename?: string | undefined;
  prefix?: string | undefined;
  /** The address of a store that is not Google's. */
  endpoint?: string | undefined;
  /** A ready Storage of `@google-cloud/storage`, in place of project, key and endpoint. */
  storage?: object | undefined;
}

export interface BrowserStateOptions {
  /** Whose sessions they are; `default` unless given. */
  userId?: string | undefined;
  /** Where sessions are shared; with `local`, which is the default, they stay on this machine. */
  storageType?: 'local' | 's3' | 'gcs' | 'redis' | undefined;
  /** False: work on this machine alone, whatever else is named. */
  useSync?: boolean | undefined;
  /** False: leave mounted directories where they are when they are unmounted. */
  autoCleanup?: boolean | undefined;
  localOptions?: LocalOptions | undefined;
  s3Options?: S3StorageOptions | undefined;
  gcsOptions?: GcsStorageOptions | undefined;
  syncOptions?: SyncOptions | undefined;
  /** Home and remote as `openRepository` takes them, in place of the storage options. */
  home?: string | Provider | undefined;
  remote?: string | Provider | undefined;
  /** What becomes of what processes that are gone have left of a session when it is mounted; `commit` unless given. */
  recover?: RecoverHow | undefined;
  /** Cancels what the state is doing, in all calls that are given no signal of their own. */
  signal?: AbortSignal | undefined;
  /** Told of all work, also of what is read and written on this machine; `syncManager.onProgress` tells of files that are moved. */
  onProgress?: OnProgress | undefined;
  /** Told before a request to the remote that got no answer is asked again. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Told what a person should know; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
  /** Clock, randomness, identity and signals; the system's unless given. */
  host?: Host | undefined;
}

export interface MountOptions
  extends Pick<
    OpenMountOptions,
    'mode' | 'create' | 'message' | 'labels' | 'offline' | 'onConflict' | 'owner' | 'exclude' | 'keepCaches' | 'signal'
  > {
  /** Milliseconds between two commits of the directory while a browser runs in it; none are made unless given. */
  checkpointInterval?: number | undefined;
  /** What is done to the profile before a browser opens it; see `HygieneOptions`. False: nothing. */
  hygiene?: false | HygieneOptions | undefined;
  /** False: leave SIGINT and SIGTERM alone. Else the session is unmounted first, and then the process ends as it would have. */
  handleSignals?: boolean | undefined;
  /** A browser is launched in the directory: `onWarning` is told at unmount if nothing was written there. */
  browser?: boolean | undefined;
}

const mountOptions: OptionNames<MountOptions> = {
  mode: true,
  create: true,
  message: true,
  labels: true,
  offline: true,
  onConflict: true,
  owner: true,
  exclude: true,
  keepCaches: true,
  signal: true,
  checkpointInterval: true,
  hygiene: true,
  handleSignals: true,
  browser: true,
};

const hygieneOptions: OptionNames<HygieneOptions> = {
  locks: true,
  exitType: true,
  warnings: true,
  keepSessionCookies: true,
  browserVersion: true,
};

const unmountOptions: OptionNames<UnmountOptions & { discard?: boolean }> = { ...optionsOf.unmount, discard: true };

const stateOptions: OptionNames<BrowserStateOptions> = {
  userId: true,
  storageType: true,
  useSync: true,
  autoCleanup: true,
  localOptions: true,
  s3Options: true,
  gcsOptions: true,
  syncOptions: true,
  home: true,
  remote: true,
  recover: true,
  signal: true,
  onProgress: true,
  onRetry: true,
  onWarning: true,
  host: true,
};

const localOptionNames: OptionNames<LocalOptions> = { storagePath: true };
const syncOptionNames: OptionNames<SyncOptions> = {
  ...optionsOf.transfer,
  storeMetadataOnProvider: true,
  metadataUpdateInterval: true,
};
const s3OptionNames: OptionNames<S3StorageOptions> = {
  bucketName: true,
  region: true,
  accessKeyId: true,
  accessKeyID: true,
  secretAccessKey: true,
  sessionToken: true,
  prefix: true,
  endpoint: true,
  pathStyle: true,
  client: true,
};
const gcsOptionNames: OptionNames<GcsStorageOptions> = {
  bucketName: true,
  projectID: true,
  keyFilename: true,
  prefix: true,
  endpoint: true,
  storage: true,
};

/** Throws USAGE for an option of `mount`, or in its `hygiene`, that there is not. */
export function checkMountOptions(options: MountOptions): void {
  checkOptions('mount', options, mountOptions);
  if (options.hygiene !== false) checkOptions('mount: hygiene', options.hygiene, hygieneOptions);
}

/** Throws USAGE for an option of `unmount` that there is not. */
export function checkUnmountOptions(options: UnmountOptions & { discard?: boolean | undefined }): void {
  checkOptions('unmount', options, unmountOptions);
}

/** Throws USAGE for an option of BrowserState, or in one of its groups, that there is not. */
export function checkStateOptions(options: BrowserStateOptions): void {
  checkOptions('BrowserState', options, stateOptions);
  checkOptions('BrowserState: localOptions', options.localOptions, localOptionNames);
  checkOptions('BrowserState: syncOptions', options.syncOptions, syncOptionNames);
  checkOptions('BrowserState: s3Options', options.s3Options, s3OptionNames);
  checkOptions('BrowserState: gcsOptions', options.gcsOptions, gcsOptionNames);
}

/** Throws USAGE or UNSUPPORTED for options with which there is nowhere to keep a session. */
export function checkStorage({ storageType = 'local', s3Options, gcsOptions, remote }: BrowserStateOptions): void {
  if (!['local', 's3', 'gcs', 'redis'].includes(storageType)) {
    throw new BrowserStateError('USAGE', `expected the storage type local, s3 or gcs, found ${JSON.stringify(storageType)}`, {
      hint: 'Use local, s3 or gcs.',
    });
  }
  if (storageType === 'redis') {
    throw new BrowserStateError('UNSUPPORTED', 'the storage type redis is not supported', { hint: 'Use local, s3 or gcs.' });
  }
  if (remote !== undefined) return;
  if (storageType === 's3' && s3Options === undefined) {
    throw new BrowserStateError('USAGE', 'S3 options required', { hint: 'Say at least s3Options: { bucketName }.' });
  }
  if (storageType === 'gcs' && gcsOptions === undefined) {
    throw new BrowserStateError('USAGE', 'GCS options required', { hint: 'Say at least gcsOptions: { bucketName }.' });
  }
}

/** The remote that the options name; undefined where they name none. The modules of a cloud are loaded only for it. */
export async function openRemote(options: BrowserStateOptions, host: Host): Promise<string | Provider | undefined> {
  const { storageType, useSync = true, remote, s3Options, gcsOptions } = options;
  if (!useSync || remote !== undefined) return useSync ? remote : undefined;
  if (storageType === 's3' && s3Options !== undefined) {
    const { s3Provider } = await import('./provider/s3.js');
    const { bucketName: bucket, prefix, region, endpoint, pathStyle, client } = s3Options;
    const place = { bucket, prefix: withoutSlashes(prefix), region, endpoint, pathStyle };
    return s3Provider({ ...place, credentials: credentialsOf(s3Options), client: client as never }, host);
  }
  if (storageType === 'gcs' && gcsOptions !== undefined) {
    const { gcsProvider } = await import('./provider/gcs.js');
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

/** The older package wrote prefixes with or without slashes at their ends. */
function withoutSlashes(prefix: string | undefined): string | undefined {
  return prefix?.replace(/^\/+|\/+$/g, '');
}
