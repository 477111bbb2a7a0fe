/**
 * The repository of SPEC.md 17.1 as a local store on disk, and the ways to damage its folder
 * (SPEC.md 10.1), one line each.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { encodeEntry } from '../../../src/provider/local/entry.js';
import { sha256 } from '../../format/reader/bytes.js';
import { exampleFiles } from './example.js';

/** A local store's folder `.store`. */
export class StoreFolder {
  constructor(readonly root: string) {}

  async write(): Promise<void> {
    for (const [path, bytes] of await exampleFiles()) {
      mkdirSync(dirname(this.at(path)), { recursive: true });
      writeFileSync(this.at(path), bytes);
    }
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** Returns the path of the only object of a kind. */
  object(folder: 'packs' | 'manifests'): string {
    return join(this.at(folder), readdirSync(this.at(folder))[0] as string);
  }

  /** Returns the path of the only generation of a cell. */
  generation(key: string): string {
    return join(this.at(`${key}.cell`), readdirSync(this.at(`${key}.cell`)).find((name) => name.startsWith('g-')) as string);
  }

  entry(key: string): string {
    return join(this.generation(key), '1');
  }

  /** Returns the value of a cell as it was written. */
  value(key: string): Uint8Array {
    return readFileSync(this.entry(key)).subarray(1, -32);
  }

  /** Writes an entry with a correct hash. */
  append(key: string, generation: string, number: number, value: Uint8Array, next?: string): void {
    const at = join(generation, String(number));
    mkdirSync(generation, { recursive: true });
    writeFileSync(at, encodeEntry({ key, generation: basename(generation).replace(/^(?:g|next)-/, ''), number }, value, next));
  }
}

/** The component that notices: every reader and a check, a check alone, or nobody. */
export type Notices = 'reader refuses' | 'check only' | 'writer only';

const other = 'ab'.repeat(16);
const ref = 'refs/main';

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[40] = (bytes[40] as number) ^ 1;
  writeFileSync(path, bytes);
}

/** Moves the entry at a path to another path, and leaves a symlink to it. */
function linked(path: string): void {
  renameSync(path, `${path}.moved`);
  symlinkSync(`${basename(path)}.moved`, path);
}

function fifo(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}

