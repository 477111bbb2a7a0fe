/**
 * The envelope around all data in a provider (SPEC.md 4). An envelope names the kind of the bytes,
 * their repository and their key, and ends with a digest of all these bytes. So no byte is
 * uncovered and no object can replace another.
 */
import { sha256 } from '#platform';
import { concat, equalBytes, Reader, toHex, Writer } from '../base/bytes.js';
import { BrowserStateError, check, newerVersion } from '../base/errors.js';
import { MAX_CELL_BODY, MAX_EPOCH_BODY, MAX_KEY_BYTES, MAX_MANIFEST_SIZE, MAX_SEGMENT_SIZE } from '../base/limits.js';
import { type Compression, codecOfTag, codecTag, decode, encode } from './codecs.js';

const FORMAT_VERSION = 1;
export const DIGEST_BYTES = 32;
export const NAME_BYTES = 16;

export const envelopeKinds = { config: 'C', epoch: 'E', ref: 'R', segment: 'S', manifest: 'M', pack: 'P' } as const;
export type EnvelopeKind = keyof typeof envelopeKinds;

/**
 * Maximum bytes of a body by kind. The bodies of cells are smaller, so that a body and its envelope
 * fit into a cell.
 */
const bodyLimits: Partial<Record<EnvelopeKind, number>> = { epoch: MAX_EPOCH_BODY, manifest: MAX_MANIFEST_SIZE, segment: MAX_SEGMENT_SIZE };

/** The expected identity of an envelope's object. */
export interface Identity {
  kind: EnvelopeKind;
  /** The repository's id, 16 bytes. Undefined until the id is read from the config. */
  repository: Uint8Array | undefined;
  /** The provider key below the repository's root. */
  key: string;
}

/** Returns the bytes of an envelope before its payload. */
export function envelopeHeader({ kind, repository, key }: Identity & { repository: Uint8Array }): Uint8Array {
  const out = new Writer().bytes(Uint8Array.of(0x42, 0x53, FORMAT_VERSION, envelopeKinds[kind].charCodeAt(0), 0));
  return out.bytes(repository).text(key).finish();
}

/** Returns a whole envelope of any kind except `pack`. */
export async function wrap(
  identity: Identity & { repository: Uint8Array },
  body: Uint8Array,
  compression: Compression,
): Promise<Uint8Array> {
  const encoded = await encode(body, compression);
  const prelude = new Writer().byte(codecTag(encoded.codec)).uint(encoded.length).finish();
  const parts = [envelopeHeader(identity), prelude, encoded.stored];
  return concat([...parts, sha256(...parts)]);
}

/**
 * Verifies an envelope (R-ENV-1, R-ENV-2) and returns its payload and repository id. Throws
 * INTEGRITY, or NEWER_VERSION if the digest matches and the version is newer than this code's.
 */
export function openEnvelope(bytes: Uint8Array, expected: Identity): { payload: Uint8Array; repository: Uint8Array } {
  const what = expected.key;
  check(bytes.length > DIGEST_BYTES, `${what}: expected an envelope, found ${bytes.length} bytes`);
  const content = bytes.subarray(0, -DIGEST_BYTES);
  const digest = bytes.subarray(-DIGEST_BYTES);
  check(equalBytes(sha256(content), digest), `${what}: expected the digest ${toHex(digest)}, found that of other bytes`);
  const input = new Reader(content, what);
  check(toHex(input.bytes(2)) === '4253', `${what}: expected the magic bytes BS`);
  const version = input.byte();
  if (version > FORMAT_VERSION) throw newerVersion(`${what}: its format version is ${version}, the newest known is ${FORMAT_VERSION}`);
  check(version === FORMAT_VERSION, `${what}: expected format version ${FORMAT_VERSION}, found ${version}`);
  const kind = String.fromCharCode(input.byte());
  check(kind === envelopeKinds[expected.kind], `${what}: expected kind ${envelopeKinds[expected.kind]}, found ${JSON.stringify(kind)}`);
  checkCipher(input.byte(), what);
  const repository = input.bytes(NAME_BYTES).slice();
  const { repository: wanted } = expected;
  check(
    wanted === undefined || equalBytes(wanted, repository),
    `${what}: expected an object of repository ${wanted && toHex(wanted)}, found one of ${toHex(repository)}`,
  );
  const key = input.text(MAX_KEY_BYTES);
  check(key === expected.key, `${what}: expected the object of this key, found that of ${JSON.stringify(key)}`);
  return { payload: input.bytes(input.remaining), repository };
}

/**
 * Verifies an envelope of any kind except `pack`, and decompresses its body. Throws the errors of
 * `openEnvelope`.
 */
export async function unwrap(bytes: Uint8Array, expected: Identity): Promise<{ body: Uint8Array; repository: Uint8Array }> {
  const { payload, repository } = openEnvelope(bytes, expected);
  const input = new Reader(payload, expected.key);
  const codec = codecOfTag(input.byte(), expected.key);
  const length = input.uint(bodyLimits[expected.kind] ?? MAX_CELL_BODY);
  const body = await decode({ codec, length, stored: input.bytes(input.remaining) });
  return { body, repository };
}

function checkCipher(cipher: number, what: string): void {
  if (cipher === 1) {
    throw new BrowserStateError('UNSUPPORTED', `${what}: it is encrypted, which this version cannot read`, {
      hint: 'Update browserstate.',
    });
  }
  check(cipher === 0, `${what}: expected a cipher of 0 or 1, found ${cipher}`);
}
