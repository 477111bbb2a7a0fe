/** Verification of every blob. Blobs in kept frames are verified once (R-OUT-1). */
import test from 'ava';
import { type Frame, type Location, NO_PATCHES } from '../../../../src/format/locator.js';
import { objectId } from '../../../../src/format/object-id.js';
import { isError, memoryProvider } from '../../../../src/index.js';
import { BlobReader } from '../../../../src/repository/read/blob-reader.js';
import { KeptFrames } from '../../../../src/repository/read/frame-cache.js';
import { noise } from '../../../support/content.js';

const bytes = noise(10_000, 'blob');
const id = objectId('blob', bytes);
const frame: Frame = { pack: { epoch: 1, name: '00'.repeat(16) }, offset: 62, codec: 'raw', length: 10_000, storedLength: 10_000 };
const location: Location = { frame, offset: 0, baseLength: 10_000, patches: NO_PATCHES };

test('R-OUT-1: a blob from kept frames is verified when it is read first, and from then on at the same place only', async (t) => {
  const kept = new KeptFrames();
  const held = bytes.slice();
  await kept.keep(frame, async () => held);
  const reader = new BlobReader({ provider: memoryProvider() }, { kept });
  const read = (at: Location) => reader.read(id, { location: at, length: 10_000 });
  held[5] = (held[5] as number) ^ 1;
  t.true(isError(await read(location).catch((error: unknown) => error), 'INTEGRITY'));
  held[5] = (held[5] as number) ^ 1;
  t.deepEqual(await read(location), bytes);
  // Kept frames never change. The reader does not notice this change, which shows that the blobs
  // were not hashed again.
  held[5] = (held[5] as number) ^ 1;
  t.deepEqual(await read(location), held);
  t.true(isError(await read({ ...location }).catch((error: unknown) => error), 'INTEGRITY'));
  kept.clear();
  await kept.keep(frame, async () => held);
  t.true(isError(await read(location).catch((error: unknown) => error), 'INTEGRITY'));
});

test('R-OUT-1: a blob is verified each time if a part of it is not kept', async (t) => {
  const held = bytes.slice();
  const reader = new BlobReader({ provider: { get: async () => held } }, { kept: new KeptFrames() });
  t.deepEqual(await reader.read(id, { location, length: 10_000 }), bytes);
  held[5] = (held[5] as number) ^ 1;
  t.true(isError(await reader.read(id, { location, length: 10_000 }).catch((error: unknown) => error), 'INTEGRITY'));
});
