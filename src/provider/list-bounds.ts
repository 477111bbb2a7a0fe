/** The bounds of a list that a store sends page by page (SPEC.md R-S3-8). */
import { check } from '../base/errors.js';
import { MAX_EMPTY_PAGES } from '../base/limits.js';

export class ListBounds {
  readonly #url: string;
  readonly #most: number;
  readonly #tokens = new Set<string>();
  #names = 0;
  #empty = 0;

  /** `most` is the maximum number of names in the whole list. */
  constructor(url: string, most: number) {
    this.#url = url;
    this.#most = most;
  }

  /**
   * Counts a page, given the token of the next page. Throws INTEGRITY for a page that was sent
   * before and for a list that does not end.
   */
  add(names: number, token: string | undefined): void {
    this.#names += names;
    this.#empty = names === 0 ? this.#empty + 1 : 0;
    check(this.#names <= this.#most, `${this.#url}: expected a list of at most ${this.#most} names, found more`);
    if (token === undefined) return;
    check(!this.#tokens.has(token), `${this.#url}: expected the next page of a list, found one for the second time`);
    check(this.#empty < MAX_EMPTY_PAGES, `${this.#url}: expected a list that ends, found ${this.#empty} pages without a name`);
    this.#tokens.add(token);
  }
}
