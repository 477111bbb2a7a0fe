/** Rejection handlers that ignore expected errors, and rethrow every other error. */
import test from 'ava';
import { BrowserStateError, ignore } from '../../../src/base/errors.js';
import { nearest } from '../../../src/base/nearest.js';
import { ignoreFailure } from '../../../src/fs/errors.js';

const missing = new BrowserStateError('NOT_FOUND', 'it is missing');
const bug = new TypeError('a bug');
const system = Object.assign(new Error('it is full'), { code: 'ENOSPC' });

const handlers: readonly [name: string, handler: (error: unknown) => undefined, ignored: readonly Error[]][] = [
  ['the given code', ignore('CONFLICT', 'NOT_FOUND'), [missing]],
  ['another code', ignore('CONFLICT'), []],
  ['any code', ignore(), [missing]],
  ['failures', ignoreFailure, [missing, system]],
];

for (const [name, handler, ignored] of handlers) {
  test(`a handler that ignores ${name} rethrows every other error`, async (t) => {
    for (const error of [missing, bug, system]) {
      const result = Promise.reject(error).catch(handler);
      if (ignored.includes(error)) t.is(await result, undefined);
      else t.is(await t.throwsAsync(result, { any: true }), error);
    }
  });
}

test('a word is never suggested for itself, but its nearest neighbor is', (t) => {
  t.is(nearest('work', ['work']), undefined);
  t.is(nearest('work', ['work', 'works', 'play']), 'works');
});
