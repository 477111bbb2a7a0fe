/** The second reader's cells and segments: section 8 of SPEC.md, and nothing of src/. */
import { compareNames, compareText, type Extension, hex, Input, idOf, keyOf, must, mustRise, type Name, Refusal } from './bytes.js';
import { limits } from './limits.js';
import { type Commit, readCommit } from './objects.js';

/** Section 8.1. */
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

/** Section 8.2. */
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

export interface Row {
  id: string;
  op: 'commit' | 'rollback' | 'merge' | 'recovered';
  manifest: Name;
  commit: Commit;
}

function readRows(input: Input, most: number): Row[] {
  const start = input.at;
  const rows = input.list(most, (): Row => {
    const op = input.oneOf(['commit', 'rollback', 'merge', 'recovered']);
    const manifest = input.name();
    const commit = input.sized();
    return { id: idOf('commit', commit), op, manifest, commit: readCommit(commit) };
  });
  must(most > 99 || input.at - start <= 65_536, 'R-REF-2', 'the bytes of the rows');
  return rows;
}

/** R-REF-7. */
export function mustDiffer(rows: readonly Row[]): void {
  must(new Set(rows.map(({ id }) => id)).size === rows.length, 'R-REF-7', 'a commit twice');
  must(new Set(rows.map(({ manifest }) => keyOf('', manifest))).size === rows.length, 'R-REF-7', 'a manifest twice');
}

/** Section 8.4. */
export function readSegment(body: Uint8Array, count?: number): Row[] {
  const input = new Input(body);
  const rows = readRows(input, limits.segmentRows);
  input.end();
  must(rows.length >= 1 && (count === undefined || rows.length === count), 'R-REF-2', 'the rows of a segment');
  mustDiffer(rows);
  return rows;
}

export interface Ref {
  state: 'live' | 'deleted';
  sequence: number;
  nonce: Uint8Array;
  epoch: number;
  etagStyle: 'returned' | 'unquoted';
  lease: { owner: string; expiry: number } | undefined;
  tags: Map<string, string>;
  rows: Row[];
  segments: { name: Name; rows: number }[];
  events: { op: string; time: number; author: string; nonce: Uint8Array; detail: string }[];
  /** The inline manifest. */
  head: Uint8Array;
  extensions: Extension[];
}

/** Section 8.3. */
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
  const rows = readRows(input, 99);
  const segments = input.list(4096, () => ({ name: input.name(), rows: input.uint(limits.segmentRows) }));
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
  mustDiffer(rows);
  must(new Set(segments.map(({ name }) => keyOf('', name))).size === segments.length, 'R-REF-7', 'a segment twice');
  must(
    segments.every((segment) => segment.rows >= 1),
    'R-REF-2',
    'a segment without rows',
  );
  must(segments.reduce((sum, segment) => sum + segment.rows, rows.length) <= limits.sessionRows, 'R-REF-2', 'rows in all');
  must(rows.length > 0 || (segments.length === 0 && tags.length === 0 && head.length === 0), 'R-REF-3');
  must(state === 'live' || (rows.length === 0 && lease === undefined), 'R-REF-3');
  return { state, sequence, nonce, epoch, etagStyle, lease, tags: new Map(tags), rows, segments, events, head, extensions };
}

/** R-REF-4. */
function checkTag(name: string): string {
  must(/^[A-Za-z0-9_-][A-Za-z0-9._@-]{0,127}$/.test(name) && name !== 'HEAD' && !/^[0-9a-fA-F]+$/.test(name), 'R-REF-4', name);
  return name;
}
