/**
 * Errors about damaged bytes, which have their key in the details (D2). The table has one line for
 * each kind of object and cell.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MAX_REF_ENTRIES } from '../../../src/format/ref.js';
import { memoryProvider, openStore, type Session, type Store } from '../../../src/index.js';
import type { Cell, Provider } from '../../../src/provider/provider.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { temporary } from '../../support/temporary.js';

interface Place {
  store: Store;
  session: Session;
  dir: string;
}

type Act = (place: Place) => Promise<unknown>;

const log: Act = async ({ session }) => {
  for await (const _ of session.log());
};

/** Calls by the prefix of the keys that they read first. */
const table: Readonly<Record<string, Act>> = {
  config: log,
  'gc/epoch': ({ store, dir }) => store.session('other').commit(dir),
  'refs/s': log,
  'segments/': log,
  'manifests/': ({ session, dir }) => session.checkout(`${dir} new`),
  'packs/': ({ session, dir }) => session.checkout(`${dir} new`),
};

const damages: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  'a byte altered': (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 1 : byte)),
  'its end cut off': (bytes) => bytes.subarray(0, -1),
  'no bytes': () => new Uint8Array(0),
};

/**
 * Returns the provider with `damage` applied to its answers for keys that begin with `prefix`.
 * `found` collects the requested keys.
 */
function damaged(inner: Provider, prefix: string, damage: (bytes: Uint8Array) => Uint8Array, found: Set<string>): Provider {
  return around(inner, async (method, key, request) => {
    const answer = (await request()) as unknown;
    const at = key.indexOf(prefix);
    if (at < 0 || (method !== 'get' && method !== 'read')) return answer as never;
    found.add(key.slice(at));
    if (answer instanceof Uint8Array) return damage(answer) as never;
    const { bytes, version } = answer as Cell;
    return { bytes: damage(bytes), version } as never;
  });
}

let inner: Provider;
let dir: string;

async function open(provider: Provider, seed: string, home: string, asRemote = false): Promise<Store> {
  const places = asRemote ? { home, remote: provider } : { home: provider };
  return openStore({ ...places, userId: 'tester', host: { ...fakeHost(seed), defaultHome: () => home } });
}

test.before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'browserstate-damaged-'));
  inner = memoryProvider();
  const store = await open(inner, 'first', `${dir} home`);
  for (let i = 0; i <= MAX_REF_ENTRIES; i++) {
    writeFileSync(join(dir, 'file'), `${i} `.repeat(100));
    await store.session('s').commit(dir);
  }
  await store.close();
});

test.after.always(() => {
  for (const path of [dir, `${dir} home`, `${dir} new`]) rmSync(path, { recursive: true, force: true });
});

for (const [key, act] of Object.entries(table)) {
  for (const [name, damage] of Object.entries(damages)) {
    for (const where of ['the local store', 'the remote'] as const) {
      // In a remote, only an operation that changes the remote reads these two cells.
      if (where === 'the remote' && (key === 'gc/epoch' || key === 'config')) continue;
      test.serial(`D2: ${key} in ${where}: ${name}`, async (t) => {
        const found = new Set<string>();
        const home = join(temporary(t), 'home');
        const store = await open(damaged(inner, key, damage, found), `${name} ${where}`, home, where === 'the remote');
        const call = where === 'the remote' && act !== log ? ({ session }: Place) => session.restore(`${home} new`) : act;
        const { details } = await rejects(t, () => call({ store, session: store.session('s'), dir }), 'INTEGRITY');
        t.true(found.has(String(details['key'])), JSON.stringify(details));
        await store.close();
      });
    }
  }
}
