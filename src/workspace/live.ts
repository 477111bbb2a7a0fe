/**
 * Whether a browser has a directory open, by the locks that browsers leave in it (SPEC.md R-CAP-11). A lock outlives a browser that was killed and its
 * process number is given out again, so a lock counts unless /proc shows that its process cannot be the one; in doubt the browser is
 * live. Firefox's other lock, an fcntl lock on `.parentlock`, cannot be asked for from Node without a native package; the link that is
 * read here is written by every Firefox that got it.
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Host } from '../host.js';
import { ifSeen } from './directory.js';
import type { Browser } from './excludes.js';
import { errno, readFailure } from './files.js';

export interface LiveBrowser {
  pid: number;
  browser: Browser;
}

/**
 * The browser of this machine that has `dir` open. A lock that names another machine is none here, nor is a lock in a directory that
 * does not exist. Throws UNREADABLE where the system refuses to show the locks.
 */
export function liveBrowser(dir: string, host: Pick<Host, 'hostname' | 'isAlive'>): LiveBrowser | undefined {
  const holders = [chromiumHolder(dir, host.hostname()), firefoxHolder(dir)];
  return holders.find((holder) => holder !== undefined && host.isAlive(holder.pid) && mayHold(holder.pid, dir));
}

/** Chromium's lock is a link to `<host name>-<pid>`. */
function chromiumHolder(dir: string, hostname: string): LiveBrowser | undefined {
  const target = readLock(join(dir, 'SingletonLock'));
  const dash = target?.lastIndexOf('-') ?? -1;
  return target?.slice(0, dash) === hostname ? holder(target.slice(dash + 1), 'chromium') : undefined;
}

/** Firefox's lock is a link to `<address>:+<pid>`; the plus says that it has the fcntl lock as well. */
function firefoxHolder(dir: string): LiveBrowser | undefined {
  const target = readLock(join(dir, 'lock'));
  return target === undefined ? undefined : holder(target.slice(target.lastIndexOf(':') + 1).replace(/^\+/, ''), 'firefox');
}

function holder(digits: string, browser: Browser): LiveBrowser | undefined {
  const pid = /^[1-9]\d{0,9}$/.test(digits) ? Number(digits) : undefined;
  return pid === undefined ? undefined : { pid, browser };
}

function readLock(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    const code = errno(error);
    // EINVAL: something else than a link has that name.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined;
    throw readFailure(path, error);
  }
}

/** False only where /proc shows plainly that the living process `pid` is not a browser that has `dir` open. */
function mayHold(pid: number, dir: string): boolean {
  const commandLine = ifSeen(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  if (commandLine === undefined) return true;
  // A browser's helper: it locks nothing, and is the likeliest of all to be given a browser's old number.
  if (/(?:^|[\0 ])(?:--type=|-contentproc[\0 ])/.test(commandLine)) return false;
  if (hasOpenFileIn(pid, dir)) return true;
  const args = commandLine.split('\0');
  return isProfileOf(pid, args, dir) ?? isBrowser(pid, args[0] ?? '');
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
