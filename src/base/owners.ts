/**
 * Owners: the processes that locks, notes and temporary files belong to. A process number is
 * ambiguous in other PID namespaces and is reused. So an owner is also a Unix socket in the local
 * store, on which its process listens. `connect` succeeds as long as the process lives, from every
 * namespace of the same kernel. Sockets exist only while something is owned. An idle local store
 * contains only files, which any program can copy.
 */
import { rmSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from './bytes.js';
import { digest, nameOf, type Owner, type OwnProcess, ownerOf, parseOwner, UNKNOWN } from './owner-name.js';
import { processState } from './process-state.js';
import { startOf } from './processes.js';
import { inFolder, listen, listens } from './sockets.js';

/** `gone` is proved. `unknown` is never a reason to delete, undo or take over. */
export type OwnerState = 'running' | 'gone' | 'unknown';

/** This process as an owner, until the release. */
export interface Hold {
  /** At most 96 letters, digits and `.-_@`. */
  readonly name: string;
  release(): Promise<void>;
}

export interface Owners {
  /**
   * Makes this process an owner, with a listening socket. Counts the holds; the name stays the same
   * until the last release. Before the release, the caller removes or renames everything with that
   * name.
   */
  hold(): Promise<Hold>;
  /**
   * Resolves to whether the owner of that name still runs. Resolves to `unknown` for any other
   * string.
   */
  state(owner: string): Promise<OwnerState>;
}

/** Runs `work` with the name of this process as an owner. */
export async function owning<T>(owners: Owners, work: (name: string) => Promise<T>): Promise<T> {
  const { name, release } = await owners.hold();
  try {
    return await work(name);
  } finally {
    await release();
  }
}

/**
 * Returns the paths in a folder whose owners are gone. The group of `pattern` matches the owner in
 * a name. Returns no paths if the folder cannot be read.
 */
export async function gonePaths(folder: string, pattern: RegExp, owners: Owners): Promise<string[]> {
  const paths: string[] = [];
  for (const name of (await told(readdir(folder))) ?? []) {
    const owner = pattern.exec(name)?.[1];
    if (owner !== undefined && (await owners.state(owner)) === 'gone') paths.push(join(folder, name));
  }
  return paths;
}

const socketPattern = /^[0-9a-f]{16}(?:\.new)?$/;
/**
 * Sockets that one process has open, each in another local store. Further owners have only a
 * process number.
 */
const MAX_SOCKETS = 64;
const MAX_ATTEMPTS = 3;
/**
 * Types of file systems that only one kernel writes to (statfs(2)): ext, XFS, Btrfs, F2FS, ZFS,
 * bcachefs, tmpfs, overlay, and APFS.
 */
const localTypes = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0xca451a4e, 0x01021994, 0x794c7630, 0x1a]);

const sockets = processState('sockets', () => ({ open: 0 }));

/** Returns the owners whose sockets are in `<folder>/owners`. */
export function openOwners(folder: string, own: OwnProcess): Owners {
  return new SocketOwners(join(folder, 'owners'), own);
}

