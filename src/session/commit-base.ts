/** What a commit follows: the session's ref, its head at home or on the remote, and what a directory that holds a part is laid over (SPEC.md 11.1). */
import { BrowserStateError, isError } from '../errors.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Manifest } from '../repository/manifest.js';
import type { Row } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import type { Workspace, WorkspaceRecord } from '../workspace/record.js';
import type { Home } from './home.js';
import type { Remote } from './remote.js';

/** Everything that an attempt needs to know of the session, read before anything is uploaded. */
export interface Base {
  repository: Repository;
  token: Token;
  /** What the commit follows; its content is in home, or only in another repository, the remote's. */
  head: { row: Row; manifest: Manifest; repository: Repository; isHere: boolean } | undefined;
  /** What a partial directory lays its entries over. */
  underlay: { manifest: Manifest; only: string[] } | undefined;
}

interface BaseOptions extends RequestOptions {
  isMigration?: boolean | undefined;
}

/** Reads the token, and what a commit of the workspace follows and is laid over. Throws CONFLICT where a part was taken from a version that is no longer the head. */
export async function readBase(
  home: Home,
  remote: Remote | undefined,
  repository: Repository,
  session: string,
  workspace: Workspace,
  options: BaseOptions,
): Promise<Base> {
  const found = await repository.refs.read(session, options);
  if (found?.ref.rows[0] === undefined && !options.isMigration) await home.refuseLegacy(session, options, found);
  const token = found ?? (await repository.refs.ensure(session, options));
  const row = token.ref.rows[0];
  const head = row
    ? { row, manifest: await home.readManifest(repository, token, row, options), repository, isHere: true }
    : await readRemoteHead(remote, session, options);
  return { repository, token, head, underlay: await readUnderlay(home, repository, token, workspace.record, options) };
}

/**
 * Returns the head of a session of which home has nothing; undefined if the remote has none, is a bucket that does not exist, or does not
 * let this machine look: a later push reports that.
 */
async function readRemoteHead(remote: Remote | undefined, session: string, options: BaseOptions): Promise<Base['head']> {
  try {
    const look = options.isMigration ? remote?.read(session, options) : remote?.readPerhapsNew(session, options);
    const seen = await look?.catch((error: unknown) => {
      if (!isError(error, 'NOT_FOUND')) throw error;
    });
    const row = seen?.token.ref.rows[0];
    if (remote === undefined || !seen || row === undefined) return undefined;
    const { repository, token } = seen;
    return { row, manifest: await remote.readManifest(repository, token, row, options), repository, isHere: false };
  } catch (error) {
    if (!isError(error, 'UNREACHABLE', 'FORBIDDEN')) throw error;
    return undefined;
  }
}

async function readUnderlay(
  home: Home,
  repository: Repository,
  token: Token,
  record: WorkspaceRecord | undefined,
  options: RequestOptions,
): Promise<Base['underlay']> {
  if (record?.only === undefined) return undefined;
  if (record.session !== token.session) {
    throw new BrowserStateError('USAGE', `expected a whole directory, found a part of session ${record.session}`, {
      hint: `Commit it to session ${record.session}, or restore a whole version first.`,
    });
  }
  const head = token.ref.rows[0]?.id;
  if (record.head !== head) throw moved(token.session, head, partHint);
  for await (const row of repository.refs.rows(token.ref, options)) {
    if (row.id === record.base) return { manifest: await home.readManifest(repository, token, row, options), only: record.only };
  }
  throw moved(token.session, head, partHint);
}

/** A part is laid over the version that it was taken from, never over a newer one. */
const partHint = 'Restore the newest version into another directory, put your changes there, and snapshot that one.';

/**
 * Returns a warning if the head that a commit of the directory replaces has content that the directory never had: another writer's, or that of a
 * rollback. Undefined if the directory was made from the head or from the same tree, or if nothing of the session is known of it.
 */
export async function passedWarning(
  { repository, token, head }: Base,
  { dir, record }: Workspace,
  options: RequestOptions,
): Promise<string | undefined> {
  if (head === undefined || record?.session !== token.session || record.base === head.row.id) return undefined;
  for await (const row of repository.refs.rows(token.ref, options))
    if (row.id === record.base && row.commit.tree === head.row.commit.tree) return undefined;
  const [base, passed] = [record.base, head.row.id].map((id) => id.slice(0, 12));
  return (
    `${dir} was made from commit ${base}, but the head of session ${token.session} was ${passed}: this commit replaces its content; ` +
    `\`browserstate rollback -s ${token.session} --to ${passed}\` restores it`
  );
}

/** Tells that the head is not the one that was expected. */
export function moved(session: string, head: ObjectId | undefined, hint?: string): BrowserStateError {
  const now = head === undefined ? 'it has no commits now' : `its head is ${head.slice(0, 12)} now`;
  return new BrowserStateError('CONFLICT', `session ${session} was changed by another writer meanwhile: ${now}; nothing was committed`, {
    hint: hint ?? `Look at \`browserstate log -s ${session}\`; repeat the command to commit on top.`,
  });
}
