/**
 * Migration of a session of v0 (SPEC.md R-LEGACY-1 to R-LEGACY-3). Its files are copied to a
 * private directory, compared with their listing before and after, committed, and pushed if there
 * is a remote. The old files are not changed. An interrupted migration can be repeated.
 */
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, check, isError, throwIfAborted } from '../base/errors.js';
import { FETCH_AHEAD_BYTES, MAX_REMOTE_SPAN, REMOTE_CONCURRENCY } from '../base/limits.js';
import type { OnProgress } from '../base/progress.js';
import { isEmptyDiff, type TreeDiff } from '../format/diff.js';
import type { ObjectId } from '../format/object-id.js';
import { parentPath } from '../format/path.js';
import { failWriting } from '../fs/errors.js';
import { microseconds, setTime } from '../fs/times.js';
import type { ByteRange } from '../provider/provider.js';
import { type Call, hasRemote, type OfflineOptions } from '../session/call.js';
import { commitDirectory } from '../session/commit/commit.js';
import type { LogEntry } from '../session/log-entry.js';
import { noSession } from '../session/names.js';
import type { LegacyEntry, LegacySource } from '../session/replica/legacy-source.js';
import type { Transfer } from '../session/replica/remote.js';
import { discardDirectory, inPrivateDirectory } from '../session/replica/sweep.js';
import { pushSession } from '../sync/push.js';
import { scan } from '../workspace/capture/scan.js';
import { legacySources } from './list.js';
import { digestOf, measure } from './sources.js';

export interface MigrateResult {
  session: string;
  /** The verified content of the session of v0. */
  files: number;
  bytes: number;
  /** Files and bytes that the rules for commits exclude. */
  excluded: { files: number; bytes: number };
  /** The commit that holds the content. */
  commit: ObjectId;
  /** False if the content was migrated before, or the session has the same content. */
  migrated: boolean;
  /** The address of v0's session. */
  from: string;
}

export interface MigrateOptions extends OfflineOptions {
  /** Keep what can be regenerated, such as caches. */
  keepCaches?: boolean | undefined;
  onProgress?: OnProgress | undefined;
}

/** The label with the digest of the files, so that a repeated migration recognizes the commit. */
const LABEL = 'migrated';

const LOCAL_TRANSFER: Transfer = { concurrency: REMOTE_CONCURRENCY, maxSpan: MAX_REMOTE_SPAN };

/** The session that a migration creates or completes. */
interface Target {
  readonly id: string;
  log(options: OfflineOptions): AsyncIterable<LogEntry>;
  status(dir: string, options: OfflineOptions & Pick<MigrateOptions, 'keepCaches'>): Promise<TreeDiff>;
}

/**
 * Migrates one session. Throws NOT_FOUND if v0 does not have it, and INTEGRITY or UNREADABLE for
 * file names that no profile can have. Throws CONFLICT if the files change meanwhile, or the store
 * has a session of that name with other content. A repeated call pushes a commit that was not
 * pushed.
 */
export async function migrateSession(session: Target, options: MigrateOptions, op: Call): Promise<MigrateResult> {
  const { id } = session;
  const source = await findSource(id, op);
  const entries = await source.entries(id, op);
  const digest = digestOf(entries);
  const from = `${source.url}/${id}`;
  const whole = measure(entries);
  const result = ({ files, bytes }: { files: number; bytes: number }, commit: ObjectId, migrated: boolean): MigrateResult => {
    const excluded = { files: whole.files - files, bytes: whole.bytes - bytes };
    return { session: id, ...whole, from, excluded, commit, migrated };
  };
  const reach = { offline: options.offline, signal: op.signal };
  const commits = await commitsOf(session, reach);
  const earlier = commits.find(({ labels }) => labels[LABEL] === digest);
  if (earlier !== undefined) {
    await pushIfHere(id, op);
    return result(earlier, earlier.commit, false);
  }
  const migrateThrough = async (dir: string): Promise<MigrateResult> => {
    await copyVerified(id, source, entries, dir, op);
    const { keepCaches } = options;
    const [head] = commits;
    if (head !== undefined) {
      if (!isEmptyDiff(await session.status(dir, { ...reach, keepCaches }))) throw taken(id, from);
      return result(head, head.commit, false);
    }
    const facts = { message: `migrated from ${from}`, labels: { [LABEL]: digest } };
    const settings = { ...facts, keepCaches, allowShrink: true, onto: { head: undefined }, isMigration: true };
    const { commit, stats } = await commitDirectory(id, dir, settings, op);
    await pushIfHere(id, op);
    return result(stats, commit, true);
  };
  const { local } = op;
  return inPrivateDirectory(local, join(local.workspaces, '.migrate-'), migrateThrough, (dir) => discardDirectory(local, dir));
}

