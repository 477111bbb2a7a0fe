/**
 * Damaged or hostile input of a decoder. Decoding fails soon with INTEGRITY, and uses no more
 * memory than requested.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import type { Codec, Platform } from '../../../src/codec/platform.js';
import { mixture, platforms, shortContent, written } from '../../support/codec/codecs.js';
import { zstdFrames } from '../../support/codec/zstd-frames.js';
import { noise, prose } from '../../support/content.js';
import { orCode, rejects } from '../../support/errors.js';
import { fromHex, hex } from '../../support/hex.js';

const makers = {
  prose,
  noise,
  mixture,
  digits: (length: number, seed: string) => Uint8Array.from(Buffer.from(hex(noise(length / 2, seed)))),
  zeros: (length: number) => new Uint8Array(length),
  same: (length: number) => new Uint8Array(length).fill(0x78),
};
const frames = zstdFrames.map(({ kind, length, frame }) => ({
  content: makers[kind](length, 'zstd'),
  stored: Uint8Array.from(Buffer.from(frame, 'base64')),
}));
const codecs: readonly Exclude<Codec, 'raw'>[] = ['deflate', 'brotli', 'zstd'];

/**
 * Content and its stored form in `codec`. The stored form is made here. If this Node cannot make
 * zstd, the stored form is a frame that was made elsewhere.
 */
function stream(codec: Codec): fc.Arbitrary<Promise<{ content: Uint8Array; stored: Uint8Array }>> {
  const writers = written.filter((writer) => writer.codec === codec);
  const short = frames.filter(({ content }) => content.length < 5000);
  if (writers.length === 0) return fc.constantFrom(...short).map((frame) => Promise.resolve(frame));
  return fc.tuple(fc.constantFrom(...writers), shortContent).map(async ([{ by, codec: written }, content]) => ({
    content,
    stored: await by.compress(written, content, 'good'),
  }));
}

/**
 * Resolves to the content of a stream in hex, or to undefined if the platform reports INTEGRITY.
 */
async function verdict(platform: Platform, codec: Codec, stored: Uint8Array, length: number): Promise<string | undefined> {
  const bytes = await orCode(() => platform.decompress(codec, stored, length), 'INTEGRITY');
  return bytes && hex(bytes);
}

test('frames of libzstd are read', async (t) => {
  for (const { content, stored } of frames) {
    for (const platform of Object.values(platforms)) t.is(await verdict(platform, 'zstd', stored, content.length), hex(content));
  }
});

for (const codec of codecs) {
  test(`${codec}: no beginning of a stream passes for the whole`, async (t) => {
    await fc.assert(
      fc.asyncProperty(stream(codec), async (made) => {
        const { content, stored } = await made;
        for (let length = 0; length < stored.length; length += 1 + Math.floor(stored.length / 300)) {
          for (const platform of Object.values(platforms))
            t.is(await verdict(platform, codec, stored.subarray(0, length), content.length), undefined);
        }
      }),
      { numRuns: 12 },
    );
  });

  test(`${codec}: a stream of another length is rejected`, async (t) => {
    await fc.assert(
      fc.asyncProperty(stream(codec), fc.integer({ min: -40, max: 40 }), async (made, change) => {
        const { content, stored } = await made;
        const length = Math.max(0, content.length + change);
        const expected = length === content.length ? hex(content) : undefined;
        for (const platform of Object.values(platforms)) t.is(await verdict(platform, codec, stored, length), expected);
      }),
    );
  });

  test(`${codec}: an altered stream is rejected or has the expected length, and both platforms read the same`, async (t) => {
    await fc.assert(
      fc.asyncProperty(stream(codec), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), async (made, changes) => {
        const { content, stored } = await made;
        const altered = stored.slice();
        for (const [at, byte] of changes) altered[at % altered.length] = byte;
        const [native, portable] = await Promise.all(
          Object.values(platforms).map((platform) => verdict(platform, codec, altered, content.length)),
        );
        // libzstd and fflate overlook some damage, which the ids of the content find.
        if (codec === 'brotli' || (native !== undefined && portable !== undefined)) t.is(portable, native);
        for (const bytes of [native, portable]) t.true(bytes === undefined || bytes.length === 2 * content.length);
      }),
      { numRuns: 300 },
    );
  });

  test(`${codec}: noise is rejected or has the expected length`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(3000), async (bytes, length) => {
        for (const platform of Object.values(platforms)) {
          const found = await verdict(platform, codec, bytes, length);
          t.true(found === undefined || found.length === 2 * length);
        }
      }),
      { numRuns: 300 },
    );
  });
}

test('bytes after the end are rejected, except by fflate, which does not report the end of a stream', async (t) => {
  for (const codec of codecs) {
    const { content, stored } = await (fc.sample(stream(codec), { numRuns: 1, seed: 1 })[0] as Promise<{
      content: Uint8Array;
      stored: Uint8Array;
    }>);
    const longer = Buffer.concat([stored, Uint8Array.of(0, 1, 2)]);
    t.is(await verdict(platforms.node, codec, longer, content.length), undefined, codec);
    if (codec !== 'deflate') t.is(await verdict(platforms.portable, codec, longer, content.length), undefined, codec);
  }
});

test('zstd frames with features that snapshots do not use are rejected', async (t) => {
  const plain = frames.find(({ content }) => content.length === 300)?.stored as Uint8Array;
  const with4 = (bits: number): Uint8Array => plain.map((byte, i) => (i === 4 ? byte | bits : byte));
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9);
  const cases: [string, Uint8Array][] = [
    ['found flags', with4(0b100)],
    ['found flags', with4(0b1)],
    ['found flags', with4(0b1000)],
    ['magic number', Buffer.concat([skippable, plain])],
    ['magic number', new Uint8Array(0)],
    // An empty last block, under a window of 16 MiB.
    ['found 16777216', fromHex('28b52ffd0070010000')],
  ];
  for (const [part, bytes] of cases) {
    for (const platform of Object.values(platforms))
      t.regex((await rejects(t, () => platform.decompress('zstd', bytes, 300))).message, new RegExp(part));
  }
  t.is(await verdict(platforms.portable, 'zstd', Buffer.concat([plain, skippable]), 300), undefined);
  t.is(await verdict(platforms.node, 'zstd', Buffer.concat([plain, plain]), 600), undefined);
});

test('streams of a gigabyte are rejected long before their end', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL('../../support/programs/bombs.js', import.meta.url)),
  ]);
  const { results, peakMiB } = JSON.parse(stdout) as { results: Record<string, string>; peakMiB: number };
  t.is(Object.keys(results).length, 14);
  for (const [name, code] of Object.entries(results)) t.is(code, 'INTEGRITY', name);
  t.true(peakMiB < 512, `the process took ${peakMiB} MiB`);
});
