/**
 * Envelopes (SPEC.md 4). No flipped, cut, moved or foreign byte passes, and newer versions differ
 * from damage.
 */
import { createHash } from 'node:crypto';
import { brotliCompressSync, deflateRawSync } from 'node:zlib';
import test from 'ava';
import { concat, Writer } from '../../../src/base/bytes.js';
import {
  type EnvelopeKind,
  envelopeHeader,
  envelopeKinds,
  type Identity,
  openEnvelope,
  unwrap,
  wrap,
} from '../../../src/format/envelope.js';
import { noise, prose } from '../../support/content.js';
import { refuses, rejects } from '../../support/errors.js';
import { hex } from '../../support/hex.js';

const repository = new Uint8Array(16).fill(5);
const identity = { kind: 'ref', repository, key: 'refs/me' } satisfies Identity;
const body = prose(400, 'body');

for (const kind of (Object.keys(envelopeKinds) as EnvelopeKind[]).filter((each) => each !== 'pack')) {
  for (const compression of ['auto', 'max', 'off'] as const) {
    test(`section 4: a ${kind} is read as it was wrapped, compression ${compression}`, async (t) => {
      for (const content of [body, noise(400, kind), new Uint8Array(0), Uint8Array.of(1)]) {
        const wrapped = await wrap({ ...identity, kind }, content, compression);
        t.is(hex((await unwrap(wrapped, { ...identity, kind })).body), hex(content));
      }
    });
  }
}

test('section 4: the fields are at the positions in the table', async (t) => {
  const bytes = await wrap(identity, Uint8Array.of(1, 2, 3), 'off');
  t.is(Buffer.from(bytes.subarray(0, 5)).toString('latin1'), 'BS\x01R\x00');
  t.is(hex(bytes.subarray(5, 21)), hex(repository));
  t.is(Buffer.from(bytes.subarray(21, 29)).toString('latin1'), '\x07refs/me');
  t.deepEqual([...bytes.subarray(29, 34)], [0, 3, 1, 2, 3]);
  t.is(hex(bytes.subarray(34)), createHash('sha256').update(bytes.subarray(0, 34)).digest('hex'));
});

test('R-ENV-1: every flipped bit and every cut is damage, never a newer version', async (t) => {
  const bytes = await wrap(identity, body, 'auto');
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [0x01, 0x80]) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ bit;
      await rejects(t, () => unwrap(flipped, identity), 'INTEGRITY', `byte ${at}`);
    }
    await rejects(t, () => unwrap(bytes.slice(0, at), identity), 'INTEGRITY', `the first ${at} bytes`);
  }
  await rejects(t, () => unwrap(concat([bytes, Uint8Array.of(0)]), identity));
});

function seal(...parts: Uint8Array[]): Uint8Array {
  const content = concat(parts);
  return concat([content, createHash('sha256').update(content).digest()]);
}

/** Returns a valid envelope with other bytes at its front. */
function sealed(front: Partial<Record<0 | 1 | 2 | 3 | 4, number>>, payload: Uint8Array = Uint8Array.of(0, 1, 7)): Uint8Array {
  const header = envelopeHeader(identity);
  for (const [at, byte] of Object.entries(front)) header[Number(at)] = byte;
  return seal(header, payload);
}

test('R-ENV-1, R-VER-1: a matching digest over other fields is rejected with the broken rule', async (t) => {
  t.is(hex((await unwrap(sealed({}), identity)).body), '07');
  for (const version of [2, 255]) await rejects(t, () => unwrap(sealed({ 2: version }), identity), 'NEWER_VERSION');
  await rejects(t, () => unwrap(sealed({ 2: 0 }), identity));
  await rejects(t, () => unwrap(sealed({ 0: 0x41 }), identity));
  await rejects(t, () => unwrap(sealed({ 0: 0x41, 2: 2 }), identity));
  await rejects(t, () => unwrap(sealed({ 3: 0x4d }), identity));
  await rejects(t, () => unwrap(sealed({ 3: 0x58 }), identity));
  await rejects(t, () => unwrap(sealed({ 4: 1 }), identity), 'UNSUPPORTED');
  await rejects(t, () => unwrap(sealed({ 4: 2 }), identity));
});

test('R-ENV-2: an envelope of another key, kind or repository is detected', async (t) => {
  const bytes = await wrap(identity, body, 'auto');
  await rejects(t, () => unwrap(bytes, { ...identity, key: 'refs/you' }));
  await rejects(t, () => unwrap(bytes, { ...identity, key: 'refs/m' }));
  await rejects(t, () => unwrap(bytes, { ...identity, kind: 'segment' }));
  await rejects(t, () => unwrap(bytes, { ...identity, repository: new Uint8Array(16) }));
  t.is(hex((await unwrap(bytes, { ...identity, repository: undefined })).repository), hex(repository));
});

function withPayload(codec: number, length: number, stored: Uint8Array): Uint8Array {
  return sealed({}, new Writer().byte(codec).uint(length).bytes(stored).finish());
}

test('R-CODEC: every codec is read, and a fifth is rejected', async (t) => {
  const zstdRaw = (content: Uint8Array): Uint8Array =>
    concat([
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x60, (content.length - 256) & 255, (content.length - 256) >> 8),
      blockHeader(content.length),
      content,
    ]);
  const encodings = [body, deflateRawSync(body), brotliCompressSync(body), zstdRaw(body)];
  for (const [codec, stored] of encodings.entries())
    t.is(hex((await unwrap(withPayload(codec, body.length, stored), identity)).body), hex(body), `codec ${codec}`);
  await rejects(t, () => unwrap(withPayload(4, body.length, body), identity));
});

function blockHeader(length: number): Uint8Array {
  const header = length * 8 + 1;
  return Uint8Array.of(header & 255, (header >> 8) & 255, header >> 16);
}

test('R-ENV-3: a body without the declared length is rejected', async (t) => {
  for (const [codec, stored] of [body, deflateRawSync(body), brotliCompressSync(body)].entries()) {
    for (const length of [0, body.length - 1, body.length + 1, 4 * 1024 * 1024]) {
      await rejects(t, () => unwrap(withPayload(codec, length, stored), identity), 'INTEGRITY', `codec ${codec}, length ${length}`);
    }
    await rejects(
      t,
      () => unwrap(withPayload(codec, body.length, concat([stored, Uint8Array.of(0)])), identity),
      'INTEGRITY',
      `codec ${codec} with a byte more`,
    );
  }
});

test('R-LIMIT: a declared length beyond the limit of the kind is rejected before it is decompressed', async (t) => {
  await rejects(t, () => unwrap(withPayload(1, 4 * 1024 * 1024 + 1, body), identity));
  await rejects(t, () => unwrap(withPayload(1, Number.MAX_SAFE_INTEGER, body), identity));
});

test('R-ENV-3: a bomb is rejected by its declared length', async (t) => {
  const zeros = new Uint8Array(64 * 1024 * 1024);
  for (const [codec, stored] of [
    [1, deflateRawSync(zeros, { level: 1 })],
    [2, brotliCompressSync(zeros, { params: { 1: 1 } })],
  ] as [number, Uint8Array][]) {
    const before = process.memoryUsage().arrayBuffers;
    await rejects(t, () => unwrap(withPayload(codec, 1000, stored), identity));
    t.true(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024, `codec ${codec}`);
  }
});

test('R-ENV-1: bytes too short for an envelope are rejected', (t) => {
  for (const length of [0, 1, 32, 33]) refuses(t, () => openEnvelope(new Uint8Array(length), identity));
  refuses(t, () => openEnvelope(seal(Uint8Array.of(0x42)), identity));
});
