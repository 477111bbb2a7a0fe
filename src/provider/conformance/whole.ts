/** Cases about cancellation, a provider's declarations, and closing. */
import assert from 'node:assert/strict';
import { isError } from '../../base/errors.js';
import type { Provider, RequestOptions } from '../provider.js';
import { cellOf, content, type Draft, keys, rejects, same, text, times, unlessCancelled, won } from './support.js';

type Method = (provider: Provider, options: RequestOptions, version: string) => Promise<unknown>;

const methods: Record<string, Method> = {
  put: (provider, options) => provider.put('packs/new', content(300_000), options),
  get: (provider, options) => provider.get('packs/a', options),
  'get of a range': (provider, options) => provider.get('packs/a', { ...options, range: { start: 1, end: 9 } }),
  read: (provider, options) => provider.read('refs/a', options),
  'swap that creates': (provider, options) => provider.swap('refs/new', text('new'), null, options),
  'swap that replaces': (provider, options, version) => provider.swap('refs/a', text('new'), version, options),
  list: async (provider, options) => {
    for await (const { key } of provider.list('', options)) assert.notEqual(key, '');
  },
  delete: (provider, options) => provider.delete('packs/a', options),
};

async function fill(provider: Provider): Promise<string> {
  await provider.put('packs/a', content(300_000));
  return await won(provider, 'refs/a', text('old'), null);
}

/** Fails unless everything is as before the method or as after it, and works. */
async function wholeOrUntouched(provider: Provider, version: string): Promise<void> {
  const found = await keys(provider);
  if (found.includes('packs/a')) same(await provider.get('packs/a'), content(300_000));
  if (found.includes('packs/new')) same(await provider.get('packs/new'), content(300_000));
  await provider.put('packs/new', content(300_000));
  const cell = await cellOf(provider, 'refs/a');
  same(cell.bytes, text(cell.version === version ? 'old' : 'new'));
  await won(provider, 'refs/a', text('after'), cell.version);
  await provider.swap('refs/new', text('new'), null);
  same((await cellOf(provider, 'refs/new')).bytes, text('new'));
}

const cancelledBefore = (name: string, method: Method): Draft => ({
  name: `${name}: a signal that has fired before is CANCELLED, and nothing is done`,
  run: async (provider) => {
    const version = await fill(provider);
    await rejects(method(provider, { signal: AbortSignal.abort() }, version), 'CANCELLED');
    assert.deepEqual(await keys(provider), ['packs/a', 'refs/a']);
    assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('old'), version });
  },
});

const cancelledDuring = (name: string, method: Method): Draft => ({
  name: `${name}: a signal that fires during it leaves all or nothing`,
  run: async (provider) => {
    let version = await fill(provider);
    for (const delay of [0, 0, 1, 2, 4]) {
      const abort = new AbortController();
      const call = unlessCancelled(method(provider, { signal: abort.signal }, version));
      await new Promise((resolve) => (delay === 0 ? setImmediate(resolve) : setTimeout(resolve, delay)));
      abort.abort();
      await call;
      await wholeOrUntouched(provider, version);
      await provider.put('packs/a', content(300_000));
      await provider.delete('packs/new');
      version = await won(provider, 'refs/a', text('old'), (await cellOf(provider, 'refs/a')).version);
    }
  },
});

export const whole: Draft[] = [
  ...Object.entries(methods).map(([name, method]) => cancelledBefore(name, method)),
  ...Object.entries(methods).map(([name, method]) => cancelledDuring(name, method)),
  {
    name: 'a signal that fires with a reason of its own is CANCELLED all the same',
    run: async (provider) => {
      const version = await fill(provider);
      for (const reason of ['stop', new Error('stop'), null]) {
        for (const method of Object.values(methods)) {
          await rejects(method(provider, { signal: AbortSignal.abort(reason) }, version), 'CANCELLED');
        }
        const abort = new AbortController();
        const call = unlessCancelled(provider.get('packs/a', { signal: abort.signal }));
        await new Promise((resolve) => setImmediate(resolve));
        abort.abort(reason);
        await call;
      }
    },
  },
  {
    name: 'a cancelled request does not disturb other requests',
    run: async (provider) => {
      await fill(provider);
      const abort = new AbortController();
      const calls = times(40, 40, async (i) => {
        if (i % 2 === 0) same(await provider.get('packs/a'), content(300_000));
        else await unlessCancelled(provider.get('packs/a', { signal: abort.signal }));
      });
      await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      await calls;
    },
  },
  {
    name: 'a signal that never fires changes nothing',
    run: async (provider) => {
      const version = await fill(provider);
      const { signal } = new AbortController();
      for (const method of Object.values(methods)) await method(provider, { signal }, version);
      assert.deepEqual(await keys(provider), ['packs/new', 'refs/a', 'refs/new']);
    },
  },
  {
    name: 'it declares its URL, without credentials, and what it supports',
    run: async (provider) => {
      assert.ok(provider.url.length > 0);
      assert.doesNotMatch(provider.url, /\/\/[^/]*:[^/]*@/, 'no password in the address');
      assert.equal(typeof provider.supports.conditionalRead, 'boolean');
      assert.equal(typeof provider.supports.durable, 'boolean');
    },
  },
  {
    name: 'an error is one of this library, with a message that names the key',
    run: async (provider) => {
      const error: unknown = await provider.get('packs/nowhere').catch((found: unknown) => found);
      assert.ok(isError(error, 'NOT_FOUND') && error.message.includes('packs/nowhere'), String(error));
    },
  },
  {
    name: 'a check, if it has one, finds no damage in its own writes',
    run: async (provider) => {
      if (provider.check === undefined) return;
      for await (const finding of provider.check()) assert.fail(`empty: ${finding.message}`);
      await times(3, 3, async (i) => {
        await provider.put(`packs/${i}`, content(1000));
        let version = await won(provider, `refs/${i}`, text('0'), null);
        for (let n = 1; n < 70; n++) version = await won(provider, `refs/${i}`, text(`${n}`), version);
      });
      for await (const finding of provider.check()) assert.fail(`${finding.key}: ${finding.message}`);
    },
  },
  {
    name: 'acknowledged writes are there when it is reopened, if it is durable',
    run: async (provider, { reopen }) => {
      const version = await fill(provider);
      assert.ok(!provider.supports.durable || reopen !== undefined, 'a durable provider gives the suite a way to open it again');
      if (reopen === undefined) return;
      const again = await reopen(provider);
      same(await again.get('packs/a'), content(300_000));
      assert.deepEqual(await again.read('refs/a'), { bytes: text('old'), version });
      await won(again, 'refs/a', text('new'), version);
      assert.deepEqual(await keys(again), ['packs/a', 'refs/a']);
      await again.close();
    },
  },
];
