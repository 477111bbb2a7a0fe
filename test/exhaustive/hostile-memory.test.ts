/**
 * Manifests of a few hundred bytes to a few hundred KB that claim as much as SPEC.md 12 allows (B5,
 * C14). A process that reads one takes no more than 512 MB.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { MAX_BLOBS, MAX_ENTRIES, MAX_PATCHES, PAGE_SIZE } from '../../src/base/limits.js';
import type { Location, PatchLocation } from '../../src/format/locator.js';
import { objectId } from '../../src/format/object-id.js';
import type { TreeEntry } from '../../src/format/tree.js';
import { localProvider } from '../../src/provider/local/local.js';
import { fileEntry, forged, retree, seal } from '../support/forge.js';
import { fakeHost } from '../support/host.js';
import type { Content } from '../support/provider-content.js';
import { temporary } from '../support/temporary.js';

const program = fileURLToPath(new URL('../support/programs/hostile-reader.js', import.meta.url));
const LIMIT = 512_000_000;

const name = (i: number): string => 'a'.repeat(140) + String(i).padStart(7, '0');
const idAt = (i: number): string => i.toString(16).padStart(8, '0').padEnd(64, '0');
const file = (path: string, size: number, ids: string): TreeEntry => ({ ...fileEntry(path), size, ids }) as TreeEntry;

const patchesOf = ({ frame }: Location): PatchLocation[] =>
  Array.from({ length: MAX_PATCHES }, (_, i) => ({ frame, offset: i * PAGE_SIZE, bitmap: 2 ** i }));

/** Returns a repository whose newest manifest claims the maximum of something. */
async function claiming(what: string): Promise<Content> {
  const repository = forged();
  const [newest] = repository.versions;
  const [place] = newest.locations;
  if (place === undefined) throw new Error('the newest version has a blob');
  const many = (size: number): void => {
    newest.lengths = new Array<number>(MAX_BLOBS).fill(size);
    const frame = { ...place.frame, codec: 'brotli', length: 65_536 } as const;
    newest.locations = new Array(MAX_BLOBS).fill({ ...place, baseLength: size, frame });
  };
  if (what === 'file') {
    // The largest possible file, of one blob of zeros.
    const blob = new Uint8Array(65_536);
    repository.packs.set(place.frame.pack, blob);
    newest.locations = [{ ...place, baseLength: blob.length, frame: { ...place.frame, storedLength: blob.length, length: blob.length } }];
    newest.lengths = [blob.length];
    retree(newest, [file('zeros', MAX_BLOBS * 65_536, objectId('blob', blob).repeat(MAX_BLOBS))]);
  } else if (what === 'entries') {
    [newest.locations, newest.lengths] = [[], []];
    retree(
      newest,
      Array.from({ length: MAX_ENTRIES }, (_, i) => file(name(i), 0, '')),
    );
  } else if (what === 'blobs' || what === 'patches') {
    many(65_536);
    if (what === 'patches') newest.locations = newest.locations.map((location) => ({ ...location, patches: patchesOf(location) }));
    retree(newest, [file('big', MAX_BLOBS * 65_536, Array.from({ length: MAX_BLOBS }, (_, i) => idAt(i)).join(''))]);
  } else {
    many(5);
    retree(
      newest,
      Array.from({ length: MAX_ENTRIES }, (_, i) => file(name(i), 5, idAt(i))),
    );
  }
  repository.ref = { head: new Uint8Array(0) };
  return seal(repository);
}

for (const what of ['entries', 'blobs', 'patches', 'both', 'file']) {
  for (const step of ['pull', 'verify']) {
    test.serial(`B5: ${step} of a manifest of the most ${what} takes no more than 512 MB`, async (t) => {
      const folder = temporary(t);
      const remote = localProvider(join(folder, 'remote'), fakeHost(what));
      for (const [key, { bytes, isCell }] of await claiming(what)) await (isCell ? remote.swap(key, bytes, null) : remote.put(key, bytes));
      const args = [program, step, join(folder, 'home'), pathToFileURL(join(folder, 'remote')).href];
      const { peak, outcome } = JSON.parse(execFileSync(execPath, args, { encoding: 'utf8' })) as { peak: number; outcome: string };
      t.log(`${(peak / 1e6).toFixed(0)} MB: ${outcome}`);
      t.true(['done', 'INTEGRITY'].includes(outcome), outcome);
      t.true(peak <= LIMIT);
    });
  }
}
