/**
 * A remote that differs from this machine's notes: emptied and created anew, or restored to an
 * older state.
 */
import { appendFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../src/base/bytes.js';
import { memoryProvider, type Provider } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { readListing } from '../../support/profile.js';
import { contentOf } from '../../support/provider-content.js';
import { history } from '../../support/store.js';
import { type Machine, machine, reopened } from '../../support/sync/machines.js';
import { switched } from '../../support/sync/switch.js';

/** Returns an empty provider whose version tokens no other provider uses. */
async function emptied(): Promise<Provider> {
  const provider = memoryProvider();
  for (let i = 0; i < 100; i++) await provider.swap('other/cell', utf8('x'), `${i}`);
  return provider;
}

/**
 * Returns a machine that has pushed one commit and has another commit that is not pushed. From then
 * on the machine sees another bucket, in a new process.
 */
async function surprised(t: ExecutionContext, bucket: Provider) {
  const gate = switched(memoryProvider());
  const actor = await machine(t, gate.provider);
  const dir = actor.profile();
  await actor.session.commit(dir);
  await actor.session.push();
  appendFileSync(`${dir}/Default/Preferences`, 'more');
  await actor.session.commit(dir);
  gate.through(bucket);
  return { actor: await reopened(actor, gate.provider), dir, listing: readListing(dir) };
}

/**
 * Asserts that every session on the remote is sound, belongs to one repository, and can be listed
 * by a new machine. Objects for the old repository belong to no session.
 */
async function isSound(t: ExecutionContext, bucket: Provider, names: string[]): Promise<void> {
  const viewer = await machine(t, bucket);
  const found: string[] = [];
  for await (const { session } of viewer.store.sessions()) found.push(session);
  t.deepEqual(found, names);
  const { findings } = await viewer.store.verify({ readData: true, on: 'remote' });
  t.deepEqual(
    findings.filter(({ key, sessions }) => sessions.length > 0 || !/^(packs|manifests)\//.test(key)),
    [],
  );
}

async function checksOut(t: ExecutionContext, bucket: Provider, name: string, listing: unknown): Promise<void> {
  const viewer = await machine(t, bucket, name);
  const dir = viewer.directory();
  await viewer.session.checkout(dir);
  t.deepEqual(readListing(dir), listing);
}

async function other(t: ExecutionContext, bucket: Provider, name: string): Promise<Machine> {
  const made = await machine(t, bucket, name);
  await made.session.commit(made.profile(), { message: 'of another' });
  await made.session.push();
  return made;
}

test('an emptied bucket gets everything that the machine has', async (t) => {
  const bucket = await emptied();
  const { actor, listing } = await surprised(t, bucket);
  t.is((await actor.session.push()).commits, 2);
  await isSound(t, bucket, ['main']);
  await checksOut(t, bucket, 'main', listing);
});

test('a new repository of another machine at the same address is joined', async (t) => {
  const bucket = await emptied();
  await other(t, bucket, 'another');
  const { actor, listing } = await surprised(t, bucket);
  t.is((await actor.session.push()).commits, 2);
  await isSound(t, bucket, ['another', 'main']);
  await checksOut(t, bucket, 'main', listing);
});

test('a new session and a fork are created in the existing repository', async (t) => {
  const bucket = await emptied();
  await other(t, bucket, 'another');
  const { actor, dir, listing } = await surprised(t, bucket);
  const fresh = actor.store.session('fresh');
  await fresh.commit(dir);
  await fresh.push();
  await isSound(t, bucket, ['another', 'fresh']);
  await checksOut(t, bucket, 'fresh', listing);
  await actor.session.fork('branch');
  await isSound(t, bucket, ['another', 'branch', 'fresh', 'main']);
});

test('a session of the same name there is a conflict, and nothing is lost', async (t) => {
  const bucket = await emptied();
  const there = await other(t, bucket, 'main');
  const { actor, listing } = await surprised(t, bucket);
  await rejects(t, () => actor.session.pull(), 'CONFLICT');
  const error = await rejects(t, () => actor.session.push(), 'CONFLICT');
  const [, fork] = /as session (\S+)$/.exec(error.message) ?? [];
  await checksOut(t, bucket, fork as string, listing);
  t.is((await history(there.session)).length, 1);
  // The commits are the unpushed commit, and those of the remote.
  t.is((await history(actor.session)).length, 3);
  await actor.session.push({ onConflict: 'ours' });
  t.is((await history(there.session)).length, 4);
  await checksOut(t, bucket, 'main', listing);
  await isSound(t, bucket, [fork as string, 'main'].sort());
});

test('an older state of a session is rejected by a machine that saw the newer one', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  await a.session.commit(dir);
  await a.session.push();
  const key = 'tester/.store/refs/main';
  const old = (await contentOf(remote)).get(key)?.bytes as Uint8Array;
  appendFileSync(`${dir}/Default/Preferences`, 'more');
  const { commit } = await a.session.commit(dir);
  await a.session.push();
  await b.session.pull();
  const now = await remote.read(key);
  await remote.swap(key, old, now === undefined || now === 'unchanged' ? null : now.version);
  const error = await rejects(t, () => b.session.pull(), 'INTEGRITY');
  t.regex(error.message, /expected change 3/);
  t.is((await b.session.resolve('HEAD', { offline: true })).commit, commit);
  await rejects(t, () => a.session.sync(), 'INTEGRITY');
  await machine(t, remote).then(({ session, directory }) => session.checkout(directory()));
});

test('many sessions are pulled at once by a machine that has not seen the remote', async (t) => {
  const remote = memoryProvider();
  const a = await machine(t, remote);
  const names = Array.from({ length: 8 }, (_, i) => `session-${i}`);
  const dir = a.profile();
  for (const name of names) {
    await a.store.session(name).commit(dir);
    await a.store.session(name).push();
  }
  const b = await machine(t, remote);
  await Promise.all(names.map((name) => b.store.session(name).pull()));
  for (const name of names) t.is((await b.store.session(name).push()).pushed, false);
});
