/** Joining work that was put aside with the session that had moved, on this machine: a commit with both as parents and the content of one. */
import { BrowserStateError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { Commit } from '../object/commit.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { newName } from '../repository/layout.js';
import { newRow, type Row } from '../repository/ref.js';
import { pause } from './backoff.js';
import { drafting } from './draft.js';
import { deleteSession } from './history.js';
import type { Home } from './home.js';

/**
 * Joins session `aside` into `session`: `ours` keeps the content that was put aside. Resolves to the commit that joins them; `aside` is gone then. Atomic: until it
 * is done both sessions are as they were. Throws CONFLICT where other writers are faster time and again.
 */
export async function mergeAside(
  home: Home,
  session: string,
  aside: string,
  keep: 'ours' | 'theirs',
  options: RequestOptions,
): Promise<ObjectId> {
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const joined = await attemptMerge(home, session, aside, keep, options);
    if (joined !== undefined) {
      await deleteSession(home, aside, options);
      return joined;
    }
    await pause(attempt, home.host, options);
  }
  throw new BrowserStateError('CONFLICT', `session ${session}: other writers were faster ${MAX_SWAP_ATTEMPTS} times in a row`, {
    hint: `What was mounted is safe as session ${aside}.`,
  });
}

/** Undefined where another writer was first. */
async function attemptMerge(
  home: Home,
  session: string,
  aside: string,
  keep: 'ours' | 'theirs',
  options: RequestOptions,
): Promise<ObjectId | undefined> {
  const there = await home.requireSession(session, options);
  // Read after the token: what the other session names may be named here from this epoch on.
  const { k } = await there.repository.epoch(options);
  const mine = await home.requireSession(aside, options);
  const [kept, other] = keep === 'ours' ? [mine, there] : [there, mine];
  const { tree, blobs } = await home.readManifest(kept.repository, kept.token, kept.head, options);
  const commit: Commit = {
    ...kept.head.commit,
    parents: [kept.head.id, other.head.id],
    time: home.host.now(),
    message: `Merge of ${other.head.id.slice(0, 12)}, keeping ${keep}`,
    who: home.host.who(),
    labels: {},
    extensions: [],
  };
  const { token } = there;
  const name = newName(home.host, k);
  const merge = newRow('merge', commit, name);
  return drafting(home, there.repository, async (repository) => {
    await repository.writeManifest(name, { commit, tree, blobs }, 'auto', options);
    const known = new Set<string>();
    for await (const { id } of repository.refs.rows(token.ref, options)) known.add(id);
    const own: Row[] = [];
    for await (const row of repository.refs.rows(mine.token.ref, options)) {
      if (known.has(row.id)) break;
      own.push(row);
    }
    const history = await repository.refs.addRows({ ...token.ref, epoch: k }, [merge, ...own], options);
    return (await repository.refs.swap(token, { state: 'live', ...history, epoch: k }, options)) && merge.id;
  });
}
