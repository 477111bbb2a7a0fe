/** Manifests (SPEC.md 7). A manifest whose commit, tree and locators disagree is rejected. */
import test from 'ava';
import { concat, Writer } from '../../../src/base/bytes.js';
import { type Commit, commitId, encodeCommit } from '../../../src/format/commit.js';
import { wrap } from '../../../src/format/envelope.js';
import { objectKey } from '../../../src/format/keys.js';
import { encodeLocators, type Frame } from '../../../src/format/locator.js';
import { type BlobPlace, decodeManifest, encodeManifest, type Manifest } from '../../../src/format/manifest.js';
import { objectId } from '../../../src/format/object-id.js';
import { encodeTree, measureTree, type TreeEntry, treeId } from '../../../src/format/tree.js';
import { memoryProvider } from '../../../src/provider/memory.js';
import { Repository } from '../../../src/repository/repository.js';
import { refuses, refusesTruncations, rejects } from '../../support/errors.js';
import { hex } from '../../support/hex.js';
import { fakeHost } from '../../support/host.js';

const content = Uint8Array.of(1, 2, 3);
const id = objectId('blob', content);
const frame: Frame = { pack: { epoch: 1, name: 'cd'.repeat(16) }, offset: 62, codec: 'raw', storedLength: 3, length: 3 };
const place: BlobPlace = { location: { frame, offset: 0, baseLength: 3, patches: [] }, length: 3 };
const entry = (path: string): TreeEntry => ({ kind: 'file', path, mode: 0o600, mtime: 0n, size: 3, ids: id });
const tree = [entry('a'), entry('b')];
const commitOf = (of: TreeEntry[], parts: Partial<Commit> = {}): Commit => ({
  tree: treeId(of),
  parents: [],
  time: 1,
  message: '',
  author: '',
  labels: {},
  ...measureTree(of),
  extensions: [],
  ...parts,
});
const blobs = new Map([[id, place]]);
const body = encodeManifest(commitOf(tree), tree, blobs);

function assemble(commit: Commit, trees: Uint8Array, locators = encodeLocators([place.location], [3])): Uint8Array {
  return new Writer().sized(encodeCommit(commit)).sized(trees).bytes(locators).finish();
}

test('section 7: a manifest is read as it was written', (t) => {
  const manifest = decodeManifest(body);
  t.deepEqual(manifest.commit, commitOf(tree));
  t.is(hex(encodeTree(manifest.tree)), hex(encodeTree(tree)));
  t.deepEqual(manifest.blobs, blobs);
  t.is(manifest.id, commitId(encodeCommit(commitOf(tree))));
  t.is(hex(assemble(commitOf(tree), encodeTree(tree))), hex(body));
});

test('section 7: a tree without blobs has a manifest too', (t) => {
  t.is(decodeManifest(encodeManifest(commitOf([]), [], new Map())).tree.length, 0);
});

test('R-ENC-3: no beginning of a manifest is one', (t) => {
  refusesTruncations(t, body, decodeManifest);
});

test('R-MAN-1: no altered byte of commit and tree is read as the commit that an entry names', async (t) => {
  const repository = Repository.at(memoryProvider(), fakeHost('manifest'), new Uint8Array(16));
  const head = { id: commitId(encodeCommit(commitOf(tree))), manifest: { epoch: 1, name: 'ab'.repeat(16) } };
  const key = objectKey('manifests', head.manifest);
  const open = async (bytes: Uint8Array): Promise<Manifest> =>
    repository.openManifest(head, await wrap({ kind: 'manifest', repository: repository.id, key }, bytes, 'off'));
  t.deepEqual(await open(body), decodeManifest(body));
  const locators = encodeLocators([place.location], [3]).length;
  for (let at = 0; at < body.length - locators; at++) {
    const altered = body.slice();
    altered[at] = (altered[at] as number) ^ 1;
    await rejects(t, () => open(altered), 'INTEGRITY');
  }
});

const other = [entry('a')];
const broken: Record<string, Uint8Array> = {
  "R-MAN-1: a tree that is not the commit's": assemble(commitOf(tree), encodeTree(other)),
  'R-COMMIT: another number of files': assemble(commitOf(tree, { files: 3 }), encodeTree(tree)),
  'R-COMMIT: another number of bytes': assemble(commitOf(tree, { bytes: 5 }), encodeTree(tree)),
  'R-MAN-2: a tree that breaks a rule': assemble(commitOf([entry('../x')]), encodeTree([entry('../x')])),
  "section 6: a table without the tree's blob": assemble(commitOf(tree), encodeTree(tree), Uint8Array.of(0, 0)),
  'section 6: a table with a blob too many': assemble(
    commitOf(tree),
    encodeTree(tree),
    encodeLocators([place.location, place.location], [3, 3]),
  ),
  'R-LIMIT: a commit that is longer than the manifest': new Writer().uint(4 * 1024 * 1024).finish(),
  'R-LIMIT: a tree that is longer than the manifest': concat([
    new Writer().sized(encodeCommit(commitOf(tree))).finish(),
    new Writer().uint(512 * 1024 * 1024).finish(),
  ]),
};
for (const [rule, bytes] of Object.entries(broken)) test(`${rule} is rejected`, (t) => void refuses(t, () => decodeManifest(bytes)));
