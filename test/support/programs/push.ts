/**
 * A program that pushes the session `main`: `push.js HOME FOLDER HELD`. It prints a dot
 * before each request to the remote, and a line with the outcome. The request with the number HELD
 * waits for a line on stdin.
 */
import { once } from 'node:events';
import process from 'node:process';
import { localProvider, openStore, type Provider } from '../../../src/index.js';
import { around } from '../faults/providers.js';
import { fakeHost } from '../host.js';
import { outcomeOf } from '../session/outcomes.js';

const [home, folder, held] = process.argv.slice(2) as [string, string, string];
let requests = 0;

/** Returns the same provider, with each request printed. */
function counted(inner: Provider): Provider {
  const outer = around(inner, async (_method, _key, request) => {
    const isHeld = ++requests === Number(held);
    process.stdout.write('.');
    if (isHeld) await once(process.stdin, 'data');
    return request();
  });
  const expecting = inner.expecting?.bind(inner);
  return expecting === undefined ? outer : { ...outer, expecting: (expected) => counted(expecting(expected)) };
}

const remote = counted(localProvider(folder, fakeHost(`push ${process.pid}`)));
const store = await openStore({ home, userId: 'tester', remote, transfer: { maxRetries: 0 } });
const outcome = await outcomeOf(store.session('main').push());
process.stdout.write(`\n${outcome}\n`);
process.stdin.destroy();
