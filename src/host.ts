/**
 * The one place that touches the machine's clock, randomness, identity and home directory. Everything above receives a `Host`,
 * so that tests can supply their own.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname, platform, userInfo } from 'node:os';
import { join } from 'node:path';

/** What tells a process to stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Host {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Cryptographically random bytes. */
  random(length: number): Uint8Array;
  /** Who is acting, for commits and the operation log: `user@host`. */
  who(): string;
  /** The name that browsers on this machine write into their locks. */
  hostname(): string;
  /** As Node names it, such as `linux`. */
  platform(): string;
  /** Whether a process of this machine with that number is alive. */
  isAlive(pid: number): boolean;
  /** Names this process, and no other that has or had its number. */
  self(): string;
  /** Whether the process of that name is still there. */
  isRunning(name: string): boolean;
  /** Calls `handler` each time that the process is told to stop, which then does not end by itself. Returns what takes it back. */
  onStop(handler: (signal: StopSignal) => void): () => void;
  /** Ends this process as the signal does where nobody listens to it; nothing happens where somebody does. */
  stop(signal: StopSignal): void;
  /** Where home is unless the caller says otherwise. */
  defaultHome(): string;
}

export const systemHost: Host = {
  now: () => Date.now(),
  random: (length) => new Uint8Array(randomBytes(length)),
  who: () => `${userName()}@${hostname()}`,
  hostname: () => hostname(),
  platform: () => platform(),
  isAlive,
  self: () => nameOf(process.pid),
  isRunning: (name) => {
    const pid = Number.parseInt(name, 10);
    return isAlive(pid) && nameOf(pid) === name;
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
  defaultHome: () => join(homedir(), '.browserstate'),
};

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user id without an entry in the password file has no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** A process's number and, where /proc tells it, when it began, since numbers are given out again. */
function nameOf(pid: number): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return `${pid}:${fields[19]}`;
  } catch {
    // Systems without /proc tell the number alone.
    return String(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
