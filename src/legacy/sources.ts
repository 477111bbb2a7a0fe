/**
 * Sources of v0 sessions. v0 stores each file of a profile as a file or object at `<home or
 * prefix>/<user>/<session>/<path>`, which is only read. A bucket's content is untrusted: a listing
 * is checked as a whole before any object is read.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError, isError } from '../base/errors.js';
import { MAX_ENTRIES, MAX_FILE_SIZE } from '../base/limits.js';
import { STORE_FOLDER } from '../format/keys.js';
import { parentPath, pathProblem } from '../format/path.js';
import { readFailure } from '../fs/errors.js';
import { ifThere, quote } from '../fs/paths.js';
import { readBytes } from '../provider/local/files.js';
import type { Foreign, Provider, RequestOptions } from '../provider/provider.js';
import type { LegacyEntry, LegacySource } from '../session/replica/legacy-source.js';

/** A file that v0 adds to each session. */
const METADATA_FILE = '.browserstate-metadata.json';

/** The sessions in a user's folder: one directory each. */
export function legacyFolder(folder: string): LegacySource {
  const names = () => ifThere(folder, () => readdirSync(folder)) ?? [];
  return {
    url: pathToFileURL(folder).href,
    has: async (session) => isDirectory(join(folder, session)),
    sessions: async () => names().filter((name) => name !== STORE_FOLDER && isDirectory(join(folder, name))),
    entries: (session, options) => scanned(join(folder, session), options),
    read: (session, path, range) => {
      const file = join(folder, session, path);
      return readBytes(file, () => range).catch((error: unknown) => {
        throw readFailure(file, error);
      });
    },
  };
}

/** The sessions in a bucket: objects whose names begin with those of the user and the session. */
export function legacyObjects(provider: Provider, userId: string): LegacySource {
  const { foreign } = provider;
  if (foreign === undefined) return unlisted(provider, userId);
  const at = `${userId}/`;
  return {
    url: `${provider.url.replace(/\/$/, '')}/${userId}`,
    async has(session, options) {
      const prefix = `${at}${session}/`;
      for await (const { name } of foreign.list(prefix, options)) {
        if (name !== prefix && name !== `${prefix}${METADATA_FILE}`) return true;
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

/** The sessions in a provider that lists only its own keys: it shows whether a named one exists. */
function unlisted(provider: Provider, userId: string): LegacySource {
  const fail = async (): Promise<never> => {
    throw new BrowserStateError('UNSUPPORTED', `${provider.url} cannot list the sessions of v0`, {
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
    entries: fail,
    read: fail,
  };
}

function isDirectory(path: string): boolean {
  return ifThere(path, () => statSync(path))?.isDirectory() ?? false;
}

async function scanned(folder: string, { signal }: RequestOptions): Promise<LegacyEntry[]> {
  try {
    const { scan } = await import('../workspace/capture/scan.js');
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

async function listed(foreign: Foreign, prefix: string, options: RequestOptions): Promise<LegacyEntry[]> {
  const entries: LegacyEntry[] = [];
  for await (const { name, size, mark } of foreign.list(prefix, options)) {
    const path = name.slice(prefix.length);
    // Some programs create an empty object to show a folder.
    const isFolder = size === 0 && (path === '' || path.endsWith('/'));
    if ((path === '' && isFolder) || path === METADATA_FILE) continue;
    entries.push(isFolder ? { path: path.slice(0, -1), kind: 'directory', size, mark: '' } : { path, kind: 'file', size, mark });
    if (entries.length > MAX_ENTRIES) throw invalid(prefix, `it has more than ${MAX_ENTRIES} files`);
  }
  entries.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  checkPaths(prefix, entries);
  return entries;
}

/** Throws INTEGRITY unless the entries together can be the content of one directory. */
function checkPaths(prefix: string, entries: readonly LegacyEntry[]): void {
  const files = new Set<string>();
  for (const { path, kind, size } of entries) {
    const problem = pathProblem(path);
    if (problem !== undefined) throw invalid(prefix, `${quote(path)} cannot be a file of a profile: ${problem}`);
    if (!Number.isSafeInteger(size) || size < 0 || size > MAX_FILE_SIZE) {
      throw invalid(prefix, `${quote(path)} has ${size} bytes, more than ${MAX_FILE_SIZE}`);
    }
    if (kind !== 'file') continue;
    if (files.has(path)) throw invalid(prefix, `${quote(path)} is there twice`);
    files.add(path);
  }
  for (const { path, kind } of entries) {
    for (let up = kind === 'directory' ? path : parentPath(path); up !== ''; up = parentPath(up)) {
      if (files.has(up)) throw invalid(prefix, `${quote(up)} is a file and a folder`);
    }
  }
}

function invalid(prefix: string, problem: string): BrowserStateError {
  return new BrowserStateError('INTEGRITY', `cannot migrate ${prefix}: ${problem}`, {
    hint: 'Rename or remove it there, and repeat the command; nothing was migrated of this session.',
  });
}

/** Returns a digest of the listing of a session, which changes if a file does. */
export function digestOf(entries: readonly LegacyEntry[]): string {
  return toHex(sha256(utf8(JSON.stringify(entries.map(({ path, kind, size, mark, target }) => [path, kind, size, mark, target])))));
}

/** Returns the number of files and their bytes; symlinks are not counted. */
export function measure(entries: readonly Pick<LegacyEntry, 'kind' | 'size'>[]): { files: number; bytes: number } {
  const files = entries.filter(({ kind }) => kind === 'file');
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}
