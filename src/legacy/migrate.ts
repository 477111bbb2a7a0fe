/**
 * Moving a session of the older package into the store (SPEC.md R-LEGACY-1 to R-LEGACY-3): its files are copied to a private directory, compared with what their place told before and
 * tells after, committed, and pushed where there is a remote. The old files stay as they are. A migration that was cut off has
 * changed nothing, or has made its commit, and can be repeated.
 */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../base/bytes.js';
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, check, isError, throwIfAborted } from '../base/errors.js';
import { FETCH_AHEAD_BYTES, MAX_REMOTE_SPAN, REMOTE_CONCURRENCY } from '../base/limits.js';
import { kind, type OptionNames } from '../base/option-check.js';
import { owning } from '../base/owners.js';
import type { OnProgress } from '../base/progress.js';
import { isEmptyDiff, type TreeDiff } from '../format/diff.js';
import type { ObjectId } from '../format/object-id.js';
import { parentPath } from '../format/path.js';
import { makeDirectory, writeFailure } from '../fs/errors.js';
import { microseconds, setTime } from '../fs/times.js';
import type { ByteRange, RequestOptions } from '../provider/provider.js';
import { type Call, hasRemote, type OfflineOptions, offlineOptions } from '../session/call.js';
import { commitDirectory } from '../session/commit/commit.js';
import type { LogEntry } from '../session/log-entry.js';
import { noSession } from '../session/names.js';
import type { LegacyEntry, LegacyPlace } from '../session/replica/legacy-place.js';
import type { LocalReplica } from '../session/replica/local.js';
import type { Transfer } from '../session/replica/remote.js';
import { discardDirectory } from '../session/replica/sweep.js';
import { pushSession } from '../sync/push.js';
import { scan } from '../workspace/capture/scan.js';
import { digestOf, measure } from './sources.js';

export interface MigrateResult {
  session: string;
  /** What the older package had: all of it was read, and compared with what its place told. */
  files: number;
  bytes: number;
  /** What of it is in no commit, by the rules for snapshots. */
  excluded: { files: number; bytes: number };
  /** The commit that holds it. */
  commit: ObjectId;
  /** False: it had been migrated before, or the session held the same already. */
  migrated: boolean;
  /** Where it was read. */
  from: string;
}

