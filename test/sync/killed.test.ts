/** A push or a pull that is killed half-way: started again it sends or fetches what had not arrived, and little else. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openRepository } from '../../src/index.js';
import { s3Provider } from '../../src/provider/s3.js';
import { type HttpCounts, type HttpProxy, startProxy } from '../faults/http-proxy.js';
import { noise } from '../helpers/content.js';
import { file, readListing, writeProfile } from '../helpers/profile.js';
import { temporary } from '../helpers/temporary.js';
import { type S3Server, startS3Server } from '../servers/s3-server.js';

const MIB = 2 ** 20;
const SIZE = 60 * MIB;
const child = fileURLToPath(new URL('_transfer-child.js', import.meta.url));

interface Remote {
  proxy: HttpProxy;
  /** How to reach the bucket through it. */
  bucket: string;
}

async function through(t: ExecutionContext, { options }: S3Server): Promise<Remote> {
  const proxy = await startProxy({ target: new URL(options.endpoint as string) });
  t.teardown(() => proxy.close());
  return { proxy, bucket: JSON.stringify({ ...options, endpoint: proxy.url }) };
}

/** Runs the child until it ends or is to be killed; resolves to the bytes that went up and down. */
async function transfer(
  { proxy, bucket }: Remote,
  step: 'push' | 'pull',
  home: string,
  isTime: (counts: HttpCounts) => boolean = () => false,
): Promise<HttpCounts> {
  proxy.reset();
  const running = spawn(process.execPath, [child, step, home, bucket], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const ended = once(running, 'exit');
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver && !isTime(proxy.counts())) await turn();
  const isKilled = !isOver && running.kill('SIGKILL');
  const [code] = (await ended) as [number | null];
  if (!isKilled && code !== 0) throw new Error(`the child ended with ${code}`);
  return proxy.counts();
}

async function scene(t: ExecutionContext) {
  const folder = temporary(t);
  const server = await startS3Server();
  t.teardown(() => server.close());
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeProfile(dir, new Map(Array.from({ length: 15 }, (_, i) => [`file-${i}`, file(noise(SIZE / 15, i))])));
  const home = join(folder, 'home');
  const direct = s3Provider(server.options);
  t.teardown(() => direct.close());
  const store = await openRepository({ home, userId: 'tester', remote: direct });
  await store.session('main').commit(dir, { offline: true });
  return { folder, server, dir, home, store };
}

test.serial('a push that is killed half-way sends no more than the pack that was under way once more', async (t) => {
  const { folder, server, dir, home, store } = await scene(t);
  const other = await startS3Server();
  t.teardown(() => other.close());
  const copy = join(folder, 'copy');
  cpSync(home, copy, { recursive: true });
  const { sent: whole } = await transfer(await through(t, other), 'push', copy);
  const remote = await through(t, server);
  const { sent: first } = await transfer(remote, 'push', home, ({ sent }) => sent >= whole / 2);
  const { sent: second } = await transfer(remote, 'push', home);
  t.log(`undisturbed ${whole}, killed after ${first}, then ${second}: ${((first + second) / whole).toFixed(3)}`);
  t.true(first < whole);
  t.true(first + second <= whole + 8.5 * MIB);
  t.deepEqual(
    (await store.verify({ readData: true, on: 'remote' })).findings.filter(({ sessions }) => sessions.length > 0),
    [],
  );
  const target = join(folder, 'target');
  const bare = await openRepository({ home: join(folder, 'bare'), userId: 'tester', remote: s3Provider(server.options) });
  await bare.session('main').checkout(target);
  await bare.close();
  t.deepEqual(readListing(target), readListing(dir));
});

test.serial('a pull that is killed when half is stored does not fetch again what is stored', async (t) => {
  const { folder, server, dir, store } = await scene(t);
  await store.session('main').push();
  const remote = await through(t, server);
  const { received: whole } = await transfer(remote, 'pull', join(folder, 'undisturbed'));
  const home = join(folder, 'killed');
  const packs = join(home, 'tester/.store/packs');
  const stored = (): number => (existsSync(packs) ? readdirSync(packs).length : 0);
  const { received: first } = await transfer(remote, 'pull', home, () => stored() >= 4);
  const count = stored();
  const { received: second } = await transfer(remote, 'pull', home);
  t.log(`undisturbed ${whole}, killed after ${first} with ${count} packs, then ${second}: ${((first + second) / whole).toFixed(3)}`);
  // The newest pack may not have been verified.
  t.true(second <= whole - (count - 1) * 7.7 * MIB);
  const target = join(folder, 'target');
  const again = await openRepository({ home, userId: 'tester' });
  await again.session('main').checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await again.verify({ readData: true })).findings, []);
});
