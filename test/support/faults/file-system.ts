/**
 * The file system for actors that may stall or die between any two steps. While intercepted, every
 * call of node:fs/promises by an actor is split like in the kernel: finding the directory, and
 * acting in it. A rename of the directory may come between the parts, and each part waits for its
 * turn. Syncing is skipped, because nothing here loses power.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';

type Call = (...args: never[]) => Promise<unknown>;

/** Waits until the actor may take the step. Rejects for a dead actor. */
type Gate = (step: string) => Promise<void>;

const gates = new AsyncLocalStorage<Gate>();
const { open, link, rename, unlink, rmdir, mkdir, readdir, stat } = fs;

/**
 * Replaces the functions of node:fs/promises that the providers use by versions that know actors.
 * Calls of everybody else pass unchanged.
 */
export async function interceptFileSystem(): Promise<void> {
  const calls: Record<string, Call> = {
    open: (path: string, ...rest: []) => within('open', path, (at) => open(at, ...rest)),
    link: (from: string, to: string) => within('link', to, (at) => link(from, at)),
    rename: (from: string, to: string) => within('rename from', from, (a) => within('rename to', to, (b) => rename(a, b))),
    unlink: (path: string) => within('unlink', path, unlink),
    mkdir: (path: string, ...rest: []) => gated('mkdir', () => mkdir(path, ...rest)),
    stat: (path: string) => within('stat', path, (at) => stat(at)),
    readdir: (path: string, ...rest: []) => within('readdir', `${path}/.`, (at) => readdir(at, ...rest)),
    rm: removeStepByStep,
  };
  for (const [name, call] of Object.entries(calls)) {
    const original = fs[name as keyof typeof fs] as Call;
    Object.assign(fs, { [name]: (...args: never[]) => (gates.getStore() ? call(...args) : original.call(fs, ...args)) });
  }
  const handle = await open('/');
  const prototype = Object.getPrototypeOf(handle) as Record<string, Call>;
  await handle.close();
  for (const name of ['write', 'read', 'sync']) {
    const original = prototype[name] as Call;
    prototype[name] = async function (this: fs.FileHandle, ...args: never[]) {
      const gate = gates.getStore();
      if (gate !== undefined && name === 'sync') return;
      await gate?.(name);
      return await original.apply(this, args);
    };
  }
}

async function gated<T>(step: string, act: () => Promise<T>): Promise<T> {
  await gates.getStore()?.(step);
  return await act();
}

/**
 * Finds the directory of a path, waits, and acts on the path's last name in that directory. The
 * directory may have moved by then.
 */
async function within<T>(step: string, path: string, act: (at: string) => Promise<T>): Promise<T> {
  const gate = gates.getStore() as Gate;
  await gate(`${step}: find`);
  const directory = await open(dirname(path), 'r');
  try {
    await gate(step);
    return await act(`/proc/self/fd/${directory.fd}/${basename(path)}`);
  } finally {
    await directory.close();
  }
}

/** Removes a tree like `rm` with `recursive` and `force`, one step at a time. */
async function removeStepByStep(path: string): Promise<void> {
  const gate = gates.getStore() as Gate;
  await gate('rm: list');
  const names = await readdir(path, { withFileTypes: true }).catch(unlessMissing);
  for (const entry of names ?? []) {
    if (entry.isDirectory()) await removeStepByStep(join(path, entry.name));
    else {
      await gate('rm: unlink');
      await unlink(join(path, entry.name)).catch(unlessMissing);
    }
  }
  await gate('rm: rmdir');
  await rmdir(path).catch(unlessMissing);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** A program that takes a step when the test says so. */
export class Actor<T> {
  readonly result: Promise<T>;
  done = false;
  #dead = false;
  readonly #waiting: { go: () => void; die: (reason: Error) => void }[] = [];

  /** Starts `body`, stopped before its first step. */
  constructor(body: () => Promise<T>) {
    this.result = gates.run(this.#gate, body).finally(() => {
      this.done = true;
    });
    this.result.catch(() => undefined);
  }

  /** Takes one step. Waits until the actor is before its next step or has finished. */
  async step(): Promise<void> {
    await this.#stopped();
    this.#waiting.shift()?.go();
    await this.#stopped();
  }

  async finish(): Promise<T> {
    while (!this.done) await this.step();
    return await this.result;
  }

  /**
   * Takes no further step, like a process that was killed. The actor's cleanup has no effect
   * either.
   */
  async kill(): Promise<void> {
    this.#dead = true;
    for (const { die } of this.#waiting.splice(0)) die(new Dead());
    await this.result.catch((error: unknown) => {
      if (!(error instanceof Dead)) throw error;
    });
  }

  readonly #gate: Gate = () =>
    new Promise((go, die) => {
      if (this.#dead) die(new Dead());
      else this.#waiting.push({ go, die });
    });

  async #stopped(): Promise<void> {
    while (!this.done && this.#waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

class Dead extends Error {}
