/**
 * Waits of many writers, counted in turns of the other writers. As many writers collide on a slow
 * machine as on a fast one.
 */

export class Turns {
  #atWork: number;
  #passed = 0;
  readonly #waiting: { due: number; go: () => void }[] = [];

  constructor(writers: number) {
    this.#atWork = writers;
  }

  /** Resolves when other writers have taken that many turns, or when no other writer is left. */
  wait(turns: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ due: this.#passed + turns, go });
      this.leave();
    });
  }

  /** Ends a turn. */
  pass(): void {
    this.#passed++;
    this.#release();
  }

  /** Removes a writer that has finished. */
  leave(): void {
    this.#atWork--;
    this.#release();
  }

  #release(): void {
    this.#waiting.sort((a, b) => a.due - b.due);
    for (let next = this.#waiting[0]; next !== undefined && (next.due <= this.#passed || this.#atWork === 0); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#atWork++;
      this.#passed = Math.max(this.#passed, next.due);
      next.go();
    }
  }
}
