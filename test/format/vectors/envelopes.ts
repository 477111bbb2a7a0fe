/** Vectors of envelopes and codecs (SPEC.md 4). */
import { createHash } from 'node:crypto';
import { concat, Writer } from '../../../src/base/bytes.js';
import type { Codec } from '../../../src/codec/platform.js';
import { decode as decompress } from '../../../src/format/codecs.js';
import { type EnvelopeKind, envelopeHeader, unwrap, wrap } from '../../../src/format/envelope.js';
import { fromHex } from '../../support/hex.js';
import type { Format } from './format.js';

export const repository = fromHex('000102030405060708090a0b0c0d0e0f');
const text = new TextEncoder().encode('browser state, '.repeat(20));

/**
 * `text` compressed by each compressor. The bytes are fixed, because the outputs of compressors
 * differ between versions.
 */
export const compressed: Record<Exclude<Codec, 'raw'>, string> = {
  deflate: '4b2aca2f2f4e2d52282e492c49d551481ae5e2e60200',
  brotli: '1b2b01f82500729042064b015878a98c87af00',
  zstd: '28b52ffd602c00b500007862726f777365722073746174652c2001001aa2ce3a',
};

interface Wrapped {
  kind: EnvelopeKind;
  repository: Uint8Array;
  key: string;
  body: Uint8Array;
}
const wrapped = (kind: EnvelopeKind, key: string, body: Uint8Array): Wrapped => ({ kind, repository, key, body });
const some = wrapped('ref', 'refs/me', Uint8Array.of(1, 2, 3));

export function seal(...parts: Uint8Array[]): Uint8Array {
  const content = concat(parts);
  return concat([content, createHash('sha256').update(content).digest()]);
}

/**
 * Returns the envelope of `some` with other bytes at its front and another payload, correctly
 * sealed.
 */
function altered(front: Record<number, number>, payload: Uint8Array = Uint8Array.of(0, 3, 1, 2, 3)): Uint8Array {
  const header = envelopeHeader(some);
  for (const [at, byte] of Object.entries(front)) header[Number(at)] = byte;
  return seal(header, payload);
}

const payload = (codec: number, length: number, stored: Uint8Array): Uint8Array =>
  new Writer().byte(codec).uint(length).bytes(stored).finish();

export const envelopes: Format<Wrapped> = {
  name: 'envelopes',
  section: '4',
  values: {
    'a ref': some,
    'a config': wrapped('config', 'config', Uint8Array.of(0, 0)),
    'an epoch': wrapped('epoch', 'gc/epoch', Uint8Array.of(1, 0, 0)),
    'a segment': wrapped('segment', `segments/1-${'ab'.repeat(16)}`, Uint8Array.of(0)),
    'a manifest without a body': wrapped('manifest', `manifests/12-${'cd'.repeat(16)}`, new Uint8Array(0)),
  },
  encode: ({ body, ...identity }) => wrap(identity, body, 'off'),
  decode: async (bytes, { kind, repository: wanted, key }) => ({ kind, key, ...(await unwrap(bytes, { kind, repository: wanted, key })) }),
  refused: [
    { rule: 'R-ENV-1: a digest of other bytes', bytes: altered({}).fill(0, -1), as: some },
    { rule: 'R-ENV-1, R-VER-1: a newer version', bytes: altered({ 2: 2 }), as: some, code: 'NEWER_VERSION' },
    { rule: 'R-ENV-1: a version of 0', bytes: altered({ 2: 0 }), as: some },
    { rule: 'R-ENV-1: other magic bytes', bytes: altered({ 0: 0x50, 1: 0x4b }), as: some },
    { rule: 'R-ENV-2: another kind', bytes: altered({ 3: 0x53 }), as: some },
    { rule: 'R-CRYPT-4: encrypted', bytes: altered({ 4: 1 }), as: some, code: 'UNSUPPORTED' },
    { rule: 'section 4: a cipher of 2', bytes: altered({ 4: 2 }), as: some },
    { rule: 'R-ENV-2: of another repository', bytes: altered({ 5: 9 }), as: some },
    { rule: 'R-ENV-2: of another key', bytes: altered({ 28: 0x66 }), as: some },
    { rule: 'R-CODEC: a codec of 4', bytes: altered({}, payload(4, 3, Uint8Array.of(1, 2, 3))), as: some },
    { rule: 'R-ENV-3: a body shorter than declared', bytes: altered({}, payload(0, 4, Uint8Array.of(1, 2, 3))), as: some },
    { rule: 'R-ENV-3: a body longer than declared', bytes: altered({}, payload(1, 299, fromHex(compressed.deflate))), as: some },
    {
      rule: 'R-LIMIT: a ref of 2 MiB and a byte',
      bytes: altered({}, payload(1, 2 * 1024 * 1024 + 1, fromHex(compressed.deflate))),
      as: some,
    },
    { rule: 'section 4: no payload', bytes: altered({}, new Uint8Array(0)), as: some },
  ],
};

interface Stream {
  codec: Codec;
  length: number;
  stored: Uint8Array;
}
const stream = (codec: Codec, stored: Uint8Array, length = text.length): Stream => ({ codec, length, stored });
const refusedStreams: [string, Stream][] = [
  ...(['deflate', 'brotli', 'zstd'] as const).flatMap((codec): [string, Stream][] => [
    [`${codec}: a byte less than declared`, stream(codec, fromHex(compressed[codec]), text.length + 1)],
    [`${codec}: a byte more than declared`, stream(codec, fromHex(compressed[codec]), text.length - 1)],
    [`${codec}: cut short`, stream(codec, fromHex(compressed[codec]).slice(0, -1))],
    [`${codec}: a byte after its end`, stream(codec, concat([fromHex(compressed[codec]), Uint8Array.of(0)]))],
  ]),
  ['raw: not as long as declared', stream('raw', text, text.length - 1)],
];

/**
 * The same bytes in each codec, which a reader must decompress. A writer may compress them
 * differently.
 */
export const codecs: Format<Stream> = {
  name: 'codecs',
  section: '4, R-CODEC',
  values: {
    raw: stream('raw', text),
    ...Object.fromEntries((['deflate', 'brotli', 'zstd'] as const).map((codec) => [codec, stream(codec, fromHex(compressed[codec]))])),
  },
  encode: () => text,
  decode: async (bytes, value) => ({
    ...value,
    stored: Buffer.compare(await decompress(value), bytes) === 0 ? value.stored : 'other bytes',
  }),
  refused: refusedStreams.map(([rule, as]) => ({ rule: `R-CODEC ${rule}`, bytes: text, as })),
};
