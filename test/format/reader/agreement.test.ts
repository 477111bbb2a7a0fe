/**
 * Agreement of the library and the reader that was written from SPEC.md alone: both accept and
 * reject the same vectors (B8).
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { type ErrorCode, isError } from '../../../src/base/errors.js';
import { fromHex } from '../../support/hex.js';
import { toJson } from '../vectors/format.js';
import { formats, pathOf } from '../vectors/generate.js';
import { hex, Input, idOf, type Outcome, Refusal } from './bytes.js';
import { readConfig, readEpoch, readRef, readSegment } from './cells.js';
import { type Codec, decompress, type Kind, openEnvelope, readBody } from './envelope.js';
import { assemble, type Frame, type Location, readLocators, readManifest } from './manifest.js';
import { readCommit, readTree } from './objects.js';
import { unlessNoZstd } from './reader.js';

/**
 * A vector of the file: the facts that a reader knows beforehand, the bytes, and for a value also
 * its id.
 */
interface Vector {
  name: string;
  value: unknown;
  hex: string;
  id?: string;
}
interface Refused {
  rule: string;
  code: ErrorCode;
  hex: string;
  as?: unknown;
}

const outcomes: Partial<Record<ErrorCode, Outcome>> = { INTEGRITY: 'damage', NEWER_VERSION: 'newer version', UNSUPPORTED: 'unsupported' };

/**
 * Readers of the bytes of a format, in the form that the vector's value is compared with. `known`
 * is the value of a vector.
 */
const readers: Record<string, (bytes: Uint8Array, known: never) => unknown> = {
  primitives: (bytes, { type }: { type: 'uint' | 'int64' | 'text' | 'sized' }) => {
    const input = new Input(bytes);
    const value = input[type]();
    input.end();
    return { type, value };
  },
  blobs: (bytes) => bytes,
  trees: readTree,
  commits: readCommit,
  envelopes: (bytes, { kind, key, repository }: { kind: Exclude<Kind, 'pack'>; key: string; repository: string }) => ({
    kind,
    key,
    ...readBody(bytes, kind, key, repository),
  }),
  codecs: (bytes, known: { codec: Codec; length: number; stored: string }) => {
    const found = decompress(known.codec, fromHex(known.stored), known.length);
    return { ...known, stored: hex(found) === hex(bytes) ? known.stored : 'other bytes' };
  },
  packs: (bytes, { key, repository }: { key: string; repository: string }) => ({
    key,
    repository,
    frames: openEnvelope(bytes, 'pack', key, repository).payload,
  }),
  patches: (bytes, known: { base: string; bitmap: number; blob: string }) => {
    const base = fromHex(known.base);
    const frame = (length: number): Frame => ({ pack: { epoch: 0, name: '' }, offset: 0, codec: 'raw', storedLength: length, length });
    const [old, patch] = [frame(base.length), frame(bytes.length)];
    const location: Location = {
      frame: old,
      offset: 0,
      baseLength: base.length,
      patches: [{ frame: patch, offset: 0, bitmap: known.bitmap }],
    };
    return { ...known, blob: assemble(location, known.blob.length / 2, (each) => (each === old ? base : bytes)) };
  },
  locators: (bytes, { lengths }: { lengths: number[] }) => ({ lengths, locations: readLocators(bytes, lengths) }),
  manifests: (bytes) => {
    const { commit, tree, blobs } = readManifest(bytes);
    return { commit, tree, locations: [...blobs.values()].map(({ location }) => location) };
  },
  configs: (bytes) => readConfig(bytes) ?? {},
  epochs: readEpoch,
  refs: readRef,
  segments: (bytes) => readSegment(bytes),
};

function outcomeOf(read: () => unknown): Outcome | 'read' {
  try {
    read();
    return 'read';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return error.outcome;
  }
}

const idTypes: Record<string, 'blob' | 'tree' | 'commit'> = { blobs: 'blob', trees: 'tree', commits: 'commit' };

for (const format of formats) {
  const file = JSON.parse(readFileSync(pathOf(format), 'utf8')) as { vectors: Vector[]; refused: Refused[] };
  const read = readers[format.name] as (bytes: Uint8Array, known: unknown) => unknown;

  test(`B8: ${format.name}: every vector is read from SPEC.md alone`, (t) => {
    for (const { name, value, hex: digits, id } of file.vectors) {
      const bytes = fromHex(digits);
      t.deepEqual(unlessNoZstd(() => toJson(read(bytes, value))) ?? value, value, name);
      const type = idTypes[format.name];
      if (type !== undefined) t.is(idOf(type, bytes), id as string, name);
    }
  });

  test(`B8: ${format.name}: the second reader rejects every invalid vector, with the same outcome`, (t) => {
    for (const { rule, code, hex: digits, as } of file.refused) {
      t.is(unlessNoZstd(() => outcomeOf(() => read(fromHex(digits), as))) ?? outcomes[code], outcomes[code], rule);
    }
    t.pass();
  });
}

/**
 * Yields alterations of a value: every byte altered in two ways, every cut, and a byte inserted at
 * every position.
 */
function* alterations(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at++) {
    for (const other of [1, 0x80]) yield bytes.map((byte, i) => (i === at ? byte ^ other : byte));
    yield bytes.slice(0, at);
    yield Uint8Array.of(...bytes.slice(0, at), 0, ...bytes.slice(at));
  }
}

/** Formats whose bytes have a structure, and no digest that every alteration breaks. */
const structured = ['primitives', 'trees', 'commits', 'locators', 'manifests', 'configs', 'epochs', 'refs', 'segments'];

for (const format of formats.filter(({ name }) => structured.includes(name))) {
  const { vectors } = JSON.parse(readFileSync(pathOf(format), 'utf8')) as { vectors: Vector[] };
  const read = readers[format.name] as (bytes: Uint8Array, known: unknown) => unknown;

  test(`B8: ${format.name}: both readers read the same from altered bytes, and reject the same`, async (t) => {
    let taken = 0;
    let refused = 0;
    for (const { name, value, hex: digits } of vectors) {
      for (const bytes of alterations(fromHex(digits))) {
        const here = await readOrRefused(() => format.decode(bytes, format.values[name]));
        // Readers may find any of several broken rules first.
        const there = await readOrRefused(() => read(bytes, value));
        if (here === 'rejected') refused++;
        else taken++;
        if (JSON.stringify(here) !== JSON.stringify(there)) t.deepEqual(there, here, `${name}: ${hex(bytes)}`);
      }
    }
    t.log(`${taken} read, ${refused} rejected`);
    t.true(refused > 0);
  });
}

async function readOrRefused(read: () => unknown): Promise<unknown> {
  try {
    return { value: toJson(await read()) };
  } catch (error) {
    if (!(error instanceof Refusal) && !isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
    return 'rejected';
  }
}
