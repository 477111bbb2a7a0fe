/**
 * The one place that touches the machine's clock, randomness, identity and home directory. Everything above receives a `Host`,
 * so that tests can supply their own.
 */
import { randomBytes } from 'node:crypto';
import { homedir, hostname, networkInterfaces, platform, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandName, commandProcesses } from './command-process.js';
import { BrowserStateError } from './errors.js';
import type { OwnProcess } from './owner-name.js';
import { type Owners, openOwners } from './owners.js';
import { startedAt } from './processes.js';
import { listens } from './sockets.js';

/** What tells a process to stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Host {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after so many milliseconds; rejects if the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Cryptographically random bytes. */
  random(length: number): Uint8Array;
  /** Who is acting, for commits and the operation log: `user@host`. */
  who(): string;
  /** The name that browsers on this machine write into their locks. */
  hostname(): string;
  /** The network addresses of this machine, which browsers write into their locks too. */
  addresses(): string[];
  /** As Node names it, such as `linux`. */
  platform(): string;
  /** Whether a process of this machine with that number is alive. */
  isAlive(pid: number): boolean;
  /** When a process began, in milliseconds since 1970, about a second off at most; undefined if the system does not tell. */
  startedAt(pid: number): number | undefined;
  /** Resolves to whether a process listens on that Unix socket, in whichever namespace; `unknown` if there is none. */
  listens(socket: string): Promise<'yes' | 'no' | 'unknown'>;
  /** Returns the name of a command of this machine, a process that leads a session of its own. */
  commandName(pid: number): string;
  /** Returns the processes of a command that live: none is proof that it is over; undefined if that cannot be seen. */
  commandProcesses(name: string): number[] | undefined;
  /** The owners of what is kept in this home; `folder` is where it keeps notes. */
  owners(folder: string): Owners;
  /** Calls `handler` each time that the process is told to stop, which then does not end by itself. Returns what takes it back. */
  onStop(handler: (signal: StopSignal) => void): () => void;
  /** Ends this process as the signal does where nobody listens to it; nothing happens where somebody does. */
  stop(signal: StopSignal): void;
  /** Where home is unless the caller says otherwise. */
  defaultHome(): string;
  /** The path of a private folder for temporary files, which nobody has used. */
  temporaryFolder(): string;
}

/** What a repository that is written needs of the host. */
export type WriterHost = Pick<Host, 'now' | 'random' | 'who'>;

export const systemHost: Host = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
  random: (length) => new Uint8Array(randomBytes(length)),
  who: () => `${userName()}@${hostname()}`,
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

/** By folder: a process has one name in each. */
const owners = new Map<string, Owners>();

function ownProcess(): OwnProcess {
  const { pid } = process;
  return { pid, platform: platform(), hostname: hostname(), random: systemHost.random, isAlive, onExit };
}

const atExit: (() => void)[] = [];

/** One listener for all handlers: Node warns of more than ten. */
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
