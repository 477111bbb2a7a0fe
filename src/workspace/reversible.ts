/**
 * Changes of a directory that can be taken back. What is removed or replaced is kept aside until all is done, so that a change that
 * fails half-way leaves the directory as it was. Nothing here follows a symlink (SPEC.md R-OUT-6).
 */
import { linkSync, lstatSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import type { TreeEntry } from '../object/tree.js';
import { errno } from './files.js';
import { type Below, type DirectoryHandle, type Name, setMode } from './handle.js';
import { microseconds, setTime } from './times.js';

export class Reversible {
  readonly #dir: Below;
  readonly #kept: DirectoryHandle;
  /** Each takes one change back. */
  readonly #steps: (() => void)[] = [];
  #count = 0;

  /** `kept`: an empty directory on the same file system. */
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

  /** Makes a directory, also in the place of anything else; one that is there stays. */
  makeDirectory(path: string): void {
    const there = lstatSync(this.#dir.at(path), { throwIfNoEntry: false });
    if (there?.isDirectory()) return;
    // A symlink that stands in a directory's place leads out of the profile: what belongs here must not be written there.
    if (there !== undefined) this.remove(path);
    mkdirSync(this.#dir.at(path), 0o700);
    this.#steps.push(() => rmdirSync(this.#dir.at(path)));
  }

  /** Moves the entry at `from` to its place. A file is replaced in one step: a process that dies leaves the old one or the new one. */
  moveIn(from: Name, path: string): void {
    const there = lstatSync(this.#dir.at(path), { throwIfNoEntry: false });
    const isKept = there?.isFile() && this.#link(path);
    if (there !== undefined && !there.isDirectory() && !isKept) this.remove(path);
    renameSync(from, this.#dir.at(path));
    if (there === undefined) this.#steps.push(() => unlinkSync(this.#dir.at(path)));
  }

  /** Gives an entry a time and, unless it is a symlink, a mode. */
  touch(path: string, { kind, mode, mtime }: TreeEntry): void {
    const before = lstatSync(this.#dir.at(path), { bigint: true });
    const set = (time: bigint, bits: number): void => {
      setTime(this.#dir.at(path), time);
      if (kind !== 'symlink') setMode(this.#dir.at(path), bits);
    };
    this.#steps.push(() => set(microseconds(before.mtimeNs), Number(before.mode) & 0o7777));
    set(mtime, mode);
  }

  /** Takes all back; `directories` get their modes and times again. Returns whether all could be done. */
  takeBack(directories: readonly TreeEntry[]): boolean {
    const attempts = this.#steps.reverse().map(succeeds);
    return attempts.concat([...directories].reverse().map((entry) => succeeds(() => restore(this.#dir, entry)))).every((each) => each);
  }

  /** Keeps a file by another name; returns false if the file system cannot, or another user's file is not to be linked. */
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
