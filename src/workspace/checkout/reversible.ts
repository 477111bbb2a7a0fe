/**
 * Reversible changes of a directory. Removed and replaced entries are kept elsewhere until all
 * changes are complete, so that a failure restores the directory. No symlink is followed (SPEC.md
 * R-OUT-6).
 */
import { linkSync, lstatSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import type { TreeEntry } from '../../format/tree.js';
import { errno } from '../../fs/errors.js';
import { type Below, type DirectoryHandle, type Name, setMode } from '../../fs/handle.js';
import { microseconds, setTime } from '../../fs/times.js';

export class Reversible {
  readonly #dir: Below;
  readonly #kept: DirectoryHandle;
  /** Functions that each undo one change. */
  readonly #steps: (() => void)[] = [];
  #count = 0;

  /** `kept` is an empty directory on the same file system. */
  constructor(dir: Below, kept: DirectoryHandle) {
    this.#dir = dir;
    this.#kept = kept;
  }

  /** Removes an entry that is no directory. */
  remove(path: string): void {
    const aside = this.#aside();
    renameSync(this.#dir.at(path), aside);
    this.#steps.push(() => renameSync(aside, this.#dir.at(path)));
  }

  /** Removes an empty directory. */
  removeDirectory(path: string): void {
    rmdirSync(this.#dir.at(path));
    this.#steps.push(() => mkdirSync(this.#dir.at(path), 0o700));
  }

  /** Creates a directory. Replaces any other kind of entry, and keeps an existing directory. */
  makeDirectory(path: string): void {
    const there = lstatSync(this.#dir.at(path), { throwIfNoEntry: false });
    if (there?.isDirectory()) return;
    // A symlink instead of a directory may lead out of the profile, so nothing is written through
    // it.
    if (there !== undefined) this.remove(path);
    mkdirSync(this.#dir.at(path), 0o700);
    this.#steps.push(() => rmdirSync(this.#dir.at(path)));
  }

  /**
   * Moves the entry at `from` to its path. Replaces a file atomically: if the process dies, the old
   * or the new file is there.
   */
  moveIn(from: Name, path: string): void {
    const there = lstatSync(this.#dir.at(path), { throwIfNoEntry: false });
    const isKept = there?.isFile() && this.#link(path);
    if (there !== undefined && !there.isDirectory() && !isKept) this.remove(path);
    renameSync(from, this.#dir.at(path));
    if (there === undefined) this.#steps.push(() => unlinkSync(this.#dir.at(path)));
  }

  /** Sets the time of an entry and, unless it is a symlink, its mode. */
  touch(path: string, { kind, mode, mtime }: TreeEntry): void {
    const before = lstatSync(this.#dir.at(path), { bigint: true });
    const set = (time: bigint, bits: number): void => {
      setTime(this.#dir.at(path), time);
      if (kind !== 'symlink') setMode(this.#dir.at(path), bits);
    };
    this.#steps.push(() => set(microseconds(before.mtimeNs), Number(before.mode) & 0o7777));
    set(mtime, mode);
  }

  /**
   * Undoes all changes and restores modes and times of `directories`. Returns whether all of it
   * succeeded.
   */
  undo(directories: readonly TreeEntry[]): boolean {
    const attempts = this.#steps.reverse().map(succeeds);
    return attempts.concat([...directories].reverse().map((entry) => succeeds(() => restore(this.#dir, entry)))).every((each) => each);
  }

  /**
   * Keeps a file as a hard link. Returns false if the file system does not support links, or denies
   * links to another user's file.
   */
  #link(path: string): boolean {
    const aside = this.#aside();
    try {
      linkSync(this.#dir.at(path), aside);
    } catch (error) {
      if (errno(error) === undefined) throw error;
      return false;
    }
    this.#steps.push(() => renameSync(aside, this.#dir.at(path)));
    return true;
  }

  #aside(): Name {
    return this.#kept.at(String(this.#count++));
  }
}

function restore(dir: Below, { path, mode, mtime }: TreeEntry): void {
  setTime(dir.at(path), mtime);
  setMode(dir.at(path), mode);
}

function succeeds(step: () => void): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}
