/**
 * The only module that uses the machine's clock, randomness, identity and home directory.
 * Everything above receives a `Host`, so that tests can supply their own.
 */
import { randomBytes } from 'node:crypto';
import { homedir, hostname, networkInterfaces, platform, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandName, commandProcesses } from './command-process.js';
import { BrowserStateError } from './errors.js';
import type { OwnProcess } from './owner-name.js';
import { type Owners, openOwners } from './owners.js';
import { processState } from './process-state.js';
import { startedAt } from './processes.js';
import { listens } from './sockets.js';

/** The signals that stop a process. */
export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Host {
  /** Returns the milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after the milliseconds. Rejects if the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Returns cryptographically random bytes. */
  random(length: number): Uint8Array;
  /** Returns the author of commits and of operation log entries: `user@host`. */
  author(): string;
  /** Returns the name that browsers on this machine write into their locks. */
  hostname(): string;
  /** Returns the network addresses of this machine, which browsers also write into their locks. */
  addresses(): string[];
  /** Returns the platform as Node names it, such as `linux`. */
  platform(): string;
  /** Returns true if a process of this machine with that number is alive. */
  isAlive(pid: number): boolean;
  /**
   * Returns when a process started, in milliseconds since 1970, with an error of about a second.
   * Returns undefined if the system does not report the start.
   */
  startedAt(pid: number): number | undefined;
  /**
   * Resolves to whether a process listens on that Unix socket, in any namespace. Resolves to
   * `unknown` if there is no such socket.
   */
  listens(socket: string): Promise<'yes' | 'no' | 'unknown'>;
  /**
   * Returns the name of a command of this machine: a process that leads its own process session.
   */
  commandName(pid: number): string;
  /**
   * Returns the live processes of a command. An empty list proves that the command has ended.
   * Returns undefined if the processes cannot be seen.
   */
  commandProcesses(name: string): number[] | undefined;
  /** Returns the owners of a local store; `folder` contains their notes. */
  owners(folder: string): Owners;
  /**
   * Calls `handler` for each stop signal, so that the signal does not end the process. Returns a
   * function that removes the handler.
   */
  onStop(handler: (signal: StopSignal) => void): () => void;
  /**
   * Ends this process by the default action of the signal. Does nothing if the signal has another
   * listener.
   */
  stop(signal: StopSignal): void;
  /** Returns the default path of the local store. */
  defaultHome(): string;
  /** Returns the path of a private, unused folder for temporary files. */
  temporaryFolder(): string;
}

/** The host functions of a repository that is written. */
export type WriterHost = Pick<Host, 'now' | 'random' | 'author'>;

export const systemHost: Host = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
  random: (length) => new Uint8Array(randomBytes(length)),
  author: () => `${userName()}@${hostname()}`,
  hostname: () => hostname(),
  addresses: () => Object.values(networkInterfaces()).flatMap((found) => found?.map(({ address }) => address) ?? []),
  platform: () => platform(),
  isAlive,
  startedAt: (pid) => startedAt(pid, process.pid),
  listens,
  commandName: (pid) => commandName(pid, ownProcess()),
  commandProcesses: (name) => commandProcesses(name, ownProcess()),
  owners: (folder) => {
    const path = resolve(folder);
    const known = owners.get(path) ?? openOwners(path, ownProcess());
    owners.set(path, known);
    return known;
  },
  onStop: (handler) => {
    const signals: StopSignal[] = ['SIGINT', 'SIGTERM'];
    for (const signal of signals) process.on(signal, handler);
    return () => {
      for (const signal of signals) process.off(signal, handler);
    };
  },
  stop: (signal) => {
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  },
  defaultHome,
  temporaryFolder: () => join(tmpdir(), `browserstate-${randomBytes(16).toString('hex')}`),
};

function defaultHome(): string {
  if (isAbsolute(homedir())) return join(homedir(), '.browserstate');
  throw new BrowserStateError('USAGE', `expected an absolute path in HOME, found ${JSON.stringify(homedir())}`, {
    hint: 'Set HOME to your home directory, or name the store with the option `home`.',
  });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user id without an entry in the password file has no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** The owners by folder: a process has one name in each folder. */
const owners = processState('owners', () => new Map<string, Owners>());

function ownProcess(): OwnProcess {
  const { pid } = process;
  return { pid, platform: platform(), hostname: hostname(), random: systemHost.random, isAlive, onExit };
}

const atExit: (() => void)[] = [];

/** Adds a handler to one shared listener, because Node warns of more than ten listeners. */
function onExit(handler: () => void): void {
  if (atExit.length === 0) process.on('exit', () => atExit.forEach((each) => void each()));
  atExit.push(handler);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
