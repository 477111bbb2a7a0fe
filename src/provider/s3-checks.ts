/**
 * Checks of writes that were acknowledged without a proof (SPEC.md R-S3-11). A size check of an object runs beside the requests that follow
 * and is awaited with the next swap, so that it costs no round trip; a cell is checked by the next read of it.
 */
import { BrowserStateError } from '../errors.js';
import { strangerHint } from './bucket-names.js';

export class WriteChecks {
  readonly #sizes = new Set<Promise<void>>();
  readonly #lost: string[] = [];
  /** The mark of the newest unproved write of each cell. */
  readonly #marks = new Map<string, string>();

  /** Begins to compare the size of an object with the bytes that were written; `sizeOf` returns undefined if there is no object. */
  expectSize(key: string, bytes: number, sizeOf: () => Promise<number | undefined>): void {
    const check = sizeOf().then(
      (size) => {
        if (size !== bytes) this.#lost.push(`${key} (${bytes} bytes written, ${size ?? 'none'} found)`);
      },
      // Without an answer nothing is known; a reader finds what is missing.
      () => undefined,
    );
    this.#sizes.add(check);
    void check.then(() => this.#sizes.delete(check));
  }

  /** Expects the next read of a cell to find the mark. */
  expectMark(key: string, mark: string): void {
    this.#marks.set(key, mark);
  }

  /** Throws INTEGRITY if the marks of a cell, read after an unproved write, do not have its mark. `isFull` if older marks may have been dropped. */
  foundMarks(key: string, marks: readonly string[], isFull: boolean, url: string): void {
    const mark = this.#marks.get(key);
    this.#marks.delete(key);
    if (mark !== undefined && !marks.includes(mark) && !isFull) throw lost(url, [`the write of ${key}`]);
  }

  /** Throws INTEGRITY if a check so far has found an object missing. */
  throwIfLost(url: string): void {
    if (this.#lost.length > 0) throw lost(url, this.#lost.splice(0));
  }

  /** Waits for the checks that run, then does the same. */
  async finish(url: string): Promise<void> {
    await Promise.all(this.#sizes);
    this.throwIfLost(url);
  }
}

function lost(url: string, things: string[]): BrowserStateError {
  return new BrowserStateError('INTEGRITY', `${url} acknowledged writes that it does not have: ${things.join(', ')}`, {
    hint: `Repeat the push: it sends again what is missing. ${strangerHint(url, 'S3')}`,
  });
}
