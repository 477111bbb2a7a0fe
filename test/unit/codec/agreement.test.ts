/**
 * Agreement of the native and the portable platform: each reads the output of the other, and their
 * hashes are equal.
 */
import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { content, efforts, platforms, written } from '../../support/codec/codecs.js';
import { rejects } from '../../support/errors.js';
import { hex } from '../../support/hex.js';

test('hashes are SHA-256 over the parts', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (parts) => {
      const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex');
      t.is(hex(platforms.node.sha256(...parts)), expected);
      t.is(hex(platforms.portable.sha256(...parts)), expected);
    }),
  );
});

for (const { by, codec } of written) {
  for (const effort of efforts) {
    const writer = by === platforms.node ? 'node' : 'portable';
    test(`${codec} ${effort} of ${writer} is read by both`, async (t) => {
      await fc.assert(
        fc.asyncProperty(content, async (bytes) => {
          const stored = await by.compress(codec, bytes, effort);
          for (const platform of Object.values(platforms)) {
            const read = await platform.decompress(codec, stored, bytes.length);
            t.true(Buffer.from(read).equals(bytes));
          }
        }),
        { numRuns: effort === 'max' ? 15 : 40 },
      );
    });
  }
}

test('raw bytes are themselves', async (t) => {
  const bytes = Uint8Array.of(1, 2, 3);
  for (const platform of Object.values(platforms)) {
    t.is(await platform.decompress('raw', bytes, 3), bytes);
    const error = await rejects(t, () => platform.decompress('raw', bytes, 4));
    t.is(error.message, 'raw frame: expected 4 bytes, found 3');
  }
});

test('the portable platform reports a codec that it cannot write', async (t) => {
  await rejects(t, () => platforms.portable.compress('brotli', new Uint8Array(9), 'good'), 'UNSUPPORTED');
  await rejects(t, () => platforms.portable.compress('zstd', new Uint8Array(9), 'good'), 'UNSUPPORTED');
});
