/** Decoded frames are shared: the pull verifies them, and the checkout writes them. */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type * as zlib from 'node:zlib';
import test from 'ava';

/**
 * Number of calls of the decoders of node:zlib. The decoders are replaced before the library is
 * loaded.
 */
let decodes = 0;
const native = createRequire(import.meta.url)('node:zlib') as Record<string, unknown>;
for (const name of ['inflateRaw', 'brotliDecompress', 'zstdDecompress']) {
  const decode = native[name] as typeof zlib.inflateRaw | undefined;
  if (decode === undefined) continue;
  native[name] = (...args: Parameters<typeof zlib.inflateRaw>) => {
    decodes++;
    decode(...args);
  };
}
syncBuiltinESMExports();
const { memoryProvider } = await import('../../../src/index.js');
const { machine } = await import('../../support/sync/machines.js');
const { prose } = await import('../../support/content.js');
const { smallProfile, readListing } = await import('../../support/profile.js');

async function decodesOf(act: () => Promise<unknown>): Promise<number> {
  const before = decodes;
  await act();
  return decodes - before;
}

test('a restore from a remote decodes no frame for the checkout that the pull decoded', async (t) => {
  const remote = memoryProvider();
  const first = await machine(t, remote);
  const profile = first.profile(smallProfile(prose));
  await first.session.save(profile);
  const [restoring, pulling] = [await machine(t, remote), await machine(t, remote)];
  const [there, later] = [restoring.directory(), pulling.directory()];
  const restored = await decodesOf(() => restoring.session.restore(there));
  const pulled = await decodesOf(() => pulling.session.pull());
  // A later checkout decodes the frames again, so the count works.
  const checkedOut = await decodesOf(() => pulling.session.checkout(later));
  t.true(pulled > 0 && checkedOut > 0, `${pulled} and ${checkedOut}`);
  t.is(restored, pulled);
  t.deepEqual(readListing(there), readListing(profile));
  t.deepEqual(readListing(later), readListing(profile));
});