async function findSource(session: string, op: Call): Promise<LegacySource> {
  for (const source of legacySources(op)) if (await source.has(session, op)) return source;
  throw new BrowserStateError('NOT_FOUND', `v0 has no session ${session}`, {
    hint: '`browserstate migrate --dry-run` lists its sessions.',
    cause: noSession(session),
  });
}

/**
 * Returns the session's commits. On NOT_FOUND or LEGACY_SESSION, retries offline. Returns an empty
 * array if the local store has no commits either.
 */
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

async function pushIfHere(session: string, op: Call): Promise<void> {
  if (hasRemote(op) && (await op.local.read(session, op)).exists) await pushSession(session, { ask: true }, op);
}

/** Copies the listed files. Throws CONFLICT if the listing differs afterwards. */
async function copyVerified(session: string, source: LegacySource, entries: LegacyEntry[], dir: string, op: Call): Promise<void> {
  let failure: unknown;
  try {
    await copy(session, source, entries, dir, op);
    const found = await scan(dir, { excludes: () => false }, { signal: op.signal });
    const [expected, copied] = [measure(entries), measure(found.entries)];
    check(
      copied.files === expected.files && copied.bytes === expected.bytes,
      `session ${session}: expected ${expected.files} files with ${expected.bytes} bytes, found a copy of ${copied.files} with ${copied.bytes}`,
    );
  } catch (error) {
    if (!isError(error, 'INTEGRITY', 'NOT_FOUND', 'UNREADABLE')) throw error;
    failure = error;
  }
  if (digestOf(await source.entries(session, op)) !== digestOf(entries)) {
    throw new BrowserStateError('CONFLICT', `session ${session}: its files in ${source.url} were changed while they were read`, {
      hint: 'Nothing was migrated. Stop the programs that write there, such as v0, and repeat the command.',
      cause: failure,
    });
  }
  if (failure !== undefined) throw failure;
}

async function copy(session: string, source: LegacySource, entries: readonly LegacyEntry[], dir: string, op: Call): Promise<void> {
  const { concurrency, maxSpan } = op.remote?.transfer ?? LOCAL_TRANSFER;
  for (const folder of new Set(entries.map(({ path, kind }) => join(dir, kind === 'directory' ? path : parentPath(path))))) {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch(failWriting(folder));
  }
  for (const { path, kind, target = '' } of entries) {
    if (kind === 'symlink') await symlink(target, join(dir, path)).catch(failWriting(join(dir, path)));
  }
  const { files: totalFiles, bytes: totalBytes } = measure(entries);
  const done = { files: 0, bytes: 0 };
  const load = async (piece: Piece) => {
    const { entry, range } = piece;
    const bytes = range.end === 0 ? new Uint8Array(0) : await source.read(session, entry.path, range, op);
    return { ...piece, bytes };
  };
  const window = { weight: ({ range }: Piece) => range.end - range.start, most: FETCH_AHEAD_BYTES };
  for await (const { entry, range, bytes } of readAhead(piecesOf(entries, maxSpan), concurrency, load, window)) {
    throwIfAborted(op.signal);
    const { path, facts } = entry;
    const file = join(dir, path);
    await writeFile(file, bytes, { flag: range.start === 0 ? 'wx' : 'a', mode: 0o600 }).catch(failWriting(file));
    done.bytes += bytes.length;
    if (range.end === entry.size) {
      done.files++;
      const setFacts = facts && chmod(file, facts.mode).then(() => setTime(file, microseconds(facts.mtimeNs)));
      await setFacts?.catch(failWriting(file));
    }
    op.onProgress?.({ phase: 'pull', path, ...done, totalFiles, totalBytes });
  }
  // Directories keep their new times. Their owner must be able to remove the copy.
  for (const { path, kind, facts } of entries.toReversed()) {
    if (kind === 'directory' && facts !== undefined) await chmod(join(dir, path), facts.mode | 0o700).catch(failWriting(path));
  }
}

interface Piece {
  entry: LegacyEntry;
  range: ByteRange;
}

/** Yields the files in pieces of at most `most` bytes. An empty file is one empty piece. */
function* piecesOf(entries: readonly LegacyEntry[], most: number): Generator<Piece> {
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    for (let start = 0; start === 0 || start < entry.size; start += most) {
      yield { entry, range: { start, end: Math.min(start + most, entry.size) } };
    }
  }
}

function taken(session: string, from: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} is in the store with other files than ${from}; nothing was migrated`, {
    hint: `Keep what the store has, or make room with \`browserstate fork -s ${session} NEW\` and \`browserstate delete -s ${session}\`.`,
  });
}
