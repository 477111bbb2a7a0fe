/** Commits: a tree with its origin, time, author and reason (SPEC.md 3.2). */
import { compareBytes, compareUtf8, Reader, toHex, utf8, Writer } from '../base/bytes.js';
import { BrowserStateError, check } from '../base/errors.js';
import {
  MAX_AUTHOR_BYTES,
  MAX_LABEL_KEY_BYTES,
  MAX_LABEL_VALUE_BYTES,
  MAX_LABELS,
  MAX_MESSAGE_BYTES,
  MAX_PARENTS,
  MAX_TIME,
} from '../base/limits.js';
import { decodeExtensions, type Extension, encodeExtensions } from './extension.js';
import { ID_BYTES, idBytes, type ObjectId, objectId } from './object-id.js';

export interface Commit {
  tree: ObjectId;
  /** Ids of the parents. The first parent is the version that this commit was made from. */
  parents: ObjectId[];
  /** Milliseconds since 1970, UTC. */
  time: number;
  message: string;
  author: string;
  labels: Record<string, string>;
  /** Files in the tree, and the sum of their sizes in bytes. */
  files: number;
  bytes: number;
  extensions: Extension[];
}

/**
 * Returns the canonical bytes of a commit. Throws USAGE if a text or the labels exceed their
 * limits.
 */
export function encodeCommit(commit: Commit): Uint8Array {
  const labels = encodeLabels(commit.labels);
  const out = new Writer().bytes(idBytes(commit.tree)).uint(commit.parents.length);
  for (const parent of commit.parents) out.bytes(idBytes(parent));
  out.uint(commit.time);
  out.sized(bounded('the message', commit.message, MAX_MESSAGE_BYTES));
  out.sized(bounded('the author', commit.author, MAX_AUTHOR_BYTES));
  out.uint(labels.length);
  for (const { key, value } of labels) out.sized(key).sized(value);
  out.uint(commit.files).uint(commit.bytes);
  encodeExtensions(out, commit.extensions);
  return out.finish();
}

/**
 * Returns labels by rising key bytes. Lone surrogates have no UTF-8 encoding, so two different keys
 * may have the same bytes.
 */
function encodeLabels(labels: Commit['labels']): { key: Uint8Array; value: Uint8Array }[] {
  const encoded = Object.entries(labels).map(([key, value]) => ({
    key: bounded('a label', key, MAX_LABEL_KEY_BYTES),
    value: bounded('a label', value, MAX_LABEL_VALUE_BYTES),
  }));
  if (encoded.length > MAX_LABELS) throw tooLong('labels', MAX_LABELS, 'in number');
  encoded.sort((a, b) => compareBytes(a.key, b.key));
  const named = encoded.every(({ key }, i) => compareBytes(encoded[i - 1]?.key ?? new Uint8Array(0), key) < 0);
  if (!named)
    throw new BrowserStateError('USAGE', 'expected labels with distinct names, found an empty or a repeated one', {
      hint: 'Give each label a name of its own.',
    });
  return encoded;
}

/**
 * Decodes and validates a commit. Throws INTEGRITY for any other bytes, and NEWER_VERSION for
 * features that must not be ignored.
 */
export function decodeCommit(bytes: Uint8Array): Commit {
  const input = new Reader(bytes, 'commit');
  const tree = toHex(input.bytes(ID_BYTES));
  const parents = Array.from({ length: input.uint(MAX_PARENTS) }, () => toHex(input.bytes(ID_BYTES)));
  check(new Set(parents).size === parents.length, 'commit: expected distinct parents, found one twice');
  const time = input.uint(MAX_TIME);
  const message = input.text(MAX_MESSAGE_BYTES);
  const author = input.text(MAX_AUTHOR_BYTES);
  const labels = decodeLabels(input);
  const files = input.uint(Number.MAX_SAFE_INTEGER);
  const size = input.uint(Number.MAX_SAFE_INTEGER);
  const extensions = decodeExtensions(input, 'commit');
  input.end();
  return { tree, parents, time, message, author, labels, files, bytes: size, extensions };
}

export function commitId(canonical: Uint8Array): ObjectId {
  return objectId('commit', canonical);
}

function decodeLabels(input: Reader): Record<string, string> {
  const labels: [string, string][] = [];
  const count = input.uint(MAX_LABELS);
  for (let i = 0; i < count; i++) {
    const key = input.text(MAX_LABEL_KEY_BYTES);
    const last = labels.at(-1)?.[0] ?? '';
    check(compareUtf8(last, key) < 0, `commit: expected rising label names, found ${JSON.stringify(key)}`);
    labels.push([key, input.text(MAX_LABEL_VALUE_BYTES)]);
  }
  return Object.fromEntries(labels);
}

function bounded(what: string, text: string, limit: number): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length > limit) throw tooLong(what, limit, `bytes of UTF-8, found ${bytes.length}`);
  return bytes;
}

function tooLong(what: string, limit: number, unit: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected ${what} to have at most ${limit} ${unit}`, {
    hint: what === 'labels' ? 'Leave some of them out.' : `Shorten ${what}.`,
  });
}
