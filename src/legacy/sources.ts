/**
 * Sessions as the package of this name kept them before it had a store: one file, or one object of a bucket, for each file of the profile, at
 * `<home or prefix>/<user>/<session>/<path>`. They are read and never changed. What a bucket holds is hostile input: a listing is checked as a whole before
 * a byte of it is fetched.
 */
import { constants, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError, check, isError } from '../base/errors.js';
import { MAX_ENTRIES, MAX_FILE_SIZE } from '../base/limits.js';
import { STORE_FOLDER } from '../format/keys.js';
import { parentPath, pathProblem } from '../format/path.js';
import { readFailure } from '../fs/errors.js';
import { ifThere, quote } from '../fs/paths.js';
import type { ByteRange, Foreign, Provider, RequestOptions } from '../provider/provider.js';
import type { LegacyEntry, LegacyPlace } from '../session/replica/legacy-place.js';
import { scan } from '../workspace/capture/scan.js';

/** What the older package kept beside the files of a profile for itself. */
const METADATA_FILE = '.browserstate-metadata.json';

/** Those in a user's folder, each in a directory of its name. */
export function legacyFolder(folder: string): LegacyPlace {
  return {
    url: pathToFileURL(folder).href,
    has: async (session) => isDirectory(join(folder, session)),
    sessions: async () => namesIn(folder).filter((name) => name !== STORE_FOLDER && isDirectory(join(folder, name))),
    entries: (session, options) => scanned(join(folder, session), options),
    read: (session, path, range) => readRange(join(folder, session, path), range),
  };
}

/** Those in a provider, whose objects have names that start with the user's and the session's. */
export function legacyObjects(provider: Provider, userId: string): LegacyPlace {
  const { foreign } = provider;
  if (foreign === undefined) return hidden(provider, userId);
  const at = `${userId}/`;
  return {
    url: `${provider.url.replace(/\/$/, '')}/${userId}`,
    async has(session, options) {
      for await (const { name } of foreign.list(`${at}${session}/`, options)) {
        if (name !== `${at}${session}/` && name !== `${at}${session}/${METADATA_FILE}`) return true;
      }
      return false;
    },
    async sessions(options) {
      const found = new Set<string>();
      for await (const { name } of foreign.list(at, options)) {
        const end = name.indexOf('/', at.length);
        if (end !== -1) found.add(name.slice(at.length, end));
      }
      found.delete(STORE_FOLDER);
      return [...found];
    },
    entries: (session, options) => listed(foreign, `${at}${session}/`, options),
    read: (session, path, range, options) => foreign.get(`${at}${session}/${path}`, range, options),
  };
}

/** A provider that tells of nothing but its keys: it may hold sessions, of which no more is known than that. */
function hidden(provider: Provider, userId: string): LegacyPlace {
  const refuse = async (): Promise<never> => {
    throw new BrowserStateError('UNSUPPORTED', `${provider.url} does not tell what else than a store it holds`, {
      hint: 'Give its `Provider` the member `foreign`, or copy the files of the sessions to a folder and migrate them from there.',
    });
  };
  return {
    url: provider.url,
    async has(session, options) {
      for await (const _ of provider.list(`${userId}/${session}/`, options)) return true;
      return false;
    },
    sessions: async () => [],
    entries: refuse,
    read: refuse,
  };
}

function namesIn(folder: string): string[] {
  return ifThere(folder, () => readdirSync(folder)) ?? [];
}

function isDirectory(path: string): boolean {
  return ifThere(path, () => statSync(path))?.isDirectory() ?? false;
}

async function scanned(folder: string, { signal }: RequestOptions): Promise<LegacyEntry[]> {
  try {
    const { entries } = await scan(folder, { excludes: (path) => path === METADATA_FILE }, { signal });
    return entries.map(({ path, kind, size, target, mode, mtimeNs, ctimeNs }) => {
      const mark = kind === 'file' ? `${mtimeNs}-${ctimeNs}` : '';
      return { path, kind, size, mark, target, facts: { mode, mtimeNs } };
    });
  } catch (error) {
    if (isError(error, 'NOT_FOUND', 'USAGE')) return [];
    if (!isError(error, 'UNREADABLE')) throw error;
    const hint = `Rename it, make it readable or move it out of ${folder}, and repeat the command.`;
    throw new BrowserStateError('UNREADABLE', error.message, { hint, cause: error });
  }
}

async function readRange(path: string, { start, end }: ByteRange): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const bytes = new Uint8Array(end - start);
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
        check(bytesRead > 0, `${path}: expected ${end} bytes, found ${start + done}`);
        done += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFailure(path, error);
  }
}

async function listed(foreign: Foreign, prefix: string, options: RequestOptions): Promise<LegacyEntry[]> {
  const entries: LegacyEntry[] = [];
  for await (const { name, size, mark } of foreign.list(prefix, options)) {
    const path = name.slice(prefix.length);
    // What tools for buckets make to show a folder.
    const isFolder = size === 0 && (path === '' || path.endsWith('/'));
    if (path === '' && isFolder) continue;
    if (path === METADATA_FILE) continue;
    entries.push(isFolder ? { path: path.slice(0, -1), kind: 'directory', size, mark: '' } : { path, kind: 'file', size, mark });
    if (entries.length > MAX_ENTRIES) throw refused(prefix, `expected at most ${MAX_ENTRIES} files, found more`);
  }
  entries.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  checkPaths(prefix, entries);
  return entries;
}

/** Throws INTEGRITY unless the entries, together, can be the content of one directory. */
function checkPaths(prefix: string, entries: readonly LegacyEntry[]): void {
  const files = new Set<string>();
  for (const { path, kind, size } of entries) {
    const problem = pathProblem(path);
    if (problem !== undefined) throw refused(prefix, `${quote(path)} can be no file of a profile: ${problem}`);
    if (!Number.isSafeInteger(size) || size < 0 || size > MAX_FILE_SIZE) {
      throw refused(prefix, `${quote(path)} has ${size} bytes, more than ${MAX_FILE_SIZE}`);
    }
    if (kind !== 'file') continue;
    if (files.has(path)) throw refused(prefix, `${quote(path)} is there twice`);
    files.add(path);
  }
  for (const { path, kind } of entries) {
    if (kind === 'directory' && files.has(path)) throw refused(prefix, `${quote(path)} is a file and a folder`);
    for (let up = parentPath(path); up !== ''; up = parentPath(up)) {
      if (files.has(up)) throw refused(prefix, `${quote(up)} is a file and a folder`);
    }
  }
}

function refused(prefix: string, problem: string): BrowserStateError {
  return new BrowserStateError('INTEGRITY', `cannot migrate ${prefix}: ${problem}`, {
    hint: 'Rename or remove it there, and repeat the command; nothing was migrated of this session.',
  });
}

/** Names what a session holds: the same for the same files, as far as their place tells. */
export function digestOf(entries: readonly LegacyEntry[]): string {
  return toHex(sha256(utf8(JSON.stringify(entries.map(({ path, kind, size, mark, target }) => [path, kind, size, mark, target])))));
}

/** Files of a session and their bytes; a symlink is none. */
export function measure(entries: readonly Pick<LegacyEntry, 'kind' | 'size'>[]): { files: number; bytes: number } {
  const files = entries.filter(({ kind }) => kind === 'file');
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
