/**
 * A run of the code blocks of a Markdown file, in order, in one directory, as a reader would run
 * them:
 *
 * - `console`: each `$` line is a command. The lines below it are its output. No lines: any output.
 *   In output, `…` stands for any text; ids, times, sizes and counts of files match any others. A
 *   command fails if its output begins with `error:`, and only then.
 * - `sh`: commands without their output.
 * - A block with a file name is that file. `js` without a name is a program that runs at once.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { main } from '../cli.js';
import { temporary } from '../temporary.js';
import { type Block, root } from './blocks.js';

export interface StoryOptions {
  /** Addresses of the text, with their replacements in the test. */
  replaced?: Readonly<Record<string, string>>;
  /** Packages of the project that the reader has installed, in addition to browserstate. */
  packages?: readonly string[];
  /** Programs of the reader's machine: shell scripts by name. */
  programs?: Readonly<Record<string, string>>;
  /** Port on which a program in the background listens. */
  port?: number;
}

export class Story {
  readonly dir: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #replaced: [string, string][];
  #programs = 0;

  constructor(
    readonly t: ExecutionContext,
    readonly options: StoryOptions = {},
  ) {
    this.dir = temporary(t);
    this.#replaced = Object.entries(options.replaced ?? {}).map(([from, to]) => [from, to.replaceAll('DIR', this.dir)]);
    const path = [join(this.dir, 'bin'), dirname(process.execPath), process.env['PATH']].join(':');
    this.#env = { PATH: path, HOME: this.dir, NO_COLOR: '1', DISPLAY: ':0', npm_config_update_notifier: 'false' };
    this.#link('browserstate', root);
    for (const name of options.packages ?? []) this.#link(name, join(root, 'node_modules', name));
    this.#program('browserstate', `exec '${process.execPath}' '${main}' "$@"`);
    for (const [name, script] of Object.entries(options.programs ?? {})) this.#program(name, script);
  }

  #link(name: string, target: string): void {
    const path = join(this.dir, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(target, path);
  }

  #program(name: string, script: string): void {
    mkdirSync(join(this.dir, 'bin'), { recursive: true });
    writeFileSync(join(this.dir, 'bin', name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.dir, 'bin', name), 0o755);
  }

  #own(words: string): string {
    return this.#replaced.reduce((done, [from, to]) => done.replaceAll(from, to), words);
  }

  async play(blocks: readonly Block[]): Promise<void> {
    for (const { lang, file, code, at } of blocks) {
      if (file !== '') {
        mkdirSync(dirname(join(this.dir, file)), { recursive: true });
        writeFileSync(join(this.dir, file), this.#own(code));
      } else if (lang === 'js') {
        const name = `program-${++this.#programs}.mjs`;
        writeFileSync(join(this.dir, name), this.#own(code));
        await this.#command(`node ${name}`, '', at);
      } else if (lang === 'console') {
        for (const step of code.split(/^\$ /m).slice(1)) {
          const [command = '', ...output] = step.split('\n');
          await this.#command(this.#own(command), this.#own(output.join('\n')), at);
        }
      } else if (lang === 'sh') {
        for (const command of code.split('\n').filter(Boolean)) await this.#command(this.#own(command), '', at);
      } else this.t.true(lang === 'text', `${at}: no test runs a block of ${lang || 'no language'} without a file name`);
    }
  }

  async #command(command: string, expected: string, at: string): Promise<void> {
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(command) ?? [];
    if (name !== undefined) {
      this.#env[name] = value;
      return;
    }
    if (command.endsWith(' &')) {
      await this.#background(command.slice(0, -2));
      return;
    }
    const child = this.#start(`exec 2>&1; ${command}`);
    const closed = once(child, 'close');
    const printed = await text(child.stdout as NodeJS.ReadableStream);
    await closed;
    const fails = expected.startsWith('error:');
    this.t.is(child.exitCode !== 0, fails, `${at}: ${command}\n${printed}`);
    if (expected !== '')
      this.t.regex(`${normal(printed)}\n`, patternOf(expected), `${at}: ${command}\nexpected:\n${expected}\nfound:\n${printed}`);
  }

  /** Starts a program that runs until the test ends, and waits until it listens. */
  async #background(command: string): Promise<void> {
    const child = this.#start(`exec ${command} 2>&1`);
    this.t.teardown(() => child.kill());
    while (child.exitCode === null && !(await isOpen(this.options.port ?? 0))) await setTimeout(20);
    this.t.is(child.exitCode, null, command);
  }

  #start(script: string): ChildProcess {
    return spawn('bash', ['-c', script], { cwd: this.dir, env: this.#env, stdio: ['ignore', 'pipe', 'inherit'] });
  }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}

/** Lines that only root gets, or that depend on how fast a browser ends. */
const forSome = /^(?:warning: Chromium runs without its sandbox|waiting for the \w+ to finish$).*\n/gm;

/**
 * Returns output without the parts that differ from run to run, such as ids and the widths of
 * columns.
 */
export function normal(output: string): string {
  return output
    .replace(forSome, '')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\d+(?:\.\d+)? (?:B|KiB|MiB|GiB)\b/g, 'SIZE')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|just now/g, 'TIME')
    .replace(/\d+ (files?|objects?|paths?)\b/g, 'N $1')
    .replace(/ +/g, ' ')
    .trimEnd();
}

/** Returns the pattern that printed output matches as a whole. */
export function patternOf(expected: string): RegExp {
  const lines = normal(expected).split('\n');
  const patterns = lines.map((line) => (line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escaped).join('.*')}\n`));
  return new RegExp(`^${patterns.join('')}$`);
}

function escaped(words: string): string {
  return words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
