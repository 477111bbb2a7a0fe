/**
 * Notes about mounts: one file for each, named after the mount and the process that owns it. A note
 * is written before its directory and removed after it, so every directory has an owner. Only the
 * owner changes a note or removes its directory. A note of an exited process is taken over by
 * renaming it, which only one process can do.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { type OwnerState, owning } from '../base/owners.js';
import type { ObjectId } from '../format/object-id.js';
import { failWriting, ignoreFailure } from '../fs/errors.js';
import { readPrivately, replacePrivately, sealed, unsealed } from '../fs/private-file.js';
import { relativeName } from '../session/relatives.js';
import type { LocalReplica } from '../session/replica/local.js';
import { renamed } from '../workspace/lock.js';
import { namesIn } from '../workspace/workspace.js';

/** `exclusive`: with a lease. `fork`: commits go to a session of their own. */
export type MountMode = 'shared' | 'exclusive' | 'fork';

export interface MountNote {
  session: string;
  mode: MountMode;
  /** Milliseconds since 1970, UTC. */
  since: number;
  /** The commit whose content the directory had last; undefined if the session had none. */
  base: ObjectId | undefined;
  /**
   * `opening`: checkout in progress; safe to delete. `open`: the directory may hold work. `closed`:
   * the content is committed or discarded, and a part of the directory may be removed.
   */
  phase: 'opening' | 'open' | 'closed';
  /** The rules for commits of the directory. */
  keepCaches: boolean;
  exclude: readonly string[];
  /** The command that works in the directory, as `Host.commandName` names it. */
  command?: string | undefined;
  /** The folder of the directory, if it is not in the local store. */
  folder?: string | undefined;
}

/** The name of a note. */
export interface HeldNote {
  id: string;
  /** The process, as `Owners` names it. */
  owner: string;
}

/** A mounted directory, and the sessions that its commits may go to. */
export interface MountedDirectory extends Pick<MountNote, 'session' | 'base'> {
  dir: string;
  /** In mode `fork`, the session that commits go to. The first commit creates it. */
  fork: string | undefined;
  /** The conflict session, which gets the work if `session` has moved. */
  conflict: string;
}

const ID_DIGITS = 12;
const namePattern = /^(.+\.[0-9a-f]{12})~([^~]+)$/;

/** Returns a name for a mount of the session that was never used before. */
export function newMountId(session: string, host: Pick<Host, 'random'>): string {
  return `${session}.${toHex(host.random(ID_DIGITS / 2))}`;
}

export function mountedDirectory(local: LocalReplica, id: string, note: MountNote): MountedDirectory {
  const { session, base, mode, folder = local.workspaces } = note;
  const named = (kind: 'fork' | 'conflict'): string => relativeName(session, kind, id.slice(-ID_DIGITS));
  const fork = mode === 'fork' ? named('fork') : undefined;
  return { session, base, dir: join(folder, id), fork, conflict: named('conflict') };
}

export class MountNotes {
  readonly #folder: string;
  readonly #local: LocalReplica;

  constructor(local: LocalReplica) {
    this.#folder = join(local.records, 'mounts');
    this.#local = local;
  }

  /** Reads a note of this process or of `owner`, or restores a lost one from the record. */
  async read({ id, owner }: Pick<HeldNote, 'id'> & Partial<HeldNote>): Promise<MountNote> {
    const path = owner === undefined ? await this.#mine(id) : this.#path(id, owner);
    const bytes = await readPrivately(path).catch(ignoreFailure);
    const json = bytes && unsealed(bytes);
    if (json !== undefined) return { base: undefined, ...(JSON.parse(new TextDecoder().decode(json)) as Omit<MountNote, 'base'>) };
    const { record } = await this.#local.workspace(join(this.#local.workspaces, id));
    const session = id.slice(0, -ID_DIGITS - 1);
    return { session, mode: 'shared', since: 0, base: record?.base, phase: 'open', keepCaches: false, exclude: [] };
  }

  /** Writes or replaces a note of this process atomically. Throws what `writeFailure` returns. */
  async write(id: string, note: MountNote): Promise<void> {
    const path = await this.#mine(id);
    // `namePattern` does not match this name.
    const temporary = `${path}~${toHex(this.#local.host.random(8))}`;
    await replacePrivately(path, temporary, sealed(utf8(JSON.stringify(note)))).catch(failWriting(path));
  }

  /** Makes this process the owner of a note; returns false if another process was first. */
  async claim({ id, owner }: HeldNote): Promise<boolean> {
    return this.#rename(this.#path(id, owner), await this.#mine(id));
  }

  /** Returns a claimed note to its former owner, so that it can be claimed again. */
  async unclaim({ id, owner }: HeldNote): Promise<void> {
    await this.#rename(await this.#mine(id), this.#path(id, owner));
  }

  /** Removes a note of this process. */
  async remove(id: string): Promise<void> {
    await rm(await this.#mine(id), { force: true });
  }

  #rename(from: string, to: string): Promise<boolean> {
    return renamed(from, to).catch(failWriting(from));
  }

  /** Returns the notes of all processes, sorted by name. */
  async list(): Promise<HeldNote[]> {
    return (await namesIn(this.#folder)).flatMap((name) => {
      const [, id, owner] = namePattern.exec(name) ?? [];
      return id === undefined || owner === undefined ? [] : [{ id, owner }];
    });
  }

  /** Returns the path of a note of this process, which is an owner as long as it has notes. */
  #mine(id: string): Promise<string> {
    return owning(this.#local.owners, async (owner) => this.#path(id, owner));
  }

  #path(id: string, owner: string): string {
    return join(this.#folder, `${id}~${owner}`);
  }
}

/** Returns whether the command of a note still runs, and one of its processes if known. */
export async function commandState(
  local: LocalReplica,
  command: string | undefined,
): Promise<{ state: OwnerState; pid?: number | undefined }> {
  if (command === undefined) return { state: 'gone' };
  const processes = local.host.commandProcesses(command);
  if (processes === undefined) return { state: await local.owners.state(command) };
  const [pid] = processes;
  return { state: pid === undefined ? 'gone' : 'running', pid };
}

/** Throws BUSY if the command still runs. */
export async function rejectRunningCommand(local: LocalReplica, dir: string, command: string | undefined): Promise<void> {
  const { state, pid } = await commandState(local, command);
  if (state !== 'running') return;
  const [process, end] = pid === undefined ? ['', ''] : [` (process ${pid})`, `, or end it with \`kill -INT ${pid}\``];
  throw new BrowserStateError('BUSY', `${dir}: its command${process} still runs in this directory`, {
    details: { path: dir, ...(pid !== undefined && { pid }) },
    hint: `Wait for it to end${end}; then it can be recovered.`,
  });
}
