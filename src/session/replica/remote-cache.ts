/**
 * What this machine remembers of a remote: which repository it is, and each session's ref as it was last seen, with the head's manifest. With
 * these a mount of an unchanged session asks once, and a save reads nothing before it writes. They are notes: a lost or damaged one
 * costs a round trip, and a stale one loses its swap.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '#platform';
import { equalBytes, Reader, toHex, utf8, Writer } from '../../base/bytes.js';
import { isError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { MAX_CELL_SIZE, MAX_MANIFEST_SIZE } from '../../base/limits.js';
import { type Owners, owning } from '../../base/owners.js';
import { NAME_BYTES } from '../../format/envelope.js';
import { ID_DIGITS, type ObjectId } from '../../format/object-id.js';
import { decodeRef, encodeRef, type Ref } from '../../format/ref.js';
import { errno } from '../../fs/errors.js';
import { readPrivately, replacePrivately, sealed, unsealed } from '../../fs/private-file.js';
import type { Version } from '../../provider/provider.js';

/** The folder among the records that has one for each remote. */
export const REMOTES = 'remotes';
/** The name of a note that was not finished; the group is its owner. */
export const TORN_NOTE = /^(?:repository|presence|.+\.ref)\.[0-9a-f]{16}\.(.+)$/;

const MAX_VERSION_BYTES = 1024;
const PRESENCE_BYTES = 12;

export interface RemoteNote {
  /** The repository's id. */
  repository: Uint8Array;
  version: Version;
  ref: Ref;
  /** The newest head that was seen there, and stays known after a deletion. */
  head: ObjectId | undefined;
  /** The manifest of the newest version whose content this machine has, as it is stored there, with its name; empty where there is none. */
  manifest: { name: string; bytes: Uint8Array };
}

export class RemoteNotes {
  readonly folder: string;
  readonly #host: Pick<Host, 'random'>;
  readonly #owners: Owners;
  /** The note that was read or written last: one push asks for it several times, and its ref takes long to decode. */
  #last: { session: string; bytes: Uint8Array; note: RemoteNote } | undefined;

  /** The notes below `records` about the remote at `url`. */
  constructor(records: string, url: string, host: Pick<Host, 'random' | 'owners'>) {
    this.folder = join(records, REMOTES, toHex(sha256(utf8(url)).subarray(0, 16)));
    this.#host = host;
    this.#owners = host.owners(records);
  }

  /** The id of the remote's repository; undefined where it was never seen. */
  async repository(): Promise<Uint8Array | undefined> {
    const bytes = await this.#read('repository');
    return bytes?.length === NAME_BYTES ? bytes : undefined;
  }

  /** Takes note of the remote's repository; what was known of sessions of another one there counts no longer. */
  async setRepository(id: Uint8Array): Promise<void> {
    const known = await this.repository();
    if (known === undefined || !equalBytes(known, id)) await this.#write('repository', id);
  }

  /** Forgets which repository it is; what is known of its sessions counts again when it is found again. */
  async forgetRepository(): Promise<void> {
    await rm(join(this.folder, 'repository'), { force: true });
  }

  /** What is remembered of a session of the remote's repository. */
  async session(session: string): Promise<RemoteNote | undefined> {
    const [known, bytes] = [await this.repository(), await this.#read(`${session}.ref`)];
    if (known === undefined || bytes === undefined) return undefined;
    const last = this.#last;
    const isLast = last?.session === session && equalBytes(last.bytes, bytes);
    const note = isLast ? last.note : decodeNote(bytes);
    if (note === undefined || !equalBytes(note.repository, known)) return undefined;
    this.#last = { session, bytes, note };
    return note;
  }

  async setSession(session: string, note: RemoteNote): Promise<void> {
    const { repository, version, ref, head, manifest } = note;
    const out = new Writer()
      .bytes(repository)
      .text(version)
      .sized(encodeRef(ref))
      .text(head ?? '');
    out.text(manifest.name).sized(manifest.bytes);
    const bytes = out.finish();
    await this.#write(`${session}.ref`, bytes);
    this.#last = { session, bytes, note };
  }

  /** Pushes since the packs there were looked for, and when that was, in ms since 1970; undefined if they never were. */
  async presence(): Promise<{ pushes: number; lookedAt: number } | undefined> {
    const bytes = await this.#read('presence');
    if (bytes?.length !== PRESENCE_BYTES) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return { pushes: view.getUint32(0), lookedAt: view.getFloat64(4) };
  }

  async setPresence({ pushes, lookedAt }: { pushes: number; lookedAt: number }): Promise<void> {
    const bytes = new Uint8Array(PRESENCE_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, pushes);
    view.setFloat64(4, lookedAt);
    await this.#write('presence', bytes);
  }

  /** What was written under that name; undefined where it is not there, or not whole. */
  async #read(name: string): Promise<Uint8Array | undefined> {
    try {
      return unsealed(await readPrivately(join(this.folder, name)));
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Replaces what is under that name, atomically. A note that cannot be written is not worth a failure. */
  async #write(name: string, content: Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    const replace = (owner: string) => replacePrivately(path, `${path}.${toHex(this.#host.random(8))}.${owner}`, sealed(content));
    await owning(this.#owners, replace).catch((error: unknown) => {
      if (errno(error) === undefined) throw error;
    });
  }
}

/** Undefined for what is no note of this version. */
function decodeNote(bytes: Uint8Array): RemoteNote | undefined {
  try {
    const input = new Reader(bytes, 'note');
    const repository = input.bytes(NAME_BYTES).slice();
    const version = input.text(MAX_VERSION_BYTES);
    const ref = decodeRef(input.sized(MAX_CELL_SIZE), 'note');
    const head = input.text(ID_DIGITS) || undefined;
    return { repository, version, ref, head, manifest: { name: input.text(MAX_VERSION_BYTES), bytes: input.sized(MAX_MANIFEST_SIZE) } };
  } catch (error) {
    if (!isError(error, 'INTEGRITY', 'NEWER_VERSION')) throw error;
    return undefined;
  }
}
