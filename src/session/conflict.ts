/** What a push does where the remote has commits that this machine has not. */
import { BrowserStateError, isError } from '../errors.js';
import { MAX_ID_LENGTH, MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { Commit } from '../object/commit.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Row } from '../repository/ref.js';
import { deleteSession, fork } from './history.js';
import type { Home } from './home.js';
import type { OnProgress } from './progress.js';
import type { Remote, Seen } from './remote.js';
import { type Outgoing, type Sent, send } from './send.js';
import type { Found } from './site.js';

/**
 * `fail`: throw CONFLICT, with what was to be sent under the name of a fork. `fork`: the same without an error, and from here on this machine's session is that
 * fork. `ours`, `theirs`: a commit with both heads as parents and the tree of one of them.
 */
export type OnConflict = 'fail' | 'fork' | 'ours' | 'theirs';

export interface Divergence {
  home: Home;
  remote: Remote;
  local: Found;
  seen: Seen;
  /** Home's rows that the remote has not, newest first, and the newest common one. */
  unsent: readonly Row[];
  base: Row | undefined;
  options: RequestOptions & { onProgress?: OnProgress | undefined };
}

/** Home's rows as they are sent, oldest first. */
export function outgoing({ home, local, unsent, options }: Pick<Divergence, 'home' | 'local' | 'unsent' | 'options'>): Outgoing[] {
  const { repository, token } = local;
  return [...unsent].reverse().map((row) => ({ ...row, isHere: true, load: () => home.readManifest(repository, token, row, options) }));
}

/** Sends home's commits and one that joins both heads; undefined where another writer was first. */
export async function sendMerged(divergence: Divergence, keep: 'ours' | 'theirs', pin: boolean): Promise<Sent | undefined> {
  const { home, remote, local, seen, options } = divergence;
  const there = seen.token.ref.rows[0] as Row;
  const [kept, other] = keep === 'ours' ? [local.head, there] : [there, local.head];
  const commit: Commit = {
    ...kept.commit,
    parents: [kept.id, other.id],
    time: home.host.now(),
    message: `Merge of ${other.id.slice(0, 12)}, keeping ${keep}`,
    who: home.host.who(),
    labels: {},
    extensions: [],
  };
  const load = () =>
    keep === 'ours'
      ? home.readManifest(local.repository, local.token, local.head, options)
      : remote.readManifest(seen.repository, seen.token, there, options);
  const commits: Outgoing[] = [...outgoing(divergence), { commit, op: 'merge', isHere: keep === 'ours', load }];
  const { base } = divergence;
  return send(
    {
      home,
      remote,
      session: local.token.session,
      seen,
      outgoing: commits,
      base: base && (await home.readManifest(local.repository, local.token, base, options)),
      tags: new Map(),
      pin,
    },
    options,
  );
}

/** Sends home's commits to a session of their own on the remote, named after the newest; resolves to that name. */
export async function sendFork(divergence: Divergence): Promise<{ name: string; sent: Sent | undefined }> {
  const { remote, local, options } = divergence;
  const name = forkName(local.token.session, local.head.id);
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const target = (await remote.create(name, options)) ?? (await remote.read(name, options));
    const rows = target?.token.ref.rows ?? [];
    if (rows[0]?.id === local.head.id) return { name, sent: undefined };
    if (rows.length > 0) throw taken(name);
    const sent = target && (await sendTo(divergence, target));
    if (sent !== undefined) return { name, sent };
  }
  throw taken(name);
}

/** Sends home's commits to a session without history, on top of what is common to both; undefined where another writer was first. */
async function sendTo(divergence: Divergence, target: Seen): Promise<Sent | undefined> {
  const { home, remote, local, base, options } = divergence;
  const source = base && (await remote.requireSession(local.token.session, options));
  const underlying = source && base && (await rowsFrom(source, base, options));
  const manifest = source && underlying && (await remote.readManifest(source.repository, source.token, underlying[0] as Row, options));
  return send(
    {
      home,
      remote,
      session: target.token.session,
      seen: target,
      outgoing: outgoing(divergence),
      underlying: underlying && manifest && { rows: underlying, manifest },
      base: base && (await home.readManifest(local.repository, local.token, base, options)),
      tags: new Map(),
      pin: true,
    },
    options,
  );
}

async function rowsFrom({ repository, token }: Found, base: Row, options: RequestOptions): Promise<Row[] | undefined> {
  const rows: Row[] = [];
  for await (const row of repository.refs.rows(token.ref, options)) if (rows.length > 0 || row.id === base.id) rows.push(row);
  return rows.length > 0 ? rows : undefined;
}

/** From here on the session's commits on this machine are those of the fork; the session itself is what the remote has. */
export async function becomeFork({ home, local, options }: Divergence, name: string): Promise<void> {
  try {
    await fork(home, local.token.session, name, options);
  } catch (error) {
    // It may be there from a push that was cut off here.
    if (!isError(error, 'CONFLICT') || (await home.requireSession(name, options)).head.id !== local.head.id) throw error;
  }
  await deleteSession(home, local.token.session, options);
}

/** The session that a conflict leaves a commit in. */
export function forkName(session: string, commit: string): string {
  const suffix = `.conflict-${commit.slice(0, 12)}`;
  return session.slice(0, MAX_ID_LENGTH - suffix.length) + suffix;
}

function taken(name: string): BrowserStateError {
  return new BrowserStateError(
    'CONFLICT',
    `session ${name} is on the remote already, with other commits; the commits are safe on this machine`,
    {
      details: { session: name },
      hint: 'Fork this session under another name and push that.',
    },
  );
}

export function conflict(session: string, { seen, local }: Divergence, fork: string): BrowserStateError {
  const there = seen.token.ref.rows[0]?.id;
  const now = there === undefined ? 'it was deleted there' : `its head there is ${there.slice(0, 12)}`;
  return new BrowserStateError(
    'CONFLICT',
    `session ${session} was changed on the remote meanwhile: ${now}; commit ${local.head.id.slice(0, 12)} is safe on this machine, and on the remote as session ${fork}`,
    {
      details: { session: fork, commit: local.head.id, head: there ?? null },
      hint: `Keep one of the two with \`browserstate push -s ${session} --on-conflict ours\` or \`theirs\`, or both with \`fork\`.`,
    },
  );
}