class SocketOwners implements Owners {
  readonly #folder: string;
  readonly #own: OwnProcess;
  readonly #me: Omit<Owner, 'socket'>;
  #holds = 0;
  #name: Promise<string> | undefined;
  #socket: string = UNKNOWN;
  #close: (() => void) | undefined;
  /** Serializes opening and closing. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string, own: OwnProcess) {
    this.#folder = folder;
    this.#own = own;
    this.#me = ownerOf(own);
    own.onExit(() => this.#withdrawNow());
  }

  async hold(): Promise<Hold> {
    if (++this.#holds === 1) {
      this.#name = this.#turn.then(() => this.#announce());
      this.#turn = this.#name;
    }
    const name = (await this.#name) as string;
    let isOver = false;
    const release = async (): Promise<void> => {
      if (isOver) return;
      isOver = true;
      if (--this.#holds > 0) return;
      this.#name = undefined;
      this.#turn = this.#turn.then(() => this.#withdraw());
      await this.#turn;
    };
    return { name, release };
  }

  async state(name: string): Promise<OwnerState> {
    if (this.#name !== undefined && name === (await this.#name)) return 'running';
    const owner = parseOwner(name);
    if (owner === undefined) return 'unknown';
    const me = this.#me;
    if (owner.boot !== me.boot || me.boot === UNKNOWN) {
      const isKnown = ![me.boot, owner.boot, me.machine].includes(UNKNOWN);
      return isKnown && owner.machine === me.machine && (await this.#isLocal()) ? 'gone' : 'unknown';
    }
    const isNeighbor = owner.namespace === me.namespace && me.namespace !== UNKNOWN;
    const byNumber = isNeighbor ? stateByNumber(owner, this.#own) : 'unknown';
    if (byNumber === 'running') return 'running';
    const bySocket = await this.#stateBySocket(owner.socket);
    return bySocket === 'unknown' ? byNumber : bySocket;
  }

  async #announce(): Promise<string> {
    this.#socket = await this.#listen();
    return nameOf({ ...this.#me, socket: this.#socket }, this.#own.hostname);
  }

  /** Creates the socket. Resolves to `UNKNOWN` if the file system has no sockets. */
  async #listen(): Promise<string> {
    if (sockets.open === MAX_SOCKETS) return UNKNOWN;
    await told(mkdir(this.#folder, { recursive: true, mode: 0o700 }));
    const token = await told(tokenOf(this.#folder));
    for (let attempt = 0; token !== undefined && attempt < MAX_ATTEMPTS; attempt++) {
      const socket = token + toHex(this.#own.random(4));
      // A socket that is bound and does not listen yet looks dead, and another process may remove
      // it. So the socket gets its final name only after it listens.
      const unfinished = `${socket}.new`;
      const close = await told(inFolder(this.#folder, unfinished, listen));
      if (close === undefined) return UNKNOWN;
      const isNamed = await told(rename(join(this.#folder, unfinished), join(this.#folder, socket)).then(() => true));
      if (isNamed) {
        this.#close = close;
        sockets.open++;
        await told(this.#sweep(socket));
        return socket;
      }
      close();
    }
    return UNKNOWN;
  }

  /** Removes the socket. From here on, the owner of anything that still has its name is gone. */
  async #withdraw(): Promise<void> {
    const socket = this.#socket;
    this.#socket = UNKNOWN;
    if (socket === UNKNOWN) return;
    sockets.open--;
    await told(rm(join(this.#folder, socket), { force: true }));
    this.#close?.();
  }

  #withdrawNow(): void {
    if (this.#socket !== UNKNOWN) rmSync(join(this.#folder, this.#socket), { force: true });
  }

  /** Removes the sockets of killed processes. */
  async #sweep(mine: string): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name === mine || !socketPattern.test(name) || (await this.#stateBySocket(name)) !== 'gone') continue;
      await rm(join(this.#folder, name), { force: true });
    }
  }

  /**
   * Returns the state by the socket. A missing socket was removed at the end of its process, if the
   * folder is still the one in which the socket was created. On a network file system a live socket
   * may reject connections, since each mount has socket files of its own.
   */
  async #stateBySocket(socket: string): Promise<OwnerState> {
    const token = await told(tokenOf(this.#folder));
    if (token === undefined || !socket.startsWith(token)) return 'unknown';
    const answer = await told(inFolder(this.#folder, socket, listens));
    if (answer === 'yes') return 'running';
    const isOver = answer === 'no' || (await isAbsent(join(this.#folder, socket)));
    return isOver && (await this.#isLocal()) ? 'gone' : 'unknown';
  }

  async #isLocal(): Promise<boolean> {
    const stats = await told(statfs(this.#folder));
    return stats !== undefined && localTypes.has(stats.type);
  }
}

/**
 * Returns the state by the process number in the owner's own namespace. Compares the start too,
 * because process numbers are reused.
 */
function stateByNumber({ pid, start }: Owner, own: OwnProcess): OwnerState {
  if (!own.isAlive(pid)) return 'gone';
  const now = startOf(pid, own.pid);
  if (now === undefined || start === UNKNOWN) return 'unknown';
  return now === start ? 'running' : 'gone';
}

/**
 * Returns 8 hex digits that distinguish a folder from any other folder that is or was at its path.
 */
async function tokenOf(folder: string): Promise<string> {
  const { ino, birthtimeNs } = await stat(folder, { bigint: true });
  return digest(`${ino}:${birthtimeNs}`);
}

async function isAbsent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** Resolves to the result, or to undefined if the system call fails. */
async function told<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
