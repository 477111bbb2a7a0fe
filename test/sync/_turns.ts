/**
 * Waits of many writers that are counted in what the others do, so that as many meet on a slow
 * machine as on a fast one.
 */

export class Turns {
  #atWork: number;
  #passed = 0;
  readonly #waiting: { due: number; go: () => void }[] = [];

  constructor(writers: number) {
    this.#atWork = writers;
  }

  /** Resolves when others have taken so many turns, or nobody is left who would. */
  wait(turns: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ due: this.#passed + turns, go });
      this.leave();
    });
  }

  /** A turn has ended. */
  pass(): void {
    this.#passed++;
    this.#release();
  }

  /** One of them is not at work any longer. */
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
