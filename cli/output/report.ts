/**
 * Output of commands: results go to stdout; progress, warnings and errors to stderr. With `--json`,
 * stdout gets one line of JSON, and stderr only an error, also one line of JSON.
 */
import { inspect } from 'node:util';
import type { Progress, RetryEvent } from '../../src/index.js';
import type { Failure } from '../failure.js';
import { type Line, render, styled } from './lines.js';
import { type Amount, ProgressBar } from './progress-bar.js';
import { type Screen, size, toJson } from './text.js';

export interface ReportOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  /** If false, prints no colors, even on a terminal. */
  color: boolean;
}

const labels: Readonly<Record<Progress['phase'], string>> = { capture: 'reading', checkout: 'writing', push: 'sending', pull: 'fetching' };

/** Columns of a terminal that does not report them. */
const DEFAULT_WIDTH = 80;

type Output = Pick<NodeJS.WriteStream, 'write' | 'columns' | 'isTTY' | 'hasColors'>;

export class Report {
  readonly options: ReportOptions;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #bar: ProgressBar | undefined;

  constructor(options: ReportOptions, stdout: Output = process.stdout, stderr: Output = process.stderr) {
    this.options = options;
    this.#stdout = stdout;
    this.#stderr = stderr;
    const { json, quiet, verbose } = options;
    this.#bar = stderr.isTTY && !json && !quiet && !verbose ? new ProgressBar(stderr) : undefined;
  }

  /** Prints the result of a command: `value` with `--json`, otherwise `lines`. */
  result(value: unknown, lines: (screen: Screen) => readonly Line[]): void {
    this.clearProgress();
    if (this.options.json) this.#stdout.write(`${toJson(value)}\n`);
    else this.#write(this.#stdout, lines(this.screen));
  }

  /** The form that results on stdout have. */
  get screen(): Screen {
    const { isTTY, columns } = this.#stdout;
    return { width: isTTY ? columns || DEFAULT_WIDTH : undefined, now: Date.now() };
  }

  /** Prints a warning. With `--json`, prints nothing, because the result contains the warning. */
  warn(text: string): void {
    if (this.options.quiet || this.options.json) return;
    this.clearProgress();
    this.#write(this.#stderr, [[styled('yellow', 'warning:'), ` ${text}`]]);
  }

  /** Prints advice on how to proceed. */
  note(text: string): void {
    if (this.options.quiet || this.options.json) return;
    this.clearProgress();
    this.#write(this.#stderr, [[styled('dim', text)]]);
  }

  /** Prints an error with its hint. With `--verbose`, adds the stack trace. */
  error({ code, message, hint, details }: Failure, thrown: unknown): void {
    this.clearProgress();
    const trace = this.options.verbose ? inspect(thrown, { depth: 5 }) : undefined;
    if (this.options.json) {
      this.#stderr.write(`${toJson({ error: { code, message, hint: hint ?? null, details, trace } })}\n`);
      return;
    }
    const lines: Line[] = [code === 'CANCELLED' ? [styled('yellow', 'cancelled')] : [styled('red', 'error:'), ` ${message}`]];
    if (hint !== undefined) lines.push([styled('cyan', 'hint:'), ` ${hint}`]);
    if (trace !== undefined) lines.push(...trace.split('\n').map((line): Line => [styled('dim', line)]));
    this.#write(this.#stderr, lines);
  }

  /** Draws the progress bar. With `--verbose`, prints a line for each file instead. */
  readonly onProgress = ({ phase, path, bytes, totalBytes, files, totalFiles }: Progress): void => {
    const label = labels[phase];
    if (this.options.verbose && !this.options.json) {
      this.#write(this.#stderr, [[styled('dim', `${label} ${files}/${totalFiles}, ${size(bytes)} of ${size(totalBytes)}: ${path}`)]]);
    } else this.progress({ label, done: bytes, total: totalBytes, unit: 'bytes' });
  };

  /** Reports why the command takes longer. */
  readonly onRetry = ({ delayMs, error }: RetryEvent): void => {
    this.note(`${error.message}; retrying in ${(delayMs / 1000).toFixed(1)} s`);
  };

  progress(amount: Amount): void {
    this.#bar?.update(amount);
  }

  clearProgress(): void {
    this.#bar?.clear();
  }

  #write(stream: Output, lines: readonly Line[]): void {
    const color = this.options.color && stream.isTTY && stream.hasColors();
    if (lines.length > 0) stream.write(lines.map((line) => `${render(line, color)}\n`).join(''));
  }
}
