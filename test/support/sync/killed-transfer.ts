/** A push or a pull that is killed halfway and restarted, with the total bytes of both. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { openStore } from '../../../src/index.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { noise } from '../content.js';
import { type HttpCounts, type HttpProxy, startProxy } from '../faults/http-proxy.js';
import { file, readListing, writeProfile } from '../profile.js';
import { type S3Server, startS3Server } from '../servers/s3-server.js';
import { temporary } from '../temporary.js';

const MIB = 2 ** 20;
const FILE = 4 * MIB;
/** A timeout that is longer than any test. */
const PATIENCE_MS = 3_600_000;
const child = fileURLToPath(new URL('../programs/transfer.js', import.meta.url));

interface Remote {
  proxy: HttpProxy;
  /** The options to reach the bucket through the proxy. */
  bucket: string;
}

async function through(t: ExecutionContext, { options }: S3Server): Promise<Remote> {
  const proxy = await startProxy({ target: new URL(options.endpoint as string) });
  t.teardown(() => proxy.close());
  // A request that is slow on a busy machine is not retried, since a retry would count twice.
  return { proxy, bucket: JSON.stringify({ ...options, endpoint: proxy.url, timeoutMs: PATIENCE_MS }) };
}

/** The bytes that a child moved either way, and those that its index recorded. */
interface Transfer extends HttpCounts {
  noted: number;
}

/**
 * Runs the child until it exits. The child kills itself as soon as its index has recorded `until`
 * bytes.
 */
async function transfer({ proxy, bucket }: Remote, step: 'push' | 'pull', home: string, until = Infinity): Promise<Transfer> {
  proxy.reset();
  const running = spawn(process.execPath, [child, step, home, bucket, String(until)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const closed = once(running, 'close');
  let noted = 0;
  for await (const line of createInterface({ input: running.stdout })) noted = Number(line);
  const [code, signal] = (await closed) as [number | null, string | null];
  if (until === Infinity ? code !== 0 : signal !== 'SIGKILL') throw new Error(`the child ended with ${code ?? signal}`);
  return { ...proxy.counts(), noted };
}

/** Returns a local store with a commit of `mib` MiB that do not compress. */
async function scene(t: ExecutionContext, mib: number) {
  const folder = temporary(t);
  const server = await startS3Server();
  t.teardown(() => server.close());
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeProfile(dir, new Map(Array.from({ length: (mib * MIB) / FILE }, (_, i) => [`file-${i}`, file(noise(FILE, i))])));
  const home = join(folder, 'home');
  const direct = s3Provider(server.options);
  t.teardown(() => direct.close());
  const store = await openStore({ home, userId: 'tester', remote: direct });
  await store.session('main').commit(dir, { offline: true });
  return { folder, server, dir, home, store };
}

export interface Moved {
  /** The bytes of an undisturbed transfer, of a killed one, and of the one after it. */
  whole: number;
  first: number;
  second: number;
  /** The bytes that the index of the killed transfer had recorded. */
  noted: number;
}

/** Kills a push when half of it is recorded, and pushes again. Asserts that the remote is whole. */
export async function killedPush(t: ExecutionContext, mib: number): Promise<Moved> {
  const { folder, server, dir, home, store } = await scene(t, mib);
  const other = await startS3Server();
  const copy = join(folder, 'copy');
  cpSync(home, copy, { recursive: true });
  const { sent: whole } = await transfer(await through(t, other), 'push', copy);
  await other.close();
  const remote = await through(t, server);
  const { sent: first, noted } = await transfer(remote, 'push', home, (mib * MIB) / 2);
  const { sent: second } = await transfer(remote, 'push', home);
  t.true(first < whole);
  t.deepEqual(
    (await store.verify({ readData: true, on: 'remote' })).findings.filter(({ sessions }) => sessions.length > 0),
    [],
  );
  const target = join(folder, 'target');
  const bare = await openStore({ home: join(folder, 'bare'), userId: 'tester', remote: s3Provider(server.options) });
  await bare.session('main').checkout(target);
  await bare.close();
  t.deepEqual(readListing(target), readListing(dir));
  return told(t, { whole, first, second, noted });
}

/**
 * Kills a pull when half of it is recorded, and pulls again. Asserts that the local store is whole.
 */
export async function killedPull(t: ExecutionContext, mib: number): Promise<Moved> {
  const { folder, server, dir, store } = await scene(t, mib);
  await store.session('main').push();
  const remote = await through(t, server);
  const { received: whole } = await transfer(remote, 'pull', join(folder, 'undisturbed'));
  const home = join(folder, 'killed');
  const { received: first, noted } = await transfer(remote, 'pull', home, (mib * MIB) / 2);
  const { received: second } = await transfer(remote, 'pull', home);
  const target = join(folder, 'target');
  const again = await openStore({ home, userId: 'tester' });
  await again.session('main').checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await again.verify({ readData: true })).findings, []);
  return told(t, { whole, first, second, noted });
}

function told(t: ExecutionContext, moved: Moved): Moved {
  const { whole, first, second, noted } = moved;
  t.log(`undisturbed ${whole}, killed after ${first} with ${noted} noted, then ${second}: ${((first + second) / whole).toFixed(3)}`);
  return moved;
}
