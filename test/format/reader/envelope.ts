/** The second reader's codecs and envelopes: section 4 of SPEC.md, and nothing of src/. */
import { spawnSync } from 'node:child_process';
import * as zlib from 'node:zlib';
import { hex, Input, must, Refusal, sha256 } from './bytes.js';
import { limits } from './limits.js';

export const codecs = ['raw', 'deflate', 'brotli', 'zstd'] as const;
export type Codec = (typeof codecs)[number];

type Native = (bytes: Uint8Array, options: { info: true; maxOutputLength: number }) => { buffer: Buffer; engine: { bytesWritten: number } };
const native: Partial<Record<Codec, Native>> = {
  deflate: zlib.inflateRawSync as unknown as Native,
  brotli: zlib.brotliDecompressSync as unknown as Native,
  zstd: (zlib as unknown as { zstdDecompressSync?: Native }).zstdDecompressSync ?? zstdByCommand,
};

/** Decompresses zstd by the installed command of that name, for a Node without zstd. */
function zstdByCommand(bytes: Uint8Array): ReturnType<Native> {
  const { error, status, stdout, stderr } = spawnSync('zstd', ['-d', '-c', '-q'], { input: bytes, maxBuffer: 2 ** 29 });
  if (error !== undefined) throw new NoZstd(error.message);
  if (status !== 0) throw new Error(stderr.toString());
  return { buffer: stdout, engine: { bytesWritten: bytes.length } };
}

/** Thrown if this machine has nothing that reads zstd. The data is not at fault. */
class NoZstd extends Error {}

/** Returns the result, or undefined if the machine has nothing that reads zstd. */
export function unlessNoZstd<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof NoZstd)) throw error;
    return undefined;
  }
}

/** Returns the content of a stream, of exactly that length (R-CODEC). */
export function decompress(codec: Codec, bytes: Uint8Array, length: number): Uint8Array {
  if (codec === 'zstd') checkZstd(bytes, length);
  if (codec === 'raw') must(bytes.length === length, 'R-CODEC', `${bytes.length} of ${length} bytes`);
  const decode = native[codec];
  if (decode === undefined) return bytes;
  let found: ReturnType<Native>;
  try {
    found = decode(bytes, { info: true, maxOutputLength: Math.max(1, length) });
  } catch (error) {
    if (error instanceof NoZstd) throw error;
    throw new Refusal('damage', 'R-CODEC', (error as Error).message);
  }
  must(
    found.buffer.length === length && found.engine.bytesWritten === bytes.length,
    'R-CODEC',
    `${found.buffer.length} of ${length} bytes`,
  );
  return found.buffer;
}

/**
 * Throws unless the bytes are one frame without dictionary and checksum, with a bounded window, and
 * nothing after its last block (R-CODEC, RFC 8878).
 */
function checkZstd(bytes: Uint8Array, length: number): void {
  const view = Buffer.from(bytes);
  must(bytes.length > 5, 'R-CODEC');
  must(view.readUInt32LE() === 0xfd2fb528, 'R-CODEC', 'zstd magic');
  const descriptor = bytes[4] as number;
  must((descriptor & 0b1111) === 0, 'R-CODEC', 'a dictionary, a checksum or a reserved bit');
  const single = (descriptor & 0b100000) !== 0;
  const window = bytes[5] as number;
  const windowSize = 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  must(single || windowSize <= Math.max(length, 8 * 2 ** 20), 'R-CODEC', 'the window');
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  let at = 5 + (single ? 0 : 1) + sizeBytes;
  for (let last = false; !last; ) {
    must(at + 3 <= bytes.length, 'R-CODEC', 'a block that is not there');
    const header = view.readUIntLE(at, 3);
    last = (header & 1) === 1;
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  must(at === bytes.length, 'R-CODEC', 'bytes after the end');
}

export const kinds = { config: 'C', epoch: 'E', ref: 'R', segment: 'S', manifest: 'M', pack: 'P' } as const;
export type Kind = keyof typeof kinds;

/**
 * Returns the payload of the envelope that is stored under `key`, and the repository's id (section
 * 4). Without `repository`, accepts any repository.
 */
export function openEnvelope(bytes: Uint8Array, kind: Kind, key: string, repository?: string): { payload: Uint8Array; repository: string } {
  must(bytes.length > 32, 'R-ENV-1', 'too short');
  const content = bytes.subarray(0, -32);
  must(sha256(content) === hex(bytes.subarray(-32)), 'R-ENV-1', `${key}: the digest`);
  const input = new Input(content);
  must(hex(input.take(2)) === '4253', 'R-ENV-1', `${key}: the magic`);
  const version = input.byte();
  if (version > 1) throw new Refusal('newer version', 'R-ENV-1', `${key}: version ${version}`);
  must(version === 1, 'R-ENV-1', `${key}: version ${version}`);
  must(String.fromCharCode(input.byte()) === kinds[kind], 'R-ENV-2', `${key}: the kind`);
  const cipher = input.byte();
  if (cipher === 1) throw new Refusal('unsupported', 'R-CRYPT-4', `${key}: encrypted`);
  must(cipher === 0, 'R-ENV-1', `${key}: cipher ${cipher}`);
  const id = hex(input.take(16));
  must(repository === undefined || id === repository, 'R-ENV-2', `${key}: the repository`);
  must(input.text() === key, 'R-ENV-2', `${key}: the key`);
  return { payload: input.take(input.left), repository: id };
}

const bodyLimits: Record<Exclude<Kind, 'pack'>, number> = {
  config: limits.cellBody,
  epoch: limits.epochBody,
  ref: limits.cellBody,
  segment: limits.segmentBody,
  manifest: limits.manifestBody,
};

/** Returns the body of an envelope of any kind except pack (R-ENV-3). */
export function readBody(
  bytes: Uint8Array,
  kind: Exclude<Kind, 'pack'>,
  key: string,
  repository?: string,
): { body: Uint8Array; repository: string } {
  const opened = openEnvelope(bytes, kind, key, repository);
  const input = new Input(opened.payload);
  const codec = input.oneOf(codecs);
  const length = input.uint(bodyLimits[kind]);
  return { body: decompress(codec, input.take(input.left), length), repository: opened.repository };
}
