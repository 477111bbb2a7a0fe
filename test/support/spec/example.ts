/**
 * The repository of SPEC.md 17.1 and its annotated bytes. The names come from the fake host, and
 * nothing is compressed, so that the bytes are the same in every run. This command writes the dump
 * into SPEC.md:
 *
 *     npm run build && node dist/test/support/spec/example.js
 */
import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { encodeConfig, encodeEpoch } from '../../../src/format/cells.js';
import { envelopeHeader, wrap } from '../../../src/format/envelope.js';
import { newName, objectKey } from '../../../src/format/keys.js';
import { encodeManifest } from '../../../src/format/manifest.js';
import { objectId } from '../../../src/format/object-id.js';
import { emptyRef, encodeRef, newEntry } from '../../../src/format/ref.js';
import { measureTree, type TreeEntry, treeId } from '../../../src/format/tree.js';
import { encodeEntry } from '../../../src/provider/local/entry.js';
import { seal } from '../../format/vectors/envelopes.js';
import { hex } from '../hex.js';
import { EPOCH_START, fakeHost } from '../host.js';
import { Annotated } from './annotated.js';
import { root, specText } from './rules.js';

export const content = 'hello\n';

/** Returns the files of the example below its folder `.store`, by path. */
export async function exampleFiles(): Promise<Map<string, Uint8Array>> {
  const host = fakeHost('example');
  const repository = host.random(16);
  const pack = newName(host, 1);
  const manifest = newName(host, 1);
  const blob = new TextEncoder().encode(content);
  const id = objectId('blob', blob);
  const tree: TreeEntry[] = [
    { kind: 'directory', path: 'Default', mode: 0o700, mtime: 1_700_000_000_000_000n },
    { kind: 'file', path: 'Default/a', mode: 0o600, mtime: 1_700_000_000_000_001n, size: blob.length, ids: id },
  ];
  const commit = {
    tree: treeId(tree),
    parents: [],
    time: EPOCH_START,
    message: 'first',
    author: 'ada',
    labels: {},
    ...measureTree(tree),
    extensions: [],
  };
  const header = envelopeHeader({ kind: 'pack', repository, key: objectKey('packs', pack) });
  const frame = { pack, offset: header.length, codec: 'raw', storedLength: blob.length, length: blob.length } as const;
  const place = { location: { frame, offset: 0, baseLength: blob.length, patches: [] }, length: blob.length };
  const ref = { ...emptyRef(), sequence: 2, nonce: host.random(16), epoch: 1, entries: [newEntry('commit', commit, manifest)] };
  const files = new Map([
    [objectKey('packs', pack), seal(header, blob)],
    [
      objectKey('manifests', manifest),
      await wrap(
        { kind: 'manifest', repository, key: objectKey('manifests', manifest) },
        encodeManifest(commit, tree, new Map([[id, place]])),
        'off',
      ),
    ],
  ]);
  const cells = [
    ['refs/main', 'ref', encodeRef(ref)],
    ['config', 'config', encodeConfig()],
    ['gc/epoch', 'epoch', encodeEpoch({ k: 1, condemned: [] })],
  ] as const;
  for (const [key, kind, body] of cells) {
    const generation = hex(host.random(16));
    const value = await wrap({ kind, repository, key }, body, 'off');
    files.set(`${key}.cell/g-${generation}/1`, encodeEntry({ key, generation, number: 1 }, value));
  }
  return files;
}

function annotateEnvelope(dump: Annotated, key: string): void {
  dump.take(2, 'magic: "BS"');
  dump.take(1, 'version: 1');
  dump.take(1, `kind: "${dump.text(dump.at, 1)}"`);
  dump.take(1, 'cipher: none');
  dump.take(16, 'repository id');
  dump.sized(`key: "${key}"`);
}

function annotateBody(dump: Annotated): void {
  dump.take(1, 'codec: raw');
  dump.uint('length of the body before compression');
}

function annotateCommit(dump: Annotated): void {
  dump.uint('length of the commit');
  dump.take(32, 'tree: id');
  dump.uint('number of parents');
  dump.uint('time');
  dump.sized('message: "first"');
  dump.sized('author: "ada"');
  dump.uint('number of labels');
  dump.uint('files');
  dump.uint('bytes');
  dump.uint('number of extensions');
}

