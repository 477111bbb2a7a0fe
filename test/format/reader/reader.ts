/**
 * A second reader of the format, written from SPEC.md alone. The reader and its helpers share no
 * line with src/. It reads a whole repository: sessions, histories with their segments, tags,
 * revisions, and the files of any commit. For these it fetches only ranges of packs. If SPEC.md is
 * not sufficient to write this reader, SPEC.md is wrong.
 */
import { idOf, keyOf, must } from './bytes.js';
import { type HistoryEntry, mustDiffer, type Ref, readConfig, readRef, readSegment } from './cells.js';
import { decompress, readBody } from './envelope.js';
import { assemble, blobIds, type Frame, type Manifest, openManifest } from './manifest.js';
import { folderSource, isId, type Source } from './source.js';

export { Refusal } from './bytes.js';
export { unlessNoZstd } from './envelope.js';
export { contentSource, folderSource } from './source.js';

export interface ReadEntry {
  path: string;
  kind: 'directory' | 'file' | 'symlink';
  mode: number;
  mtime: bigint;
  content: Uint8Array;
  target: string;
}

export class IndependentReader {
  readonly #source: Source;
  readonly #isRemote: boolean;
  #repository: string | undefined;

  /**
   * A reader of a remote starts from a ref. A reader of a local store starts from the config
   * (R-CONFIG, R-CONFIG-2).
   */
  constructor(source: Source, isRemote = false) {
    this.#source = source;
    this.#isRemote = isRemote;
  }

  /** Returns the names of the sessions that do not read as absent. */
  sessions(): string[] {
    return this.#source
      .refs()
      .filter((name) => this.#ref(name) !== undefined)
      .sort();
  }

  /**
   * Returns every history entry of a session, newest first. Returns none if the session reads as
   * absent.
   */
  history(session: string): HistoryEntry[] {
    const ref = this.#ref(session);
    if (ref === undefined) return [];
    const entries = [...ref.entries];
    for (const { name, entries: count } of ref.segments) {
      const key = keyOf('segments', name);
      entries.push(...readSegment(readBody(this.#source.object(key), 'segment', key, this.#id()).body, count));
    }
    mustDiffer(entries);
    return entries;
  }

  tags(session: string): Map<string, string> {
    return this.#ref(session)?.tags ?? new Map();
  }

  /** Returns the entry that a revision names, or undefined if it names nothing (section 11.9). */
  resolve(session: string, revision: string): HistoryEntry | undefined {
    const entries = this.history(session);
    if (revision.startsWith('@')) {
      const isTime = /^@\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(revision);
      return entries.find(({ commit }) => isTime && commit.time <= Date.parse(revision.slice(1)));
    }
    const [base = '', ...steps] = revision.split('~');
    const tagged = this.tags(session).get(base);
    const matches = entries.filter(({ id }) => /^[0-9a-f]{4,64}$/i.test(base) && id.startsWith(base.toLowerCase()));
    let entry =
      base === 'HEAD' ? entries[0] : tagged === undefined ? (matches.length === 1 ? matches[0] : undefined) : byId(entries, tagged);
    for (const step of steps) for (let n = step === '' ? 1 : Number(step); n > 0; n--) entry = byId(entries, entry?.commit.parents[0]);
    return entry;
  }

  /** Returns the validated manifest of an entry. The ref may have the manifest inline (R-REF-5). */
  manifest(session: string, entry: HistoryEntry): Manifest {
    const key = keyOf('manifests', entry.manifest);
    const ref = this.#ref(session);
    const inline = ref?.entries[0]?.id === entry.id ? ref.head : new Uint8Array(0);
    return openManifest(inline.length > 0 ? inline : this.#source.object(key), key, this.#id(), entry.id);
  }

  /** Returns the files, directories and symlinks of a commit. */
  entries(session: string, commit: HistoryEntry): ReadEntry[] {
    const { tree, blobs } = this.manifest(session, commit);
    const frames = new Map<string, Uint8Array>();
    const bytesOf = (frame: Frame): Uint8Array => {
      const at = `${keyOf('packs', frame.pack)}:${frame.offset}`;
      const bytes = frames.get(at) ?? this.#frame(frame);
      frames.set(at, bytes);
      return bytes;
    };
    const contents = new Map<string, Uint8Array>();
    for (const [id, { length, location }] of blobs) {
      const content = assemble(location, length, bytesOf);
      must(idOf('blob', content) === id, 'R-LOC-1', id);
      contents.set(id, content);
    }
    return tree.map((entry): ReadEntry => {
      const content = entry.kind === 'file' ? Buffer.concat(blobIds(entry).map((id) => contents.get(id) as Uint8Array)) : new Uint8Array(0);
      must(entry.kind !== 'file' || content.length === entry.size, 'R-LOC-1', entry.path);
      return { ...entry, content, target: entry.kind === 'symlink' ? entry.target : '' };
    });
  }

  #frame({ pack, offset, codec, storedLength, length }: Frame): Uint8Array {
    return decompress(codec, this.#source.object(keyOf('packs', pack), { start: offset, end: offset + storedLength }), length);
  }

  /** Returns the repository's id (R-CONFIG). */
  #id(): string {
    if (this.#repository !== undefined) return this.#repository;
    const config = this.#source.cell('config');
    must(config !== undefined, 'R-CONFIG');
    const { body, repository } = readBody(config, 'config', 'config');
    readConfig(body);
    this.#repository = repository;
    return repository;
  }

  /** Returns a ref that has entries, or undefined if the session reads as absent (R-REF-3). */
  #ref(session: string): Ref | undefined {
    const key = `refs/${session}`;
    const cell = isId(session) ? this.#source.cell(key) : undefined;
    if (cell === undefined) return undefined;
    const { body, repository } = readBody(cell, 'ref', key, this.#isRemote ? this.#repository : this.#id());
    this.#repository = repository;
    const ref = readRef(body);
    return ref.entries.length === 0 ? undefined : ref;
  }
}

function byId(entries: readonly HistoryEntry[], id: string | undefined): HistoryEntry | undefined {
  return entries.find((entry) => entry.id === id);
}

/** Returns a reader of a local store, whose folder is `.store`. */
export function readerOf(store: string): IndependentReader {
  return new IndependentReader(folderSource(store));
}
