/**
 * Common tools for buckets and ours. Each tool runs as a whole process, through the endpoint that
 * counts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, type RunOptions, runTimedBeside, type Timed } from '../test/support/measure/timed.js';

export interface Bucket {
  endpoint: string;
  bucket: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

export interface RemotePeer {
  readonly name: string;
  missing(): string | undefined;
  /** Prepares the bucket for the first save. */
  init?(place: Bucket, root: string): Promise<unknown>;
  /** Saves `dir`, whose path is always the same, from the machine whose state is below `root`. */
  save(place: Bucket, root: string, dir: string): Promise<Timed>;
  /**
   * Returns the function that restores to `out`, an absent directory, on an empty machine: `root`
   * is empty. The function resolves to the path of the files.
   */
  restorer(place: Bucket, root: string, dir: string, out: string): Promise<() => Promise<string>>;
}

const command =
  (restore: (place: Bucket, root: string, dir: string, out: string) => Promise<unknown>, at: (dir: string, out: string) => string) =>
  async (place: Bucket, root: string, dir: string, out: string) =>
  async () => {
    await restore(place, root, dir, out);
    return at(dir, out);
  };
const inPlace = (_dir: string, out: string): string => out;

const here = dirname(fileURLToPath(import.meta.url));
const CLI = join(here, '../lib/cli.js');

const needs =
  (...programs: string[]) =>
  () => {
    const absent = programs.filter((program) => !installed(program));
    return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
  };

export const awsEnv = ({ credentials }: Bucket): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  AWS_CA_BUNDLE: '',
});

const run = (place: Bucket, command: string, args: readonly string[], options: RunOptions = {}): Promise<Timed> =>
  runTimedBeside(command, args, { ...options, env: { ...awsEnv(place), ...options.env } });

export const remoteOf = ({ bucket, endpoint }: Bucket): string =>
  `s3://${bucket}/ours?region=us-east-1&endpoint=${endpoint}&pathStyle=true`;

const ours = (place: Bucket, root: string, ...args: string[]): Promise<Timed> =>
  run(place, process.execPath, [CLI, ...args, '-s', 'bench', '--home', join(root, 'home'), '--remote', remoteOf(place), '--json']);

const browserstate: RemotePeer = {
  name: 'browserstate',
  missing: () => (existsSync(CLI) ? undefined : 'not built'),
  // The directory holds only the files of the comparison, so nothing else is excluded.
  save: (place, root, dir) => ours(place, root, 'snapshot', dir, '--keep-caches'),
  restorer: command((place, root, _dir, out) => ours(place, root, 'restore', out), inPlace),
};

/**
 * The library in a running process that has loaded the SDK, like a fleet's worker. Only restores
 * use this process; saves use the command.
 */
const worker: RemotePeer = {
  ...browserstate,
  name: 'browserstate in a worker',
  restorer: async (place, root, _dir, out) => {
    const child = spawn(process.execPath, [join(here, '_mount-worker.js'), join(root, 'home'), remoteOf(place), out], {
      env: { ...process.env, ...awsEnv(place) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return async () => {
      child.stdin.end('mount\n');
      const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      if (String(said) !== 'mounted\n') throw new Error(`the worker said ${said}`);
      return out;
    };
  },
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
  restorer: command(
    (place, root, _dir, out) => resticRun(place, root, 'restore', 'latest', '--target', out),
    (dir, out) => join(out, dir),
  ),
};

const rcloneRun = (place: Bucket, from: string, to: string): Promise<Timed> => {
  const settings = ['--s3-provider', 'Ceph', '--s3-env-auth', '--s3-endpoint', place.endpoint, '--s3-region', 'us-east-1'];
  return run(place, 'rclone', ['sync', from, to, ...settings, '--config', '/dev/null', '--s3-no-check-bucket']);
};

const rclone: RemotePeer = {
  name: 'rclone sync',
  missing: needs('rclone'),
  save: (place, _root, dir) => rcloneRun(place, dir, `:s3:${place.bucket}/rclone`),
  restorer: command((place, _root, _dir, out) => rcloneRun(place, `:s3:${place.bucket}/rclone`, out), inPlace),
};

const tarRun = (place: Bucket, way: string, dir: string): Promise<Timed> =>
  run(place, process.execPath, [join(here, '_tar-s3.js'), way, dir, place.endpoint, place.bucket, 'tar/profile.tar.zst']);

const tar: RemotePeer = {
  name: 'tar.zst by hand',
  missing: needs('tar', 'zstd'),
  save: (place, _root, dir) => tarRun(place, 'put', dir),
  restorer: command((place, _root, _dir, out) => tarRun(place, 'get', out), inPlace),
};

export const remotePeers: readonly RemotePeer[] = [browserstate, worker, restic, rclone, tar];