function annotateRef(bytes: Uint8Array): string[] {
  const dump = new Annotated(bytes);
  dump.take(1, 'entry: kind, a value (R-LOCAL-6)');
  annotateEnvelope(dump, 'refs/main');
  annotateBody(dump);
  dump.take(1, 'state: live');
  dump.uint('sequence');
  dump.take(16, 'nonce');
  dump.uint('epoch');
  dump.take(1, 'etag style: as returned');
  dump.take(1, 'lease: none');
  dump.uint('number of tags');
  dump.uint('number of history entries');
  dump.take(1, 'history entry: op, commit');
  dump.uint('history entry: birth epoch of the manifest');
  dump.take(16, 'history entry: name16 of the manifest');
  annotateCommit(dump);
  dump.uint('number of segments');
  dump.uint('number of events');
  dump.uint('length of the inline manifest');
  dump.uint('number of extensions');
  dump.take(32, 'digest of the envelope: the bytes from the magic on');
  dump.take(32, 'hash of the entry (R-LOCAL-6)');
  return dump.lines();
}

/** Annotates the config or the epoch. `body` annotates the fields before the extensions. */
function annotateCell(key: string, bytes: Uint8Array, body: (dump: Annotated) => void): string[] {
  const dump = new Annotated(bytes);
  dump.take(1, 'entry: kind, a value (R-LOCAL-6)');
  annotateEnvelope(dump, key);
  annotateBody(dump);
  body(dump);
  dump.uint('number of extensions');
  dump.take(32, 'digest of the envelope: the bytes from the magic on');
  dump.take(32, 'hash of the entry (R-LOCAL-6)');
  return dump.lines();
}

function annotateEpoch(dump: Annotated): void {
  dump.uint('k');
  dump.uint('number of condemned names');
}

function annotateManifest(key: string, bytes: Uint8Array): string[] {
  const dump = new Annotated(bytes);
  annotateEnvelope(dump, key);
  annotateBody(dump);
  annotateCommit(dump);
  dump.uint('length of the tree');
  dump.uint('number of entries');
  dump.uint('path 0: bytes shared with the path before');
  dump.sized('path 0: the rest, "Default"');
  dump.uint('path 1: bytes shared with the path before');
  dump.sized('path 1: the rest, "/a"');
  dump.take(1, 'kind 0: directory');
  dump.take(1, 'kind 1: file');
  dump.take(2, 'mode 0: 0o700');
  dump.take(2, 'mode 1: 0o600');
  dump.take(8, 'mtime 0');
  dump.take(8, 'mtime 1');
  dump.uint('size of the file');
  dump.take(32, 'id of its only blob');
  dump.uint('locator table: number of packs');
  dump.uint('pack 0: birth epoch');
  dump.take(16, 'pack 0: name16');
  dump.uint('number of frames');
  dump.uint('frame 0: packs further');
  dump.uint("frame 0: offset, the length of the pack's header");
  dump.take(1, 'frame 0: codec, raw');
  dump.uint('frame 0: stored length, and raw length');
  dump.uint('location 0: frame, svar 0');
  dump.uint('location 0: offset, svar 0');
  dump.uint('location 0: shape, no patches, as long as the blob');
  dump.take(32, 'digest');
  return dump.lines();
}

function annotatePack(key: string, bytes: Uint8Array): string[] {
  const dump = new Annotated(bytes);
  annotateEnvelope(dump, key);
  dump.take(content.length, 'frame: the blob "hello\\n"');
  dump.take(32, 'digest');
  return dump.lines();
}

/** Returns the block of SPEC.md 17.1. */
export async function exampleText(): Promise<string> {
  const files = await exampleFiles();
  const sections: string[] = [];
  for (const [start, annotate] of [
    ['config', (_: string, bytes: Uint8Array) => annotateCell('config', bytes, (dump) => dump.uint('number of key slots'))],
    ['gc/epoch', (_: string, bytes: Uint8Array) => annotateCell('gc/epoch', bytes, annotateEpoch)],
    ['refs/main', (_: string, bytes: Uint8Array) => annotateRef(bytes)],
    ['manifests/', annotateManifest],
    ['packs/', annotatePack],
  ] as const) {
    const [path, bytes] = [...files].find(([name]) => name.startsWith(start)) as [string, Uint8Array];
    sections.push([path, '', ...annotate(path, bytes)].join('\n'));
  }
  return `\`\`\`text\n${sections.join('\n\n')}\n\`\`\``;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const block = /(### 17\.1 [^\n]*\n[\s\S]*?)```text\n[\s\S]*?\n```/;
  const text = await exampleText();
  writeFileSync(
    `${root}SPEC.md`,
    specText.replace(block, (_, before: string) => before + text),
  );
}
