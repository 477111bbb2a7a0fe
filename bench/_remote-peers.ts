/** The tools that people use with a bucket today, and ours: each as whole processes, through the endpoint that counts. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, type RunOptions, runTimedBeside, type Timed } from './_timed.js';

export interface Bucket {
  endpoint: string;
  bucket: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

export interface RemotePeer {
  readonly name: string;
  missing(): string | undefined;
  /** What must be there before the first save. */
  init?(place: Bucket, root: string): Promise<unknown>;
  /** Saves `dir`, whose path is the same each time, from the machine whose state is below `root`. */
  save(place: Bucket, root: string, dir: string): Promise<Timed>;
  /** Brings it to `out`, an absent directory, on a machine that has nothing: `root` is empty. */
  restore(place: Bucket, root: string, dir: string, out: string): Promise<Timed & { at: string }>;
}

const here = dirname(fileURLToPath(import.meta.url));
const CLI = join(here, '../cli/main.js');

const needs =
  (...programs: string[]) =>
  () => {
    const absent = programs.filter((program) => !installed(program));
    return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
  };

const awsEnv = ({ credentials }: Bucket): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  AWS_CA_BUNDLE: '',
});

const run = (place: Bucket, command: string, args: readonly string[], options: RunOptions = {}): Promise<Timed> =>
  runTimedBeside(command, args, { ...options, env: { ...awsEnv(place), ...options.env } });

const ours = (place: Bucket, root: string, ...args: string[]): Promise<Timed> => {
  const remote = `s3://${place.bucket}/ours?region=us-east-1&endpoint=${place.endpoint}&pathStyle=true`;
  return run(place, process.execPath, [CLI, ...args, '-s', 'bench', '--home', join(root, 'home'), '--remote', remote, '--json']);
};

const browserstate: RemotePeer = {
  name: 'browserstate',
  missing: () => (existsSync(CLI) ? undefined : 'not built'),
  // The directory holds just the files of the comparison, so nothing more is left out.
  save: (place, root, dir) => ours(place, root, 'snapshot', dir, '--keep-caches'),
  restore: async (place, root, _dir, out) => ({ ...(await ours(place, root, 'restore', out)), at: out }),
};

const resticRun = (place: Bucket, root: string, ...args: string[]): Promise<Timed> => {
  const repository = `s3:${place.endpoint}/${place.bucket}/restic`;
  const settings = ['--quiet', '--repo', repository, '--cache-dir', join(root, 'cache'), '-o', 's3.bucket-lookup=path'];
  return run(place, 'restic', [...settings, ...args], { env: { RESTIC_PASSWORD: 'bench' } });
};

const restic: RemotePeer = {
  name: 'restic',
  missing: needs('restic'),
  init: (place, root) => resticRun(place, root, 'init'),
  save: (place, root, dir) => resticRun(place, root, 'backup', dir),
  restore: async (place, root, dir, out) => ({
    ...(await resticRun(place, root, 'restore', 'latest', '--target', out)),
    at: join(out, dir),
  }),
};

const rcloneRun = (place: Bucket, from: string, to: string): Promise<Timed> => {
  const settings = ['--s3-provider', 'Ceph', '--s3-env-auth', '--s3-endpoint', place.endpoint, '--s3-region', 'us-east-1'];
  return run(place, 'rclone', ['sync', from, to, ...settings, '--config', '/dev/null', '--s3-no-check-bucket']);
};

const rclone: RemotePeer = {
  name: 'rclone sync',
  missing: needs('rclone'),
  save: (place, _root, dir) => rcloneRun(place, dir, `:s3:${place.bucket}/rclone`),
  restore: async (place, _root, _dir, out) => ({ ...(await rcloneRun(place, `:s3:${place.bucket}/rclone`, out)), at: out }),
};

const tarRun = (place: Bucket, way: string, dir: string): Promise<Timed> =>
  run(place, process.execPath, [join(here, '_tar-s3.js'), way, dir, place.endpoint, place.bucket, 'tar/profile.tar.zst']);

const tar: RemotePeer = {
  name: 'tar.zst by hand',
  missing: needs('tar', 'zstd'),
  save: (place, _root, dir) => tarRun(place, 'put', dir),
  restore: async (place, _root, _dir, out) => ({ ...(await tarRun(place, 'get', out)), at: out }),
};

export const remotePeers: readonly RemotePeer[] = [browserstate, restic, rclone, tar];
