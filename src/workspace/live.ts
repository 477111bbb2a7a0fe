/**
 * Whether a browser has a directory open, by the locks that browsers leave in it (SPEC.md R-CAP-11). A lock outlives a browser that was killed and its
 * process number is given out again, so a lock counts unless /proc shows that its process cannot be the one; in doubt the browser is
 * live. Firefox's other lock, an fcntl lock on `.parentlock`, cannot be asked for from Node without a native package; the link that is
 * read here is written by every Firefox that got it.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import { ifSeen } from './directory.js';
import type { Browser } from './excludes.js';
import { errno, readFailure } from './files.js';

export interface LiveBrowser {
  pid: number;
  browser: Browser;
}

type LiveHost = Pick<Host, 'hostname' | 'isAlive' | 'startedAt'>;

/** A process that a lock names, by its number in the PID namespace that it runs in. */
interface Holder extends LiveBrowser {
  /** Whether it ran under this machine's host name. */
  isHere: boolean;
  /** When the lock was made, in milliseconds since 1970. */
  since: number;
}

/** The names of the links that are locks. */
const LOCK_NAMES = new Set(['SingletonLock', 'lock']);
/** How far below a directory `lockedBelow` looks: a profile lies rarely deeper in a directory of profiles. */
const LOOK_DEPTH = 4;
/** How much later than its lock a process may seem to have started: the system tells the start in whole seconds. */
const START_TOLERANCE_MS = 2000;

/**
 * Returns the browser of this machine that has `dir` open; one in a PID namespace below this one, such as a container's, has the number that it has here. A lock
 * that names another host is a container's or none here, and a lock in a directory that does not exist is none. Throws UNREADABLE if the system refuses to show
 * the locks.
 */
export function liveBrowser(dir: string, host: LiveHost): LiveBrowser | undefined {
  for (const holder of [chromiumHolder(dir, host.hostname()), firefoxHolder(dir)]) {
    if (holder === undefined) continue;
    const { browser, pid, isHere } = holder;
    if (isHere && host.isAlive(pid) && (mayHold(pid, dir) ?? !isYounger(holder, host))) return { pid, browser };
    const below = numbersBelow(pid).find((number) => mayHold(number, dir) === true);
    if (below !== undefined) return { pid: below, browser };
  }
  return undefined;
}

/** Returns whether an entry of that name may be a browser's lock, if it is a link. */
export function isLockName(name: string): boolean {
  return LOCK_NAMES.has(name);
}

/**
 * Throws BUSY, naming the directory with the lock, if a browser of this machine has `dir` open, the directory directly above it, of which it
 * may be a profile such as `Default`, or one of `below`.
 */
export function refuseLive(dir: string, host: LiveHost, below: Iterable<string> = lockedBelow(dir)): void {
  for (const path of new Set([dir, dirname(dir), ...below])) {
    const live = liveBrowser(path, host);
    if (live === undefined) continue;
    throw new BrowserStateError('BUSY', `${path}: a browser (process ${live.pid}) is using this directory`, {
      details: { path, pid: live.pid },
      hint: `Close the browser first (\`kill -INT ${live.pid}\` has it write all that it knows).`,
    });
  }
}

/** Yields the directories some levels below `dir` that have a lock, by the names in them; what cannot be listed is passed over. */
function* lockedBelow(dir: string, depth = LOOK_DEPTH): Generator<string> {
  for (const entry of ifSeen(() => readdirSync(dir, { withFileTypes: true })) ?? []) {
    if (entry.isSymbolicLink() && isLockName(entry.name)) yield dir;
    else if (entry.isDirectory() && depth > 0) yield* lockedBelow(join(dir, entry.name), depth - 1);
  }
}

/**
 * Returns the lock of a browser that may run where this machine cannot see it, though no browser of this machine has `dir` open; `isRunning` if it
 * answers. Undefined if there is none, and if it is proved that its browser is gone: Chromium listens on a socket for as long as it lives, in
 * whichever PID namespace; a Firefox that has an address of this machine is one of its processes.
 */
export async function unprovenLock(
  dir: string,
  host: Pick<Host, 'listens' | 'addresses'>,
): Promise<{ lock: string; isRunning: boolean } | undefined> {
  const chromium = readLock(join(dir, 'SingletonLock'))?.target;
  if (chromium !== undefined && /.-\d+$/.test(chromium)) {
    const socket = readLock(join(dir, 'SingletonSocket'))?.target;
    const isSocket = socket !== undefined && isAbsolute(socket) && basename(socket) === 'SingletonSocket';
    const answer = isSocket ? await host.listens(socket) : 'unknown';
    if (answer !== 'no') return { lock: `SingletonLock -> ${chromium}`, isRunning: answer === 'yes' };
  }
  const firefox = readLock(join(dir, 'lock'))?.target;
  const address = /^(.+):\+?\d+$/.exec(firefox ?? '')?.[1];
  if (address === undefined || address.startsWith('127.') || host.addresses().includes(address)) return undefined;
  return { lock: `lock -> ${firefox}`, isRunning: false };
}

