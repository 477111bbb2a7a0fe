/**
 * What home remembers of mounts: one file for each, whose name says which workspace it is and which process owns it. A note is there before its directory and goes
 * after it, so that no directory is ever nobody's. Whoever owns a note may change it and remove its directory, and nobody else; a note of a process that is gone
 * is taken over by renaming it, which one of any number of processes can do.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex, utf8 } from '../base/bytes.js';
import type { Host } from '../base/host.js';
import { type Owners, owning } from '../base/owners.js';
import type { ObjectId } from '../format/object-id.js';
import { errno, writeFailure } from '../fs/errors.js';
import { readPrivately, replacePrivately, sealed, unsealed } from '../fs/private-file.js';

/** `shared`: any number at once. `exclusive`: with a lease, so that others fail fast. `fork`: what is committed becomes a session of its own. */
export type MountMode = 'shared' | 'exclusive' | 'fork';

export interface MountNote {
  session: string;
  mode: MountMode;
  /** Milliseconds since 1970, UTC. */
  since: number;
  /** The commit that the directory was made from, or was committed as; undefined where there is none. */
  base: ObjectId | undefined;
  /**
   * `opening`: the directory is not complete, and holds nobody's work. `open`: it may. `closed`: what it holds is committed or given up, and it may be removed in
   * part.
   */
  phase: 'opening' | 'open' | 'closed';
  /** What its commits leave out. */
  keepCaches: boolean;
  exclude: readonly string[];
  /** The command that works in the directory, as `Host.commandName` names it. */
  command?: string | undefined;
}

/** A note by its name. */
export interface HeldNote {
  id: string;
  /** The process, as `Owners` names it. */
  owner: string;
}

type NoteHost = Pick<Host, 'random'>;

const ID_DIGITS = 12;
const namePattern = /^(.+\.[0-9a-f]{12})~([^~]+)$/;

/** A name for a workspace of the session that was never used before. */
export function newMountId(session: string, host: Pick<Host, 'random'>): string {
  return `${session}.${toHex(host.random(ID_DIGITS / 2))}`;
}

/** The session in a workspace's name, and what makes the name unique. */
export function partsOfMountId(id: string): { session: string; digits: string } {
  return { session: id.slice(0, -ID_DIGITS - 1), digits: id.slice(-ID_DIGITS) };
}

export class MountNotes {
  readonly #folder: string;
  readonly #owners: Owners;
  readonly #host: NoteHost;

  /** `folder`: where notes are kept; made when the first is written. */
  constructor(folder: string, owners: Owners, host: NoteHost) {
    this.#folder = folder;
    this.#owners = owners;
    this.#host = host;
  }

  /**
   * Returns the notes of processes that are gone, in the order of their names. A process of which that is unknown, such as one of another machine, is not
   * `certain`: its note is left alone unless somebody names it.
   */
  async left(): Promise<(HeldNote & { isCertain: boolean })[]> {
    const left: (HeldNote & { isCertain: boolean })[] = [];
    for (const held of await this.#list()) {
      const state = await this.#owners.state(held.owner);
      if (state !== 'running') left.push({ ...held, isCertain: state === 'gone' });
    }
    return left;
  }

  /** What a note says, of this process unless another is named; undefined where it is not there, or not whole. */
  async read({ id, owner }: Pick<HeldNote, 'id'> & Partial<HeldNote>): Promise<MountNote | undefined> {
    try {
      const path = owner === undefined ? await this.#mine(id) : this.#path(id, owner);
      const json = unsealed(await readPrivately(path));
      return json && { base: undefined, ...(JSON.parse(new TextDecoder().decode(json)) as Omit<MountNote, 'base'>) };
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Writes or replaces a note of this process, atomically. Throws FORBIDDEN, NO_SPACE and their like. */
  async write(id: string, note: MountNote): Promise<void> {
    const path = await this.#mine(id);
    // The name is none of a note.
    const temporary = `${path}~${toHex(this.#host.random(8))}`;
    await replacePrivately(path, temporary, sealed(utf8(JSON.stringify(note)))).catch((error: unknown) => {
      throw writeFailure(path, error);
    });
  }

  /** Makes this process the owner of a note; false where another was faster. */
  async claim(held: HeldNote): Promise<boolean> {
    return this.#rename(this.#path(held.id, held.owner), await this.#mine(held.id));
  }

  /** Gives a note that was claimed back to whom it was of, so that it can be claimed again. */
  async giveBack({ id, owner }: HeldNote): Promise<void> {
    await this.#rename(await this.#mine(id), this.#path(id, owner));
  }

  /** Removes a note of this process. */
  async remove(id: string): Promise<void> {
    await rm(await this.#mine(id), { force: true });
  }

  async #rename(from: string, to: string): Promise<boolean> {
    try {
      await rename(from, to);
      return true;
    } catch (error) {
      if (errno(error) === 'ENOENT') return false;
      throw writeFailure(from, error);
    }
  }

  async #list(): Promise<HeldNote[]> {
    return (await this.#names()).flatMap((name) => {
      const [, id, owner] = namePattern.exec(name) ?? [];
      return id !== undefined && owner !== undefined ? [{ id, owner }] : [];
    });
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).sort();
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return [];
      throw writeFailure(this.#folder, error);
    }
  }

  /** The path of a note of this process, which its caller made an owner for as long as it has notes. */
  #mine(id: string): Promise<string> {
    return owning(this.#owners, async (owner) => this.#path(id, owner));
  }

  #path(id: string, owner: string): string {
    return join(this.#folder, `${id}~${owner}`);
  }
}