function directoryFor(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/** Writes an entry of an unknown kind, with a correct hash. */
function ofKind(folder: StoreFolder, kind: number): void {
  const at = folder.generation(ref);
  const content = Buffer.concat([Uint8Array.of(kind), folder.value(ref)]);
  const hash = sha256(Buffer.from(`${ref}\0${basename(at).slice(2)}\x001\0`), content);
  writeFileSync(folder.entry(ref), Buffer.concat([content, Buffer.from(hash, 'hex')]));
}

/**
 * Ends the ref's generation by entry 2, which names the next generation. `place` moves the next
 * generation.
 */
function rolled(folder: StoreFolder, place: (old: string) => string | undefined): void {
  const old = folder.generation(ref);
  const value = folder.value(ref);
  folder.append(ref, old, 2, value, other);
  const next = place(old);
  if (next !== undefined) folder.append(ref, next, 1, value);
}

/** Makes the nest of a next generation with another name beside entry 1. Returns its path. */
function nestOf(folder: StoreFolder, old: string, name: string): string {
  const nest = join(old, `next-${other}`);
  folder.append(ref, nest, 2, folder.value(ref));
  renameSync(join(nest, '2'), join(nest, name));
  return nest;
}

/** Writes an empty file as an entry of the ref. */
const numbered = (folder: StoreFolder, name: string): void => writeFileSync(join(folder.generation(ref), name), '');

export const folderCases: [string, Notices, (folder: StoreFolder) => void][] = [
  ['R-LOCAL-9: nothing is wrong', 'writer only', () => undefined],
  ['R-LOCAL-8: the next generation is nested', 'writer only', (folder) => rolled(folder, (old) => join(old, `next-${other}`))],
  ['R-LOCAL-8: the next generation came out', 'writer only', (folder) => rolled(folder, (old) => join(dirname(old), `g-${other}`))],
  ['R-LOCAL-3: what a crash left in tmp', 'writer only', (folder) => void cpSync(folder.object('packs'), join(folder.root, 'tmp/x'))],
  ['R-LOCAL-6: a flipped byte in the entry of a ref', 'reader refuses', (folder) => flip(folder.entry(ref))],
  ['R-LOCAL-6: a flipped byte in the entry of the config', 'reader refuses', (folder) => flip(folder.entry('config'))],
  ['R-LOCAL-6: an entry under another number', 'reader refuses', (folder) => cpSync(folder.entry(ref), join(folder.generation(ref), '2'))],
  [
    'R-LOCAL-6: an entry of another generation',
    'reader refuses',
    (folder) => renameSync(folder.generation(ref), join(folder.at(`${ref}.cell`), `g-${other}`)),
  ],
  ['R-LOCAL-6: an entry of another cell', 'reader refuses', (folder) => cpSync(folder.entry('config'), folder.entry(ref))],
  ['R-LOCAL-6: an entry that is cut short', 'reader refuses', (folder) => writeFileSync(folder.entry(ref), Uint8Array.of(0))],
  ['R-LOCAL-6: a kind of 2', 'reader refuses', (folder) => ofKind(folder, 2)],
  [
    'R-LOCAL-9: two current generations',
    'reader refuses',
    (folder) => folder.append(ref, join(folder.at(`${ref}.cell`), `g-${other}`), 1, folder.value(ref)),
  ],
  ['R-LOCAL-9: a cell without a generation', 'reader refuses', (folder) => rmSync(folder.generation(ref), { recursive: true })],
  ['R-LOCAL-9: a generation without an entry', 'reader refuses', (folder) => rmSync(folder.entry(ref))],
  ['R-CONFIG: no config', 'reader refuses', (folder) => rmSync(folder.at('config.cell'), { recursive: true })],
  ['R-GC-2: no pack', 'reader refuses', (folder) => rmSync(folder.object('packs'))],
  ['R-LOCAL-12: a symlink for a pack', 'reader refuses', (folder) => linked(folder.object('packs'))],
  ['R-LOCAL-12: a symlink for a manifest', 'reader refuses', (folder) => linked(folder.object('manifests'))],
  ['R-LOCAL-12: a symlink for an entry', 'reader refuses', (folder) => linked(folder.entry(ref))],
  ['R-LOCAL-12: a symlink for a cell', 'reader refuses', (folder) => linked(folder.at(`${ref}.cell`))],
  ['R-LOCAL-13: a symlink for refs', 'check only', (folder) => linked(folder.at('refs'))],
  ['R-LOCAL-13: a symlink for packs', 'check only', (folder) => linked(folder.at('packs'))],
  [
    'R-LOCAL-12: a symlink to nowhere for refs',
    'reader refuses',
    (folder) => {
      linked(folder.at('refs'));
      rmSync(folder.at('refs.moved'), { recursive: true });
    },
  ],
  [
    'R-LOCAL-12: a file for refs',
    'reader refuses',
    (folder) => {
      rmSync(folder.at('refs'), { recursive: true });
      writeFileSync(folder.at('refs'), '');
    },
  ],
  ['R-LOCAL-12: a FIFO for a pack', 'reader refuses', (folder) => fifo(folder.object('packs'))],
  ['R-LOCAL-12: a FIFO for an entry', 'reader refuses', (folder) => fifo(folder.entry(ref))],
  ['R-LOCAL-12: a directory for a manifest', 'reader refuses', (folder) => directoryFor(folder.object('manifests'))],
  [
    'R-LOCAL-11: a superseded entry that is damaged',
    'check only',
    (folder) => {
      folder.append(ref, folder.generation(ref), 2, folder.value(ref));
      flip(folder.entry(ref));
    },
  ],
  ['R-LOCAL-11: a gap', 'check only', (folder) => folder.append(ref, folder.generation(ref), 3, folder.value(ref))],
  ['R-LOCAL-11: a last entry whose next generation is missing', 'check only', (folder) => rolled(folder, () => undefined)],
  ['R-LOCAL-11: another entry in a nest', 'check only', (folder) => rolled(folder, (old) => nestOf(folder, old, '2'))],
  ['R-LOCAL-11: another name in a nest', 'check only', (folder) => rolled(folder, (old) => nestOf(folder, old, 'README'))],
  ['R-LOCAL-11: an entry number above 999,999,999', 'check only', (folder) => numbered(folder, '1000000000')],
  ['R-LOCAL-11: an entry number above 2^31', 'check only', (folder) => numbered(folder, '2147483648')],
  ['R-LOCAL-9: the greatest entry number', 'reader refuses', (folder) => numbered(folder, '999999999')],
  [
    'R-LOCAL-9: a last entry that names its own generation',
    'reader refuses',
    (folder) => folder.append(ref, folder.generation(ref), 2, folder.value(ref), basename(folder.generation(ref)).slice(2)),
  ],
  [
    'R-LOCAL-12: a symlink to nothing for ROOT',
    'reader refuses',
    (folder) => {
      linked(folder.root);
      rmSync(`${folder.root}.moved`, { recursive: true });
    },
  ],
  ['a symlink to a directory for ROOT', 'writer only', (folder) => linked(folder.root)],
  ['R-NAME-5: a file for segments', 'check only', (folder) => writeFileSync(folder.at('segments'), '')],
  [
    'R-NAME-4: a cell below packs',
    'check only',
    (folder) => cpSync(folder.at('gc/epoch.cell'), folder.at('packs/x.cell'), { recursive: true }),
  ],
  ['R-LOCAL-11: another name in a cell', 'check only', (folder) => writeFileSync(join(folder.at(`${ref}.cell`), 'README'), '')],
];
