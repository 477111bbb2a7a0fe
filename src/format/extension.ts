/**
 * Extension lists: fields of later versions, which this version keeps or rejects (SPEC.md R-ENC-4).
 */
import type { Reader, Writer } from '../base/bytes.js';
import { check, newerVersion } from '../base/errors.js';
import { MAX_CELL_SIZE } from '../base/limits.js';

export interface Extension {
  tag: number;
  value: Uint8Array;
}

export function encodeExtensions(out: Writer, extensions: readonly Extension[]): void {
  out.uint(extensions.length);
  for (const { tag, value } of extensions) out.uint(tag).sized(value);
}

/** Reads a list. Throws NEWER_VERSION if the list has a tag that must not be ignored. */
export function decodeExtensions(input: Reader, what: string): Extension[] {
  const extensions: Extension[] = [];
  const count = input.uint(MAX_CELL_SIZE);
  for (let i = 0; i < count; i++) {
    const tag = input.uint(Number.MAX_SAFE_INTEGER);
    check(tag > (extensions.at(-1)?.tag ?? -1), `${what}: expected rising extension tags, found ${tag}`);
    if (tag % 2 === 1) throw newerVersion(`${what}: it has the extension ${tag}, which this version must not ignore`);
    extensions.push({ tag, value: input.sized(MAX_CELL_SIZE).slice() });
  }
  return extensions;
}
