/**
 * Handles of directories. A path below a handle leads into that directory, whatever takes its name meanwhile: no symlink that another
 * program puts in the place of a directory is followed. On Linux a handle is a descriptor under /proc; elsewhere it is the path.
 */
import { closeSync, constants, existsSync, lstatSync, openSync, readdirSync } from 'node:fs';

/** A name as the file system has it, which need not be UTF-8. */
export type Name = string | Buffer;

/** Whether paths below handles are safe from symlinks here. */
export const hasHandles = existsSync('/proc/self/fd');

/** Linux: names an entry without opening it. Node has no constant for it. */
const O_PATH = 0o10000000;

export class DirectoryHandle {
  readonly #prefix: Buffer;
  readonly #descriptor: number | undefined;

  private constructor(path: Name) {
    if (!hasHandles) {
      // Throws what opening would.
      readdirSync(path);
      this.#prefix = Buffer.from(path as string);
      return;
    }
    this.#descriptor = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.#prefix = Buffer.from(`/proc/self/fd/${this.#descriptor}`);
  }

  /** Opens the directory at `path`. Throws ELOOP or ENOTDIR if a symlink or anything else is there. */
  static open(path: Name): DirectoryHandle {
    return new DirectoryHandle(path);
  }

  /** Opens the directory of that name. */
  child(name: Name): DirectoryHandle {
    return new DirectoryHandle(this.at(name));
  }

  /** The path of the directory itself, a link to it under /proc. */
  get self(): Buffer {
    return this.#prefix;
  }

  /** Returns the path of the entry with that name. */
  at(name: Name): Buffer {
    return Buffer.concat([this.#prefix, Buffer.from('/'), typeof name === 'string' ? Buffer.from(name) : name]);
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
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

/** Runs `work` with a handle, and closes it. */
export async function withHandle<T>(handle: DirectoryHandle, work: (handle: DirectoryHandle) => Promise<T>): Promise<T> {
  try {
    return await work(handle);
  } finally {
    handle.close();
  }
}
