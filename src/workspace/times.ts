/** Modification times to the microsecond (SPEC.md 3.1), which Node takes as seconds in floating point. */
import { lstatSync, lutimesSync } from 'node:fs';

/** Nanoseconds as microseconds, rounded down: what Node can set again. */
export function microseconds(ns: bigint): bigint {
  const us = ns / 1000n;
  return ns < 0n && us * 1000n !== ns ? us - 1n : us;
}

/** Sets the time of what is at `path`, a symlink itself and not what it points to. */
export function setTime(path: string | Buffer, mtime: bigint): void {
  setSeconds(path, mtime, 0.5);
  // Of times before 1970 some versions of libuv cut off towards 1970, others round down.
  if (mtime < 0n && microseconds(lstatSync(path, { bigint: true }).mtimeNs) !== mtime) setSeconds(path, mtime, -0.5);
}

/** `half` a microsecond more or less, because libuv cuts off what is below one. Node takes a negative number for the present, and text as it is. */
function setSeconds(path: string | Buffer, mtime: bigint, half: number): void {
  const seconds = Number(mtime / 1_000_000n) + (Number(mtime % 1_000_000n) + half) / 1e6;
  const time = seconds < 0 ? String(seconds) : seconds;
  lutimesSync(path, time, time);
}
