/**
 * A one-line progress bar for terminals, which is cleared when the work is done. The bar is drawn
 * only on updates, so that no timer keeps the process alive.
 */
import { duration, number, size } from './text.js';

const DRAW_EVERY_MS = 100;
/** Smoothing time of the displayed speed. */
const SMOOTHING_MS = 2000;
const MAX_BAR = 30;
const MIN_BAR = 8;

export interface Amount {
  label: string;
  done: number;
  total: number;
  unit: 'bytes' | 'objects' | 'sessions';
}

export class ProgressBar {
  readonly #stream: Pick<NodeJS.WriteStream, 'write' | 'columns'>;
  readonly #now: () => number;
  #label = '';
  #drawnAt = Number.NEGATIVE_INFINITY;
  #doneThen = 0;
  /** Units per second. Undefined until the second drawing. */
  #speed: number | undefined;
  #visible = false;

  constructor(stream: Pick<NodeJS.WriteStream, 'write' | 'columns'>, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  update(amount: Amount): void {
    const now = this.#now();
    if (amount.label !== this.#label) this.#start(amount.label);
    else if (now - this.#drawnAt < DRAW_EVERY_MS) return;
    if (Number.isFinite(this.#drawnAt)) this.#measure(now - this.#drawnAt, amount.done - this.#doneThen);
    this.#drawnAt = now;
    this.#doneThen = amount.done;
    this.#visible = true;
    this.#stream.write(`\r${renderProgress(amount, this.#speed, this.#stream.columns)}\x1b[K`);
  }

  /** Clears the line. The next update draws the bar again. */
  clear(): void {
    if (this.#visible) this.#stream.write('\r\x1b[K');
    this.#visible = false;
  }

  #start(label: string): void {
    this.#label = label;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
    this.#speed = undefined;
  }

  #measure(elapsed: number, done: number): void {
    const speed = (done / elapsed) * 1000;
    const weight = 1 - Math.exp(-elapsed / SMOOTHING_MS);
    this.#speed = this.#speed === undefined ? speed : this.#speed + (speed - this.#speed) * weight;
  }
}

/**
 * Returns the line. The line is cut so that it does not reach the terminal's last column, which
 * would wrap.
 */
export function renderProgress({ label, done, total, unit }: Amount, speed: number | undefined, columns: number): string {
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const amount = unit === 'bytes' ? `${size(done)} of ${size(total)}` : `${number(done)} of ${number(total)} ${unit}`;
  const parts = [label, `${Math.floor(share * 100)}%`.padStart(4), amount];
  if (speed !== undefined && speed > 0) {
    if (unit === 'bytes') parts.push(`${size(speed)}/s`);
    parts.push(`${duration((total - done) / speed)} left`);
  }
  const limit = (columns || 80) - 1;
  while (parts.length > 1 && parts.join('  ').length > limit) parts.pop();
  const text = parts.join('  ').slice(0, limit);
  const bar = Math.min(MAX_BAR, limit - text.length - 4);
  if (bar < MIN_BAR) return text;
  const filled = Math.floor(share * bar);
  return `${text}  [${'#'.repeat(filled)}${'-'.repeat(bar - filled)}]`;
}
