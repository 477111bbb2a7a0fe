/**
 * Checks of writes that were acknowledged without a proof (SPEC.md R-S3-11). A size check of an
 * object runs during the following requests and is awaited with the next swap, so that it adds no
 * round trip. A cell is checked by its next read.
 */
import { BrowserStateError } from '../../base/errors.js';
import { strangerHint } from '../shared/bucket-names.js';

export class WriteChecks {
  readonly #sizes = new Set<Promise<void>>();
  readonly #lost: string[] = [];
  /** The mark of the newest unproved write of each cell. */
  readonly #marks = new Map<string, string>();

  /**
   * Starts to compare the size of an object with the written bytes. `sizeOf` returns undefined if
   * there is no object.
   */
  expectSize(key: string, bytes: number, sizeOf: () => Promise<number | undefined>): void {
    const check = sizeOf().then(
      (size) => {
        if (size !== bytes) this.#lost.push(`${key} (${bytes} bytes written, ${size ?? 'none'} found)`);
      },
      // Without a response nothing is known. A reader finds a missing object.
      () => undefined,
    );
    this.#sizes.add(check);
    void check.then(() => this.#sizes.delete(check));
  }

  /** Expects the next read of a cell to find the mark. */
  expectMark(key: string, mark: string): void {
    this.#marks.set(key, mark);
  }

  /**
   * Throws INTEGRITY if a cell that is read after an unproved write does not have its mark.
   * `isFull` means that older marks may have been dropped.
   */
  foundMarks(key: string, marks: readonly string[], isFull: boolean, url: string): void {
    const mark = this.#marks.get(key);
    this.#marks.delete(key);
    if (mark !== undefined && !marks.includes(mark) && !isFull) throw lost(url, [`the write of ${key}`]);
  }

  /** Throws INTEGRITY if a check so far has found an object missing. */
  throwIfLost(url: string): void {
    if (this.#lost.length > 0) throw lost(url, this.#lost.splice(0));
  }

  /** Waits for the running checks. Throws INTEGRITY if one has found an object missing. */
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
