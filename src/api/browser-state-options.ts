/**
 * The options of BrowserState, compatible with v0, and their translation to options of the store.
 */
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { kind, type OptionNames, required } from '../base/option-check.js';
import type { OpenMountOptions, RecoverAction, UnmountOptions } from '../mount/options.js';
import type { PrepareOptions } from '../profile/prepare.js';
import type { Provider } from '../provider/provider.js';
import type { TransferOptions } from './locations.js';
import { type OpenOptions, optionsOf } from './options.js';

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

/**
 * `home` and `remote` take the place of the storage options. `onProgress` is called for all work;
 * `syncManager.onProgress` reports the files that are moved.
 */
export interface BrowserStateOptions extends Omit<OpenOptions, 'transfer'> {
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
  /** How to recover the session's abandoned mounts when it is mounted; `commit` if not given. */
  recover?: RecoverAction | undefined;
}

export interface MountOptions extends Omit<OpenMountOptions, 'recover' | 'onProgress' | 'onWarning'> {
  /** Milliseconds between checkpoints while a browser runs; no checkpoints if not given. */
  checkpointInterval?: number | undefined;
  /** How the profile is prepared before a browser opens it. False: not at all. */
  prepare?: false | PrepareOptions | undefined;
  /** False: do not unmount at SIGINT and SIGTERM, which otherwise end the process after that. */
  handleSignals?: boolean | undefined;
  /** A browser will be launched: warn at unmount if nothing was written to the directory. */
  browser?: boolean | undefined;
}

export interface StateUnmountOptions extends UnmountOptions {
  /** Remove the directory with its changes; commit nothing. */
  discard?: boolean | undefined;
}

const { recover, onProgress: _progress, onWarning: _warning, ...mounting } = optionsOf.mount;
const { transfer: _transfer, ...opening } = optionsOf.open;
const bucket = { bucketName: required(kind.text), prefix: kind.text, endpoint: kind.secret };

/** The options of the calls of BrowserState, each with the kind of its value. */
export const stateOptionsOf = {
  mount: {
    ...mounting,
    checkpointInterval: kind.from(1),
    prepare: kind.optionsOrFalse<PrepareOptions>({
      locks: kind.flag,
      exitType: kind.flag,
      warnings: kind.flag,
      keepSessionCookies: kind.flag,
      browserVersion: kind.textOrPromise,
    }),
    handleSignals: kind.flag,
    browser: kind.flag,
  } satisfies OptionNames<MountOptions>,
  unmount: { ...optionsOf.unmount, discard: kind.flag } satisfies OptionNames<StateUnmountOptions>,
  open: {
    ...opening,
    storageType: kind.oneOf('local', 's3', 'gcs', 'redis'),
    useSync: kind.flag,
    autoCleanup: kind.flag,
    localOptions: kind.options<LocalOptions>({ storagePath: kind.text }),
    s3Options: kind.options<S3StorageOptions>({
      ...bucket,
      region: kind.text,
      accessKeyId: kind.secret,
      accessKeyID: kind.secret,
      secretAccessKey: kind.secret,
      sessionToken: kind.secret,
      pathStyle: kind.flag,
      client: kind.object,
    }),
    gcsOptions: kind.options<GcsStorageOptions>({ ...bucket, projectID: kind.text, keyFilename: kind.text, storage: kind.object }),
    syncOptions: kind.options<SyncOptions>({
      ...optionsOf.transfer,
      storeMetadataOnProvider: kind.flag,
      metadataUpdateInterval: kind.positive,
    }),
    recover,
  } satisfies OptionNames<BrowserStateOptions>,
};

/** Throws USAGE or UNSUPPORTED for options without a usable storage. */
export function checkStorage({ storageType = 'local', s3Options, gcsOptions, remote }: BrowserStateOptions): void {
  if (storageType === 'redis') {
    throw new BrowserStateError('UNSUPPORTED', 'the storage type redis is not supported', { hint: 'Use local, s3 or gcs.' });
  }
  const isMissing = (storageType === 's3' && s3Options === undefined) || (storageType === 'gcs' && gcsOptions === undefined);
  if (remote !== undefined || !isMissing) return;
  throw new BrowserStateError('USAGE', `${storageType.toUpperCase()} options required`, {
    hint: `Pass at least ${storageType}Options: { bucketName }.`,
  });
}

/** Returns the remote that the options name, if any. Loads the modules of its cloud alone. */
export async function openRemote(options: BrowserStateOptions, host: Host): Promise<string | Provider | undefined> {
  const { storageType, useSync = true, remote, s3Options, gcsOptions } = options;
  if (!useSync || remote !== undefined) return useSync ? remote : undefined;
  if (storageType === 's3' && s3Options !== undefined) {
    const { s3Provider } = await import('../provider/s3/s3.js');
    const { bucketName, prefix, region, endpoint, pathStyle, client } = s3Options;
    const place = { bucket: bucketName, prefix: withoutSlashes(prefix), region, endpoint, pathStyle };
    return s3Provider({ ...place, credentials: credentialsOf(s3Options), client: client as never }, host);
  }
  if (storageType === 'gcs' && gcsOptions !== undefined) {
    const { gcsProvider } = await import('../provider/gcs/gcs.js');
    const { bucketName, prefix, projectID, storage, ...others } = gcsOptions;
    const place = { bucket: bucketName, prefix: withoutSlashes(prefix), projectId: projectID };
    return gcsProvider({ ...place, ...others, storage: storage as never });
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