/** Chromium's lock is a link to `<host name>-<pid>`. */
function chromiumHolder(dir: string, hostname: string): Holder | undefined {
  const lock = readLock(join(dir, 'SingletonLock'));
  const dash = lock?.target.lastIndexOf('-') ?? -1;
  if (lock === undefined || dash < 1) return undefined;
  return holderOf(lock, lock.target.slice(dash + 1), 'chromium', lock.target.slice(0, dash) === hostname);
}

/** Firefox's lock is a link to `<address>:+<pid>`; the plus says that it has the fcntl lock as well. */
function firefoxHolder(dir: string): Holder | undefined {
  const lock = readLock(join(dir, 'lock'));
  return lock && holderOf(lock, lock.target.slice(lock.target.lastIndexOf(':') + 1).replace(/^\+/, ''), 'firefox', true);
}

function holderOf({ since }: Lock, digits: string, browser: Browser, isHere: boolean): Holder | undefined {
  return /^[1-9]\d{0,9}$/.test(digits) ? { pid: Number(digits), browser, isHere, since } : undefined;
}

/** Whether the process of that number began after the lock was made: the number was used again. */
function isYounger({ pid, since }: Holder, host: LiveHost): boolean {
  return (host.startedAt(pid) ?? 0) > since + START_TOLERANCE_MS;
}

/** The numbers here of processes that have the number `pid` in a PID namespace below this one. */
function numbersBelow(pid: number): number[] {
  const numbers = (ifSeen(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((number) => {
    const status = ifSeen(() => readFileSync(`/proc/${number}/status`, 'latin1')) ?? '';
    const all = /^NSpid:\t(.*)$/m.exec(status)?.[1]?.split('\t') ?? [];
    return all.length > 1 && all.at(-1) === String(pid);
  });
}

interface Lock {
  target: string;
  since: number;
}

function readLock(path: string): Lock | undefined {
  try {
    return { target: readlinkSync(path), since: lstatSync(path).mtimeMs };
  } catch (error) {
    const code = errno(error);
    // EINVAL: something else than a link has that name.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readFailure(path, error);
  }
}

/**
 * Returns whether the living process `pid` has `dir` open, as /proc shows it plainly; undefined for a browser, or a process that cannot be looked at, of which
 * nothing tells its profile.
 */
function mayHold(pid: number, dir: string): boolean | undefined {
  const commandLine = ifSeen(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  if (commandLine === undefined) return undefined;
  // A browser's helper: it locks nothing, and is the likeliest of all to be given a browser's old number.
  if (/(?:^|[\0 ])(?:--type=|-contentproc[\0 ])/.test(commandLine)) return false;
  if (hasOpenFileIn(pid, dir)) return true;
  const args = commandLine.split('\0');
  return isProfileOf(pid, args, dir) ?? (isBrowser(pid, args[0] ?? '') ? undefined : false);
}

function hasOpenFileIn(pid: number, dir: string): boolean {
  const directory = ifSeen(() => realpathSync(dir));
  const descriptors = ifSeen(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.some((fd) => ifSeen(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.startsWith(`${directory}/`));
}

/** Whether `dir` is the profile that the process was told to use, in its own view of the file system; undefined where that is not to be seen. */
function isProfileOf(pid: number, args: readonly string[], dir: string): boolean | undefined {
  const named = profileArgument(args);
  if (named === undefined) return undefined;
  const itsDirectory = ifSeen(() => readlinkSync(`/proc/${pid}/cwd`));
  if (itsDirectory === undefined) return undefined;
  const inItsView = `/proc/${pid}/root${resolve(itsDirectory, named)}`;
  const theirs = ifSeen(() => statSync(inItsView, { bigint: true, throwIfNoEntry: false }) ?? 'nothing');
  const ours = ifSeen(() => statSync(dir, { bigint: true }));
  if (theirs === undefined || ours === undefined) return undefined;
  return theirs !== 'nothing' && theirs.ino === ours.ino && theirs.dev === ours.dev;
}

function profileArgument(args: readonly string[]): string | undefined {
  const chromium = args.findLast((arg) => arg.startsWith('--user-data-dir='));
  if (chromium !== undefined) return chromium.slice('--user-data-dir='.length);
  const firefox = args.findIndex((arg) => /^--?profile$/i.test(arg));
  return firefox === -1 ? undefined : args[firefox + 1];
}

/**
 * By name: a browser that is starting may have named no profile and opened no file yet. A process that ended and was not waited for has
 * no name any more.
 */
function isBrowser(pid: number, program: string): boolean {
  const executable = ifSeen(() => readlinkSync(`/proc/${pid}/exe`)) ?? '';
  return [program, executable].some((path) => {
    const name = basename(path).toLowerCase();
    return /chrom|headless.shell|firefox|fox$|edge|brave|opera|vivaldi|electron/.test(name) && !/driver|crashpad/.test(name);
  });
}
