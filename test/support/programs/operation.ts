/**
 * The program of the tests with held operations. It runs one operation on a directory, and prints
 * the outcome as JSON.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { isError, openStore } from '../../../src/index.js';
import { overwrite } from '../session/versions.js';

const [home, dir, operation, argument = 'HEAD'] = process.argv.slice(2) as [string, string, string, string?];
const store = await openStore({ home, userId: 'tester' });
const session = store.session('s');

async function act(): Promise<object | undefined> {
  if (operation === 'restore' || operation === 'force') return session.checkout(dir, { at: argument, force: operation === 'force' });
  if (operation === 'part') return session.checkout(dir, { only: ['Default/Cookies'], force: true });
  if (operation === 'snapshot') return session.commit(dir);
  if (operation === 'checkpoint') return session.checkpoint(dir);
  if (operation === 'mount') {
    const mount = await store.mount('s');
    overwrite(mount.dir, argument);
    return mount.unmount();
  }
  const [left] = await store.abandonedMounts();
  return left && store.recover(left, 'commit');
}

let outcome: unknown;
try {
  outcome = (await act()) ?? {};
} catch (error) {
  if (!isError(error)) throw error;
  const { code, details, message, hint } = error;
  outcome = { code, details, message, hint };
}
writeSync(
  1,
  JSON.stringify(outcome, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
);
