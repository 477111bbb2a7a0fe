/** Errors of the system, as callers of the library get them (C16). */
import { constants } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { unexpectedFailure } from '../../../src/base/system-errors.js';
import { BrowserStateError, isError, openStore } from '../../../src/index.js';
import { withFaults } from '../../support/faults/system-calls.js';
import { fakeHost } from '../../support/host.js';
import { profile, write } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

test('C16: every unexpected error of this system has a code, a hint and the path', (t) => {
  for (const code of Object.keys(constants.errno)) {
    const error = Object.assign(new Error(`${code}: failed, open '/a'`), { code, errno: -1, syscall: 'open', path: '/a' });
    const failure = unexpectedFailure(error) as BrowserStateError;
    t.true(isError(failure) && failure.code !== 'INTERNAL' && failure.hint !== undefined, code);
    t.is(failure.message, `/a: open failed: ${code}`);
    t.deepEqual(failure.details, { path: '/a' });
    t.is(failure.cause, error);
  }
});

test('C16: errors of the program, of Node and of this library pass as they are', (t) => {
  const errors = [new TypeError('x'), new BrowserStateError('BUSY', 'x'), Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })];
  for (const error of [...errors, 'text', undefined, null]) t.is(unexpectedFailure(error), error);
});

/** Public calls of a store, each with a system call that it makes unprotected. */
test.serial('C16: a method, an iterator and a mount report a failed system call as an error of the library', async (t) => {
  const folder = temporary(t);
  const host = fakeHost('system errors');
  const store = await openStore({ home: join(folder, 'home'), host });
  const dir = join(folder, 'profile');
  await write(dir, profile('first'));
  await store.session('s').commit(dir);
  const mount = await store.mount('s');
  const calls = {
    method: () => store.session('s').status(dir),
    iterator: async () => {
      for await (const _ of store.session('s').log());
    },
    mount: () => mount.commit(),
  };
  for (const [name, call] of Object.entries(calls)) {
    const { error } = await withFaults({ errno: 'EIO', fails: () => true }, call);
    t.true(isError(error) && error.code !== 'INTERNAL' && error.hint !== undefined, `${name}: ${error}`);
  }
  await mount.discard();
  await store.close();
});

for (const call of ['unlink', 'rm']) {
  test.serial(`C16: a lock of a directory that ${call} failed to remove does not lock its own process out`, async (t) => {
    const folder = temporary(t);
    const store = await openStore({ home: join(folder, 'home') });
    const dir = join(folder, 'profile');
    await write(dir, profile('first'));
    const fails = (_: number, made: string): boolean => made.startsWith(`${call} `) && made.includes('.lock');
    await withFaults({ errno: 'EIO', fails }, () => store.session('s').commit(dir));
    const { error } = await withFaults({ errno: 'EIO', fails: () => false }, () => store.session('s').commit(dir));
    t.is(error, undefined);
    await store.close();
  });
}
