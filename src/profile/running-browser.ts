/**
 * Detection of a running browser by the locks in its directory (SPEC.md R-CAP-11). A lock outlives
 * a killed browser, and its process number is reused. A lock therefore counts unless /proc proves
 * that its process is not the browser; in doubt, the browser is running. Firefox's other lock, an
 * fcntl lock on `.parentlock`, needs a native package to query. Every Firefox that holds it also
 * writes the link that is read here.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { errno, readFailure } from '../fs/errors.js';
import { ifSeen } from '../fs/paths.js';
import type { Browser } from './excludes.js';

export interface LiveBrowser {
  pid: number;
  browser: Browser;
}

type LiveHost = Pick<Host, 'hostname' | 'isAlive' | 'startedAt'>;

/** A process named by a lock, by its number in its own PID namespace. */
interface Holder extends LiveBrowser {
  /** True if the process ran under this machine's host name. */
  isHere: boolean;
  /** The time of the lock, in milliseconds since 1970. */
  since: number;
}

/** The names of lock links. */
const LOCK_NAMES = new Set(['SingletonLock', 'lock']);
/** The depth of `lockedBelow`: profiles rarely lie deeper in a directory of profiles. */
const LOOK_DEPTH = 4;
/**
 * Tolerance for process starts that appear later than the lock. The system reports starts in whole
 * seconds.
 */
const START_TOLERANCE_MS = 2000;

/**
 * Returns the browser of this machine that uses `dir`. A browser in a child PID namespace, such as
 * a container, is returned with its number in this namespace. Locks that name an unknown host and
 * locks of absent directories do not count. Throws UNREADABLE if the locks cannot be read.
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

/** Returns whether a link of that name may be a browser's lock. */
export function isLockName(name: string): boolean {
  return LOCK_NAMES.has(name);
}

/**
 * Throws BUSY, naming the locked directory, if a browser of this machine uses `dir`, its parent or
 * a directory in `below`. The parent counts since `dir` may be one of its profiles.
 */
export function rejectRunningBrowser(dir: string, host: LiveHost, below: Iterable<string> = lockedBelow(dir)): void {
  for (const path of new Set([dir, dirname(dir), ...below])) {
    const live = liveBrowser(path, host);
    if (live === undefined) continue;
    throw new BrowserStateError('BUSY', `${path}: a browser (process ${live.pid}) is using this directory`, {
      details: { path, pid: live.pid },
      hint: `Close the browser first (\`kill -INT ${live.pid}\` has it write all that it knows).`,
    });
  }
}

/**
 * Yields the directories within some levels below `dir` that contain a lock, by name only. Skips
 * unreadable directories.
 */
function* lockedBelow(dir: string, depth = LOOK_DEPTH): Generator<string> {
  for (const entry of ifSeen(() => readdirSync(dir, { withFileTypes: true })) ?? []) {
    if (entry.isSymbolicLink() && isLockName(entry.name)) yield dir;
    else if (entry.isDirectory() && depth > 0) yield* lockedBelow(join(dir, entry.name), depth - 1);
  }
}

/**
 * Returns the lock of a browser that may run out of sight, if no browser of this machine uses
 * `dir`. `isRunning` means that the browser responds. Returns undefined if there is no lock, or if
 * the browser has provably exited. Chromium listens on a socket while it runs, in any PID
 * namespace. A Firefox whose lock has an address of this machine is one of its processes.
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

/** Parses Chromium's lock, a link to `<host name>-<pid>`. */
function chromiumHolder(dir: string, hostname: string): Holder | undefined {
  const lock = readLock(join(dir, 'SingletonLock'));
  const dash = lock?.target.lastIndexOf('-') ?? -1;
  if (lock === undefined || dash < 1) return undefined;
  return holderOf(lock, lock.target.slice(dash + 1), 'chromium', lock.target.slice(0, dash) === hostname);
}

/**
 * Parses Firefox's lock, a link to `<address>:+<pid>`; the plus marks that the fcntl lock is held
 * too.
 */
function firefoxHolder(dir: string): Holder | undefined {
  const lock = readLock(join(dir, 'lock'));
  return lock && holderOf(lock, lock.target.slice(lock.target.lastIndexOf(':') + 1).replace(/^\+/, ''), 'firefox', true);
}

function holderOf({ since }: Lock, digits: string, browser: Browser, isHere: boolean): Holder | undefined {
  return /^[1-9]\d{0,9}$/.test(digits) ? { pid: Number(digits), browser, isHere, since } : undefined;
}

/** Returns whether the process started after the lock was made. Its number was reused then. */
function isYounger({ pid, since }: Holder, host: LiveHost): boolean {
  return (host.startedAt(pid) ?? 0) > since + START_TOLERANCE_MS;
}

/**
 * Returns the numbers in this namespace of processes with the number `pid` in a child PID
 * namespace.
 */
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
    // EINVAL: the entry of that name is no link.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readFailure(path, error);
  }
}

/**
 * Returns whether the process `pid` clearly uses `dir`, according to /proc. Returns undefined for a
 * browser whose profile is unknown, and for a process that cannot be examined.
 */
function mayHold(pid: number, dir: string): boolean | undefined {
  const commandLine = ifSeen(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  if (commandLine === undefined) return undefined;
  // A browser's helper process takes no locks, and often gets the number of an exited browser.
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

/**
 * Returns whether `dir` is the profile in the process's arguments, resolved in the process's own
 * view of the file system. Returns undefined if that cannot be determined.
 */
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
 * Detects a browser by name, since a starting browser may have no profile argument and no open
 * file. A zombie process has no name.
 */
function isBrowser(pid: number, program: string): boolean {
  const executable = ifSeen(() => readlinkSync(`/proc/${pid}/exe`)) ?? '';
  return [program, executable].some((path) => {
    const name = basename(path).toLowerCase();
    return /chrom|headless.shell|firefox|fox$|edge|brave|opera|vivaldi|electron/.test(name) && !/driver|crashpad/.test(name);
  });
}
