/**
 * Directory handles. On Linux, a handle is a descriptor under /proc. A path below the handle stays
 * in that directory even if its name is reused, and never follows a symlink that replaced it.
 * Elsewhere, a handle is only the path and gives no such guarantee.
 */
import { type BigIntStats, chmodSync, closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readdirSync } from 'node:fs';
import { errno } from '../base/system-errors.js';
import { parentPath } from '../format/path.js';

/** A name in the file system, which need not be UTF-8. */
export type Name = string | Buffer;

/** True if paths below handles are safe from symlinks on this system. */
export const hasHandles = existsSync('/proc/self/fd');

/** Closes a descriptor that was only read. Ignores errors, since the data was read already. */
export function closeRead(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch (error) {
    if (errno(error) === undefined) throw error;
  }
}

/** The flag of Linux for referring to an entry without opening it. Node has no constant for it. */
const O_PATH = 0o10000000;

export class DirectoryHandle {
  readonly #prefix: Name;
  readonly #descriptor: number | undefined;
  /** The bytes before the name in the path of an entry. */
  #start: Buffer | undefined;

  private constructor(path: Name) {
    if (!hasHandles) {
      // Throws the same error as opening the directory.
      readdirSync(path);
      this.#prefix = path;
      return;
    }
    this.#descriptor = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.#prefix = `/proc/self/fd/${this.#descriptor}`;
  }

  /** Opens the directory at `path`. Throws ELOOP for a symlink and ENOTDIR for anything else. */
  static open(path: Name): DirectoryHandle {
    return new DirectoryHandle(path);
  }

  /** Opens the directory of that name. */
  child(name: Name): DirectoryHandle {
    return new DirectoryHandle(this.at(name));
  }

  /** The path of the directory itself. On Linux, this path is a link under /proc. */
  get self(): Name {
    return this.#prefix;
  }

  /** Returns the path of the entry of that name. */
  at(name: Name): Name {
    if (typeof name === 'string' && typeof this.#prefix === 'string') return `${this.#prefix}/${name}`;
    this.#start ??= Buffer.concat([Buffer.from(this.#prefix), Buffer.from('/')]);
    return Buffer.concat([this.#start, typeof name === 'string' ? Buffer.from(name) : name]);
  }

  stats(): BigIntStats {
    return this.#descriptor === undefined ? lstatSync(this.#prefix, { bigint: true }) : fstatSync(this.#descriptor, { bigint: true });
  }

  names(): Buffer[] {
    return readdirSync(this.#prefix, { encoding: 'buffer' });
  }

  has(name: Name): boolean {
    return lstatSync(this.at(name), { throwIfNoEntry: false }) !== undefined;
  }

  isDirectory(name: Name): boolean {
    return lstatSync(this.at(name), { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeRead(this.#descriptor);
  }
}

/** Runs `work` with a handle, then closes it. */
export async function withHandle<T>(handle: DirectoryHandle, work: (handle: DirectoryHandle) => Promise<T>): Promise<T> {
  try {
    return await work(handle);
  } finally {
    handle.close();
  }
}

/** Paths below a directory, each resolved through handles of the directories above it. */
export class Below {
  /** The open directories, each below the previous one. */
  readonly #open: { path: string; handle: DirectoryHandle }[];

  constructor(root: string) {
    this.#open = [{ path: '', handle: DirectoryHandle.open(root) }];
  }

  /**
   * Returns the path of an entry, for a call that does not follow a final symlink. Throws if a path
   * above the entry is no directory.
   */
  at(path: string): Name {
    return this.directory(parentPath(path)).at(nameOf(path));
  }

  /**
   * Returns the handle of a directory. The handle stays open until a path outside of the directory
   * is used.
   */
  directory(path: string): DirectoryHandle {
    const isAbove = (above: string): boolean => above === '' || path === above || path.startsWith(`${above}/`);
    let top = this.#open.at(-1) as { path: string; handle: DirectoryHandle };
    while (!isAbove(top.path)) {
      this.#open.pop()?.handle.close();
      top = this.#open.at(-1) as typeof top;
    }
    while (top.path !== path) {
      const name = path.slice(top.path === '' ? 0 : top.path.length + 1).split('/')[0] as string;
      top = { path: top.path === '' ? name : `${top.path}/${name}`, handle: top.handle.child(name) };
      this.#open.push(top);
    }
    return top.handle;
  }

  /** Closes all handles except the root's, so that replaced directories are opened anew. */
  forget(): void {
    for (const { handle } of this.#open.splice(1)) handle.close();
  }

  close(): void {
    for (const { handle } of this.#open.splice(0)) handle.close();
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Sets the mode of an entry. Throws ELOOP for a symlink. */
export function setMode(path: Name, mode: number): void {
  if (!hasHandles) {
    chmodSync(path, mode);
    return;
  }
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    if (fstatSync(descriptor).isSymbolicLink())
      throw Object.assign(new Error(`ELOOP: a symlink, chmod '${path}'`), { code: 'ELOOP', syscall: 'chmod' });
    chmodSync(`/proc/self/fd/${descriptor}`, mode);
  } finally {
    closeRead(descriptor);
  }
}
