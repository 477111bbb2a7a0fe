/**
 * Checks of the files that a login depends on. They detect files that were truncated by a full
 * disk, overwritten or emptied. Only the header of a database and the text of a few small files are
 * read.
 */
import { MAX_PROFILE_TEXT } from '../base/limits.js';
import { parseObject } from './formats/json-object.js';

/** A file to be checked. */
export interface LoginFile {
  /** Bytes of the whole file. */
  size: number;
  /** The first bytes of the file, as many as its format needs. */
  start: Uint8Array;
  /**
   * Bytes of the wal and of the journal next to the file, which may hold content that the database
   * lacks.
   */
  wal: number;
  journal: number;
}

export interface Format {
  /** Returns how many of a file's first bytes the check needs. */
  bytes(size: number): number;
  /** Returns the problem of a file, or undefined if none is visible. */
  problem(file: LoginFile): string | undefined;
}

const SQLITE_HEADER_BYTES = 100;
/** The bytes of a wal without frames. */
const WAL_HEADER_BYTES = 32;
const MAGIC = 'SQLite format 3\0';

const database: Format = {
  bytes: (size) => Math.min(size, SQLITE_HEADER_BYTES),
  problem({ size, start, wal, journal }) {
    // An empty database is a problem even with a wal. The first page of a database is written to
    // the file before a wal exists.
    if (size === 0) return 'is empty';
    const header = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
    if (header.length < SQLITE_HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'is not a database';
    // The value 1 means 65,536.
    const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return 'is a database with a damaged header';
    // The page count is valid for the change that it was written with, and without a pending
    // transaction.
    const isCounted = header.readUInt32BE(24) === header.readUInt32BE(92) && wal <= WAL_HEADER_BYTES && journal === 0;
    const whole = header.readUInt32BE(28) * pageSize;
    return isCounted && size < whole ? `is cut short (${size} of ${whole} bytes)` : undefined;
  },
};

/** Returns a format for text files. Files larger than those of any browser are not checked. */
function text(problem: (text: string) => string | undefined): Format {
  return {
    bytes: (size) => (size > MAX_PROFILE_TEXT ? 0 : size),
    problem: ({ size, start }) => {
      if (size === 0) return 'is empty';
      return size > MAX_PROFILE_TEXT ? undefined : problem(Buffer.from(start).toString('utf8'));
    },
  };
}

const json = text((content) => (parseObject(content) === undefined ? 'is not a whole JSON object' : undefined));
/** The format of Firefox's preferences: each line is a statement or a comment. */
const prefs = text((content) => (/[;/]\s*$/.test(content.slice(-100)) && !content.includes('\0') ? undefined : 'is cut short'));
const current = text((content) => (/^MANIFEST-\d+\n?$/.test(content) ? undefined : 'names no MANIFEST'));

const formats: readonly [RegExp, Format][] = [
  [/^(?:[^/]+\/)?(?:(?:Network\/)?Cookies|Login Data(?: For Account)?|Web Data)$/, database],
  [/^(?:cookies\.sqlite|key4\.db|cert9\.db)$/, database],
  [/^(?:Local State|(?:[^/]+\/)?(?:Secure )?Preferences|logins\.json|signedInUser\.json)$/, json],
  [/^prefs\.js$/, prefs],
  [/^(?:[^/]+\/)?Local Storage\/leveldb\/CURRENT$/, current],
];

/** Returns whether a path of a profile is its cookie database. */
export function isCookieStore(path: string): boolean {
  return /^(?:[^/]+\/)?(?:Network\/)?Cookies$|^cookies\.sqlite$/.test(path);
}

/**
 * Returns the format of a file that a login depends on, or undefined for any other file. `path` is
 * relative to the profile.
 */
export function loginFormat(path: string): Format | undefined {
  return formats.find(([pattern]) => pattern.test(path))?.[1];
}
