/**
 * Modification times in microseconds (SPEC.md 3.1). Node accepts them as floating-point seconds.
 */
import { lstatSync, lutimesSync } from 'node:fs';

/** Returns nanoseconds as microseconds, rounded down. Node can set times with that precision. */
export function microseconds(ns: bigint): bigint {
  const us = ns / 1000n;
  return ns < 0n && us * 1000n !== ns ? us - 1n : us;
}

/** Sets the time of the entry at `path`, without following a symlink. */
export function setTime(path: string | Buffer, mtime: bigint): void {
  setSeconds(path, mtime, 0.5);
  // Some versions of libuv round times before 1970 towards 1970, others round down.
  if (mtime < 0n && microseconds(lstatSync(path, { bigint: true }).mtimeNs) !== mtime) setSeconds(path, mtime, -0.5);
}

/**
 * Adds `half` a microsecond, because libuv truncates. Passes the time as text, since Node replaces
 * negative numbers by the current time.
 */
function setSeconds(path: string | Buffer, mtime: bigint, half: number): void {
  const seconds = Number(mtime / 1_000_000n) + (Number(mtime % 1_000_000n) + half) / 1e6;
  const time = seconds < 0 ? String(seconds) : seconds;
  lutimesSync(path, time, time);
}
