/**
 * A second reader of the format, written from SPEC.md alone: it and its helpers share no line with
 * src/. It reads a whole repository: sessions, histories with their segments, tags, revisions, and
 * the files of any commit. For these it fetches only ranges of packs. If SPEC.md is not sufficient
 * to write this reader, SPEC.md is wrong.
 */
import { idOf, keyOf, must } from './bytes.js';
import { mustDiffer, type Ref, type Row, readConfig, readRef, readSegment } from './cells.js';
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
   * A reader of a remote starts from a ref, and that of a local store from the config (R-CONFIG,
   * R-CONFIG-2).
   */
  constructor(source: Source, isRemote = false) {
    this.#source = source;
    this.#isRemote = isRemote;
  }

  /** The names of the sessions that do not read as absent. */
  sessions(): string[] {
    return this.#source
      .refs()
      .filter((name) => this.#ref(name) !== undefined)
      .sort();
  }

  /** Every row of a session, newest first; none if it reads as absent. */
  history(session: string): Row[] {
    const ref = this.#ref(session);
    if (ref === undefined) return [];
    const rows = [...ref.rows];
    for (const { name, rows: count } of ref.segments) {
      const key = keyOf('segments', name);
      rows.push(...readSegment(readBody(this.#source.object(key), 'segment', key, this.#id()).body, count));
    }
    mustDiffer(rows);
    return rows;
  }

  tags(session: string): Map<string, string> {
    return this.#ref(session)?.tags ?? new Map();
  }

  /** Section 11.9; undefined if the revision names nothing. */
  resolve(session: string, revision: string): Row | undefined {
    const rows = this.history(session);
    if (revision.startsWith('@')) return rows.find(({ commit }) => commit.time <= Date.parse(revision.slice(1)));
    const [base = '', ...steps] = revision.split('~');
    const tagged = this.tags(session).get(base);
    const matches = rows.filter(({ id }) => /^[0-9a-f]{4,64}$/i.test(base) && id.startsWith(base.toLowerCase()));
    let row = base === 'HEAD' ? rows[0] : tagged === undefined ? (matches.length === 1 ? matches[0] : undefined) : byId(rows, tagged);
    for (const step of steps) for (let n = step === '' ? 1 : Number(step); n > 0; n--) row = byId(rows, row?.commit.parents[0]);
    return row;
  }

  /** The validated manifest of a row: the inline one if the ref has it for this row (R-REF-5). */
  manifest(session: string, row: Row): Manifest {
    const key = keyOf('manifests', row.manifest);
    const ref = this.#ref(session);
    const inline = ref?.rows[0]?.id === row.id ? ref.head : new Uint8Array(0);
    return openManifest(inline.length > 0 ? inline : this.#source.object(key), key, this.#id(), row.id);
  }

  /** The files, directories and symlinks of a row's commit. */
  entries(session: string, row: Row): ReadEntry[] {
    const { tree, blobs } = this.manifest(session, row);
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

  /** R-CONFIG. */
  #id(): string {
    if (this.#repository !== undefined) return this.#repository;
    const config = this.#source.cell('config');
    must(config !== undefined, 'R-CONFIG');
    const { body, repository } = readBody(config, 'config', 'config');
    readConfig(body);
    this.#repository = repository;
    return repository;
  }

  /** A ref that has rows; undefined if the session reads as absent (R-REF-3). */
  #ref(session: string): Ref | undefined {
    const key = `refs/${session}`;
    const cell = isId(session) ? this.#source.cell(key) : undefined;
    if (cell === undefined) return undefined;
    const { body, repository } = readBody(cell, 'ref', key, this.#isRemote ? this.#repository : this.#id());
    this.#repository = repository;
    const ref = readRef(body);
    return ref.rows.length === 0 ? undefined : ref;
  }
}

function byId(rows: readonly Row[], id: string | undefined): Row | undefined {
  return rows.find((row) => row.id === id);
}

/** A reader of a local store, whose folder is `.store`. */
export function readerOf(store: string): IndependentReader {
  return new IndependentReader(folderSource(store));
}
