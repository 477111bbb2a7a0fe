/**
 * Notes about a remote: the id of its repository, and each session's last seen ref with the head's
 * manifest. Notes save requests: a lost note costs a round trip, a stale one a lost swap.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '#platform';
import { equalBytes, Reader, toHex, utf8, Writer } from '../../base/bytes.js';
import { BrowserStateError, ignore } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { MAX_CELL_SIZE, MAX_MANIFEST_SIZE, PRESENCE_MS, PRESENCE_PUSHES } from '../../base/limits.js';
import { type Owners, owning } from '../../base/owners.js';
import { NAME_BYTES } from '../../format/envelope.js';
import { refKey } from '../../format/keys.js';
import { ID_DIGITS, type ObjectId } from '../../format/object-id.js';
import { decodeRef, encodeRef, type Ref } from '../../format/ref.js';
import { ignoreFailure } from '../../fs/errors.js';
import { readPrivately, replacePrivately, sealed, unsealed } from '../../fs/private-file.js';
import type { Version } from '../../provider/provider.js';
import type { Token } from '../../repository/refs.js';

/** The folder of the records that contains a folder for each remote. */
export const REMOTES = 'remotes';
/** The name of an unfinished note; the group is its owner. */
export const TORN_NOTE = /^(?:repository|presence|.+\.ref)\.[0-9a-f]{16}\.(.+)$/;

const MAX_VERSION_BYTES = 1024;
const PRESENCE_BYTES = 12;

export interface RemoteNote {
  repository: Uint8Array;
  version: Version;
  ref: Ref;
  /** The newest head that was seen, even of a deleted session. */
  head: ObjectId | undefined;
  /** The stored manifest of the newest version whose content this machine has, or empty. */
  manifest: { name: string; bytes: Uint8Array };
}

export class RemoteNotes {
  readonly folder: string;
  readonly #host: Pick<Host, 'random'>;
  readonly #owners: Owners;
  /** The note that was read or written last, since a push reads it several times. */
  #last: { session: string; bytes: Uint8Array; note: RemoteNote } | undefined;

  constructor(records: string, url: string, host: Pick<Host, 'random' | 'owners'>) {
    this.folder = join(records, REMOTES, toHex(sha256(utf8(url)).subarray(0, 16)));
    this.#host = host;
    this.#owners = host.owners(records);
  }

  /** Returns the id of the remote's repository; undefined if none was seen. */
  async repository(): Promise<Uint8Array | undefined> {
    const bytes = await this.#read('repository');
    return bytes?.length === NAME_BYTES ? bytes : undefined;
  }

  /** Notes the remote's repository. Notes about sessions of any other are ignored from then on. */
  async setRepository(id: Uint8Array): Promise<void> {
    const known = await this.repository();
    if (known === undefined || !equalBytes(known, id)) await this.#write('repository', id);
  }

  /** Forgets the repository. The notes of its sessions count again if it returns. */
  async forgetRepository(): Promise<void> {
    await rm(join(this.folder, 'repository'), { force: true });
  }

  async session(session: string): Promise<RemoteNote | undefined> {
    const [known, bytes] = [await this.repository(), await this.#read(`${session}.ref`)];
    if (known === undefined || bytes === undefined) return undefined;
    const last = this.#last;
    const isLast = last?.session === session && equalBytes(last.bytes, bytes);
    const note = isLast ? last.note : await decodeNote(bytes).catch(ignore('INTEGRITY', 'NEWER_VERSION'));
    if (note === undefined || !equalBytes(note.repository, known)) return undefined;
    this.#last = { session, bytes, note };
    return note;
  }

  async setSession(session: string, note: RemoteNote): Promise<void> {
    const { repository, version, ref, head, manifest } = note;
    const out = new Writer().bytes(repository).text(version).sized(encodeRef(ref));
    out
      .text(head ?? '')
      .text(manifest.name)
      .sized(manifest.bytes);
    const bytes = out.finish();
    await this.#write(`${session}.ref`, bytes);
    this.#last = { session, bytes, note };
  }

  /** Throws INTEGRITY for an older ref than the noted one (SPEC.md R-WRITE-5). */
  rejectOlder({ session, ref }: Token, { ref: { sequence: seen } }: RemoteNote): void {
    if (ref.sequence >= seen) return;
    throw new BrowserStateError(
      'INTEGRITY',
      `refs/${session}: expected change ${seen}, which was seen there, or a later one, found ${ref.sequence}`,
      {
        details: { session, key: refKey(session) },
        hint: `Somebody put an older state of the session in its place. If that was meant, such as to restore a backup, remove ${this.folder} and repeat the command.`,
      },
    );
  }

  /** Counts a change. Returns whether it must check the packs that it names (SPEC.md 11.5). */
  async countChange(now: number): Promise<boolean> {
    const bytes = await this.#read('presence');
    const view = bytes?.length === PRESENCE_BYTES ? new DataView(bytes.buffer, bytes.byteOffset) : undefined;
    const changes = (view?.getUint32(0) ?? 0) + 1;
    const lookedAt = view?.getFloat64(4) ?? now;
    const isDue = changes >= PRESENCE_PUSHES || now - lookedAt >= PRESENCE_MS;
    await this.#setPresence(isDue ? 0 : changes, isDue ? now : lookedAt);
    return isDue;
  }

  lookSoon(): Promise<void> {
    return this.#setPresence(PRESENCE_PUSHES, 0);
  }

  async #setPresence(changes: number, lookedAt: number): Promise<void> {
    const view = new DataView(new ArrayBuffer(PRESENCE_BYTES));
    view.setUint32(0, changes);
    view.setFloat64(4, lookedAt);
    await this.#write('presence', new Uint8Array(view.buffer));
  }

  /** Returns the content of a note; undefined if it is missing or damaged. */
  async #read(name: string): Promise<Uint8Array | undefined> {
    const bytes = await readPrivately(join(this.folder, name)).catch(ignoreFailure);
    return bytes && unsealed(bytes);
  }

  /** Replaces a note atomically. A note that cannot be written is omitted. */
  async #write(name: string, content: Uint8Array): Promise<void> {
    const path = join(this.folder, name);
    const replace = (owner: string) => replacePrivately(path, `${path}.${toHex(this.#host.random(8))}.${owner}`, sealed(content));
    await owning(this.#owners, replace).catch(ignoreFailure);
  }
}

/** Throws INTEGRITY or NEWER_VERSION for bytes that are no note of this version. */
async function decodeNote(bytes: Uint8Array): Promise<RemoteNote> {
  const input = new Reader(bytes, 'note');
  const repository = input.bytes(NAME_BYTES).slice();
  const version = input.text(MAX_VERSION_BYTES);
  const ref = decodeRef(input.sized(MAX_CELL_SIZE), 'note');
  const head = input.text(ID_DIGITS) || undefined;
  return { repository, version, ref, head, manifest: { name: input.text(MAX_VERSION_BYTES), bytes: input.sized(MAX_MANIFEST_SIZE) } };
}
