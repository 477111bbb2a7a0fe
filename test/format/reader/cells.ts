/** The second reader's cells and segments: section 8 of SPEC.md, and nothing of src/. */
import { compareNames, compareText, type Extension, hex, Input, idOf, keyOf, must, mustRise, type Name, Refusal } from './bytes.js';
import { limits } from './limits.js';
import { type Commit, readCommit } from './objects.js';

/** Reads a config (section 8.1). */
export function readConfig(body: Uint8Array): void {
  const input = new Input(body);
  if (input.uint() > 0) throw new Refusal('unsupported', 'R-CRYPT-2');
  input.extensions();
  input.end();
}

const folders = ['manifests', 'packs', 'segments'] as const;
const folderKinds = ['M', 'P', 'S'];

export interface Epoch {
  k: number;
  condemned: { folder: (typeof folders)[number]; name: Name }[];
}

/** Reads an epoch (section 8.2). */
export function readEpoch(body: Uint8Array): Epoch {
  const input = new Input(body);
  const k = input.uint();
  must(k >= 1, 'R-EPOCH-1');
  const condemned = input.list(limits.condemned, () => {
    const folder = folders[folderKinds.indexOf(String.fromCharCode(input.byte()))];
    must(folder !== undefined, 'R-EPOCH-1', 'the kind');
    return { folder, name: input.name() };
  });
  mustRise(condemned, (a, b) => folders.indexOf(a.folder) - folders.indexOf(b.folder) || compareNames(a.name, b.name), 'R-EPOCH-1');
  input.extensions();
  input.end();
  return { k, condemned };
}

export interface HistoryEntry {
  id: string;
  op: 'commit' | 'rollback' | 'merge' | 'recovered';
  manifest: Name;
  commit: Commit;
}

function readEntries(input: Input, most: number): HistoryEntry[] {
  const start = input.at;
  const entries = input.list(most, (): HistoryEntry => {
    const op = input.oneOf(['commit', 'rollback', 'merge', 'recovered']);
    const manifest = input.name();
    const commit = input.sized();
    return { id: idOf('commit', commit), op, manifest, commit: readCommit(commit) };
  });
  must(most > 99 || input.at - start <= 65_536, 'R-REF-2', 'the bytes of the entries');
  return entries;
}

/** Throws if entries repeat a commit or a manifest (R-REF-7). */
export function mustDiffer(entries: readonly HistoryEntry[]): void {
  must(new Set(entries.map(({ id }) => id)).size === entries.length, 'R-REF-7', 'a commit twice');
  must(new Set(entries.map(({ manifest }) => keyOf('', manifest))).size === entries.length, 'R-REF-7', 'a manifest twice');
}

/** Reads a segment (section 8.4). */
export function readSegment(body: Uint8Array, count?: number): HistoryEntry[] {
  const input = new Input(body);
  const entries = readEntries(input, limits.segmentEntries);
  input.end();
  must(entries.length >= 1 && (count === undefined || entries.length === count), 'R-REF-2', 'the entries of a segment');
  mustDiffer(entries);
  return entries;
}

export interface Ref {
  state: 'live' | 'deleted';
  sequence: number;
  nonce: Uint8Array;
  epoch: number;
  etagStyle: 'returned' | 'unquoted';
  lease: { owner: string; expiry: number } | undefined;
  tags: Map<string, string>;
  entries: HistoryEntry[];
  segments: { name: Name; entries: number }[];
  events: { op: string; time: number; author: string; nonce: Uint8Array; detail: string }[];
  /** The inline manifest. */
  head: Uint8Array;
  extensions: Extension[];
}

/** Reads a ref (section 8.3). */
export function readRef(body: Uint8Array): Ref {
  const input = new Input(body);
  const state = input.flag() ? 'deleted' : 'live';
  const sequence = input.uint();
  must(sequence >= 1 && sequence <= limits.sequence, 'R-REF-8');
  const nonce = input.take(16);
  const epoch = input.uint();
  const etagStyle = input.flag() ? 'unquoted' : 'returned';
  const lease = input.flag() ? { owner: input.text(256), expiry: input.uint(limits.time) } : undefined;
  const tags = input.list(1024, (): [string, string] => [checkTag(input.text()), hex(input.take(32))]);
  mustRise(tags, ([a], [b]) => compareText(a, b), 'R-REF-4');
  const entries = readEntries(input, 99);
  const segments = input.list(4096, () => ({ name: input.name(), entries: input.uint(limits.segmentEntries) }));
  const events = input.list(50, () => ({
    op: input.oneOf(['create', 'fork', 'tag', 'delete', 'restart']),
    time: input.uint(limits.time),
    author: input.text(256),
    nonce: input.take(16),
    detail: input.text(256),
  }));
  const head = input.sized(16 * 1024);
  const extensions = input.extensions();
  input.end();
  mustDiffer(entries);
  must(new Set(segments.map(({ name }) => keyOf('', name))).size === segments.length, 'R-REF-7', 'a segment twice');
  must(
    segments.every((segment) => segment.entries >= 1),
    'R-REF-2',
    'a segment without entries',
  );
  must(segments.reduce((sum, segment) => sum + segment.entries, entries.length) <= limits.sessionEntries, 'R-REF-2', 'entries in all');
  must(entries.length > 0 || (segments.length === 0 && tags.length === 0 && head.length === 0), 'R-REF-3');
  must(state === 'live' || (entries.length === 0 && lease === undefined), 'R-REF-3');
  return { state, sequence, nonce, epoch, etagStyle, lease, tags: new Map(tags), entries, segments, events, head, extensions };
}

/** Reads the name of a tag (R-REF-4). */
function checkTag(name: string): string {
  must(/^[A-Za-z0-9_-][A-Za-z0-9._@-]{0,127}$/.test(name) && name !== 'HEAD' && !/^[0-9a-fA-F]+$/.test(name), 'R-REF-4', name);
  return name;
}
