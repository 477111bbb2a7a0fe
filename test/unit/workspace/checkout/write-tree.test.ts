/**
 * Written files: sparse if the original was sparse, with the size of their entries, and never begun
 * if the disk cannot hold them.
 */
import { execFile } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { BlobPlace } from '../../../../src/format/manifest.js';
import { objectId } from '../../../../src/format/object-id.js';
import { type FileEntry, type Tree, treeId } from '../../../../src/format/tree.js';
import { openStore } from '../../../../src/index.js';
import { type WriteOptions, writeTree } from '../../../../src/workspace/checkout/write-tree.js';
import { rejects } from '../../../support/errors.js';
import { testWith } from '../../../support/machine.js';
import { temporary } from '../../../support/temporary.js';

const MiB = 1024 * 1024;

/** Sizes of files with bytes at some positions; the rest is a hole. A new case is a line. */
const sparse: Record<string, [size: number, written: number[]]> = {
  'nothing but a hole': [64 * MiB, []],
  'a byte at the end': [64 * MiB, [64 * MiB - 1]],
  'a byte at the begin': [64 * MiB, [0]],
  'a byte in the middle, and no whole chunk at the end': [64 * MiB + 5, [32 * MiB + 100]],
  'a chunk of zeros and a byte': [65_537, [65_536]],
  'one chunk of zeros': [65_536, []],
  'less than a chunk of zeros': [4_097, []],
};

for (const [name, [size, written]] of Object.entries(sparse)) {
  test(`C14: a sparse file is restored sparse and equal: ${name}`, async (t) => {
    const folder = temporary(t);
    const profile = join(folder, 'profile');
    mkdirSync(profile);
    const descriptor = openSync(join(profile, 'file'), 'w');
    ftruncateSync(descriptor, size);
    for (const at of written) writeSync(descriptor, Buffer.from('x'), 0, 1, at);
    closeSync(descriptor);
    const session = (await openStore({ home: join(folder, 'home') })).session('s');
    await session.commit(profile);
    const totals: number[] = [];
    const { bytes } = await session.checkout(join(folder, 'out'), { onProgress: ({ bytes }) => totals.push(bytes) });
    t.is(bytes, size);
    t.is(totals.at(-1), size);
    const out = join(folder, 'out', 'file');
    t.true(readFileSync(out).equals(readFileSync(join(profile, 'file'))));
    t.true(statSync(out).blocks * 512 <= 128 * 1024, `${statSync(out).blocks} blocks`);
  });
}

const fileEntry = (path: string, size: number, blobs: Uint8Array[]): FileEntry => ({
  kind: 'file',
  path,
  mode: 0o600,
  mtime: 0n,
  size,
  ids: blobs.map((blob) => objectId('blob', blob)).join(''),
});

/** Returns the input of `writeTree`: blobs by their ids, with the claimed lengths. */
function supplied(blobs: Uint8Array[], length: (blob: Uint8Array) => number): WriteOptions {
  const byId = new Map(blobs.map((blob) => [objectId('blob', blob), blob]));
  const places = new Map([...byId].map(([id, blob]) => [id, { length: length(blob), location: {} } as BlobPlace]));
  const reader = { plan: () => undefined, read: async (id: string) => byId.get(id) as Uint8Array };
  return { reader: reader as unknown as WriteOptions['reader'], blobs: places };
}

test('B1: a blob with another length than its part of a file is rejected before the first byte', async (t) => {
  const blob = Buffer.from('five.');
  const tree: Tree = [fileEntry('a', 5, [blob]), fileEntry('b', 100, [blob])];
  t.truthy(treeId(tree));
  const root = temporary(t);
  const { message } = await rejects(t, () =>
    writeTree(
      root,
      tree,
      supplied([blob], () => 5),
    ),
  );
  t.regex(message, /b: expected a blob of 100 bytes/);
  t.deepEqual(readdirSync(root), []);
});

test('B1: a written file without the size of its entry is INTEGRITY', async (t) => {
  const blob = Buffer.from('five.');
  // The location claims the length in the tree, but there are fewer bytes.
  const root = temporary(t);
  const { message } = await rejects(t, () =>
    writeTree(
      root,
      [fileEntry('b', 100, [blob])],
      supplied([blob], () => 100),
    ),
  );
  t.regex(message, /100 bytes, found 5/);
});

const program = fileURLToPath(new URL('../../../support/programs/full-disk.js', import.meta.url));

testWith(['mounts of its own'])('C14: free space is checked before the first byte', async (t) => {
  const run = promisify(execFile)('unshare', ['-rm', process.execPath, program, temporary(t)]);
  const { stdout } = await run;
  t.deepEqual(JSON.parse(stdout), { code: 'NO_SPACE', needed: 24 * MiB, isLess: true, left: ['small'], sparse: 'restored' });
});
