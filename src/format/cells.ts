/** The bodies of the two small cells: config and GC epoch (SPEC.md 8.1, 8.2). */
import { Reader, Writer } from '../base/bytes.js';
import { BrowserStateError, check } from '../base/errors.js';
import { MAX_CONDEMNED } from '../base/limits.js';
import { decodeExtensions, encodeExtensions } from './extension.js';
import type { ObjectFolder } from './keys.js';
import { compareNames, type ObjectName, readName, writeName } from './locator.js';

const folderTags: Record<ObjectFolder, number> = { manifests: 0x4d, packs: 0x50, segments: 0x53 };

/** A name that garbage collection is about to delete. */
export interface Condemned {
  folder: ObjectFolder;
  name: ObjectName;
}

export interface Epoch {
  k: number;
  condemned: readonly Condemned[];
}

export function encodeConfig(): Uint8Array {
  const out = new Writer().uint(0);
  encodeExtensions(out, []);
  return out.finish();
}

/** Validates the body of a config. Throws UNSUPPORTED for a repository with key slots. */
export function checkConfig(bytes: Uint8Array): void {
  const input = new Reader(bytes, 'config');
  if (input.uint(Number.MAX_SAFE_INTEGER) > 0)
    throw new BrowserStateError('UNSUPPORTED', 'config: the repository is encrypted, which this version cannot read', {
      hint: 'Update browserstate, or name a store without encryption.',
    });
  decodeExtensions(input, 'config');
  input.end();
}

export function encodeEpoch(epoch: Epoch): Uint8Array {
  const out = new Writer().uint(epoch.k).uint(epoch.condemned.length);
  for (const { folder, name } of epoch.condemned) {
    out.byte(folderTags[folder]);
    writeName(out, name);
  }
  encodeExtensions(out, []);
  return out.finish();
}

/** Decodes and validates the body of a GC epoch. Throws INTEGRITY for any other bytes. */
export function decodeEpoch(bytes: Uint8Array): Epoch {
  const input = new Reader(bytes, 'gc/epoch');
  const k = input.uint(Number.MAX_SAFE_INTEGER);
  check(k >= 1, 'gc/epoch: expected an epoch of at least 1');
  const condemned: Condemned[] = [];
  const count = input.uint(MAX_CONDEMNED);
  for (let i = 0; i < count; i++) {
    const next = { folder: readFolder(input), name: readName(input) };
    const last = condemned.at(-1);
    check(last === undefined || compareCondemned(last, next) < 0, 'gc/epoch: expected rising names');
    condemned.push(next);
  }
  decodeExtensions(input, 'gc/epoch');
  input.end();
  return { k, condemned };
}

function readFolder(input: Reader): ObjectFolder {
  const tag = input.byte();
  for (const [folder, known] of Object.entries(folderTags)) if (known === tag) return folder as ObjectFolder;
  check(false, `gc/epoch: expected the kind of an object, found ${tag}`);
}

/** Orders condemned names as an epoch has them. */
export function compareCondemned(a: Condemned, b: Condemned): number {
  return folderTags[a.folder] - folderTags[b.folder] || compareNames(a.name, b.name);
}