export interface MigrateOptions extends OfflineOptions {
  /** Keep what can be regenerated, such as caches. */
  keepCaches?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

/** The names of the options of a migration. */
export const migrateOptions: OptionNames<MigrateOptions> = { ...offlineOptions, keepCaches: kind.flag, onProgress: kind.call };

/** Names the files that a commit was made of, so that a repeated migration knows them. */
const LABEL = 'migrated';

/** How files of this machine are read. */
const HOME_TRANSFER: Transfer = { concurrency: REMOTE_CONCURRENCY, maxSpan: MAX_REMOTE_SPAN };

/** The session that a migration makes or completes. */
interface Target {
  readonly id: string;
  log(options: OfflineOptions): AsyncIterable<LogEntry>;
  status(dir: string, options: OfflineOptions & Pick<MigrateOptions, 'keepCaches'>): Promise<TreeDiff>;
}

interface Migration {
  /** The places that may hold it, the first that does counts. */
  places: readonly LegacyPlace[];
  session: Target;
}

/**
 * Migrates one session. Throws NOT_FOUND where the older package has none of that name, INTEGRITY or UNREADABLE for names that can be none in a
 * profile, and CONFLICT where its files change meanwhile, and where the store has a session of that name with something else. A commit that could not
 * be pushed is safe in home, and is pushed by a repetition.
 */
export async function migrateSession(migration: Migration, options: MigrateOptions, op: Call): Promise<MigrateResult> {
  const { session } = migration;
  const place = await placeOf(migration, op);
  const entries = await place.entries(session.id, op);
  const digest = digestOf(entries);
  const from = `${place.url}/${session.id}`;
  const known = { session: session.id, ...measure(entries), from };
  const { keepCaches } = options;
  const reach = { offline: options.offline, signal: op.signal };
  const before = await commitsOf(session, reach);
  const earlier = before.find(({ labels }) => labels[LABEL] === digest);
  if (earlier !== undefined) {
    await pushIfHere(migration, op);
    return { ...known, excluded: left(known, earlier), commit: earlier.commit, migrated: false };
  }
  return staging(op.local, async (dir) => {
    await copyVerified(migration, place, entries, dir, op);
    const [head] = before;
    if (head !== undefined) {
      if (!isEmptyDiff(await session.status(dir, { ...reach, keepCaches }))) throw taken(session.id, from);
      return { ...known, excluded: left(known, head), commit: head.commit, migrated: false };
    }
    const labels = { [LABEL]: digest };
    const settings = {
      keepCaches,
      message: `migrated from ${from}`,
      labels,
      allowShrink: true,
      onto: { head: undefined },
      isMigration: true,
    };
    const { commit, stats } = await commitDirectory(session.id, dir, settings, op);
    await pushIfHere(migration, op);
    return { ...known, excluded: left(known, stats), commit, migrated: true };
  });
}

async function placeOf({ places, session }: Migration, options: RequestOptions): Promise<LegacyPlace> {
  for (const place of places) if (await place.has(session.id, options)) return place;
  throw new BrowserStateError('NOT_FOUND', `expected a session ${session.id} of an older version of browserstate, found none`, {
    hint: '`browserstate migrate --dry-run` lists what there is.',
    cause: noSession(session.id),
  });
}

/** Returns the session's commits, here and on the remote; those here if the remote has no store yet, and none if there is no such session. */
async function commitsOf(session: Target, options: OfflineOptions): Promise<LogEntry[]> {
  const commits: LogEntry[] = [];
  try {
    for await (const entry of session.log(options)) commits.push(entry);
  } catch (error) {
    if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION')) throw error;
    if (!options.offline) return commitsOf(session, { ...options, offline: true });
  }
  return commits;
}

function left(whole: { files: number; bytes: number }, commit: { files: number; bytes: number }) {
  return { files: whole.files - commit.files, bytes: whole.bytes - commit.bytes };
}

async function pushIfHere({ session: { id } }: Migration, op: Call): Promise<void> {
  if (hasRemote(op) && (await op.local.read(id, op)).exists) await pushSession(id, { ask: true }, op);
}

/** Runs `work` with a private directory of this store, which is removed afterwards. */
async function staging<T>(local: LocalReplica, work: (dir: string) => Promise<T>): Promise<T> {
  const { host, owners, workspaces: folder } = local;
  return owning(owners, async (self) => {
    const dir = join(folder, `.migrate-${toHex(host.random(8))}.${self}`);
    try {
      await makeDirectory(folder);
      await mkdir(dir, { mode: 0o700 });
    } catch (error) {
      throw writeFailure(folder, error);
    }
    try {
      return await work(dir);
    } finally {
      await discardDirectory(local, dir);
    }
  });
}

/** Copies what is listed. Throws CONFLICT where the list is another afterwards. */
async function copyVerified(
  { session }: Migration,
  place: LegacyPlace,
  entries: readonly LegacyEntry[],
  dir: string,
  op: Call,
): Promise<void> {
  let failure: unknown;
  try {
    await copy(session.id, place, entries, dir, op.remote?.transfer ?? HOME_TRANSFER, op);
    const found = await scan(dir, { excludes: () => false }, { signal: op.signal });
    const [expected, copied] = [measure(entries), measure(found.entries)];
    check(
      copied.files === expected.files && copied.bytes === expected.bytes,
      `session ${session.id}: expected ${expected.files} files with ${expected.bytes} bytes, found a copy of ${copied.files} with ${copied.bytes}`,
    );
  } catch (error) {
    if (!isError(error, 'INTEGRITY', 'NOT_FOUND', 'UNREADABLE')) throw error;
    failure = error;
  }
  if (digestOf(await place.entries(session.id, op)) !== digestOf(entries)) {
    throw new BrowserStateError('CONFLICT', `session ${session.id}: its files in ${place.url} were changed while they were read`, {
      hint: 'Nothing was migrated. Stop what still writes there, an older version of browserstate perhaps, and repeat the command.',
      cause: failure,
    });
  }
  if (failure !== undefined) throw failure;
}

async function copy(
  session: string,
  place: LegacyPlace,
  entries: readonly LegacyEntry[],
  dir: string,
  { concurrency, maxSpan }: Transfer,
  op: Call,
): Promise<void> {
  for (const path of new Set(entries.map(({ path, kind }) => (kind === 'directory' ? path : parentPath(path))))) {
    await writing(join(dir, path), () => mkdir(join(dir, path), { recursive: true, mode: 0o700 }));
  }
  for (const { path, target = '' } of entries.filter(({ kind }) => kind === 'symlink')) {
    await writing(join(dir, path), () => symlink(target, join(dir, path)));
  }
  const total = measure(entries);
  const done = { files: 0, bytes: 0 };
  const load = async ({ entry, range }: Piece) => {
    const bytes = range.end === 0 ? new Uint8Array(0) : await place.read(session, entry.path, range, op);
    return { entry, range, bytes };
  };
  const window = { weight: ({ range }: Piece) => range.end - range.start, most: FETCH_AHEAD_BYTES };
  const pieces = readAhead(piecesOf(entries, maxSpan), concurrency, load, window);
  for await (const { entry, range, bytes } of pieces) {
    throwIfAborted(op.signal);
    const path = join(dir, entry.path);
    await writing(path, () => writeFile(path, bytes, { flag: range.start === 0 ? 'wx' : 'a', mode: 0o600 }));
    done.bytes += bytes.length;
    if (range.end === entry.size) {
      done.files++;
      await writing(path, () => setFacts(path, entry.facts));
    }
    op.onProgress?.({ phase: 'pull', path: entry.path, ...done, totalFiles: total.files, totalBytes: total.bytes });
  }
  // A directory's own time changes with what is put into it, and its owner must be able to remove the copy.
  for (const { path, kind, facts } of entries.toReversed()) {
    if (kind === 'directory' && facts !== undefined) await writing(path, () => chmod(join(dir, path), facts.mode | 0o700));
  }
}

interface Piece {
  entry: LegacyEntry;
  range: ByteRange;
}

/** The files in pieces of at most `most` bytes; a file without bytes is one of none. */
function* piecesOf(entries: readonly LegacyEntry[], most: number): Generator<Piece> {
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    for (let start = 0; start === 0 || start < entry.size; start += most) {
      yield { entry, range: { start, end: Math.min(start + most, entry.size) } };
    }
  }
}

async function setFacts(path: string, facts: LegacyEntry['facts']): Promise<void> {
  if (facts === undefined) return;
  await chmod(path, facts.mode);
  setTime(path, microseconds(facts.mtimeNs));
}

async function writing(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw writeFailure(path, error);
  }
}

function taken(session: string, from: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} is in the store with other files than ${from}; nothing was migrated`, {
    hint: `Keep what the store has, or make room with \`browserstate fork -s ${session} NEW\` and \`browserstate delete -s ${session}\`.`,
  });
}
