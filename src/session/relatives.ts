/** Sessions that a conflict or a mount made of another one, found by their names. */
import { ignore } from '../base/errors.js';
import { MAX_ID_LENGTH } from '../base/limits.js';
import type { RequestOptions } from '../provider/provider.js';
import { sessionNames } from './names.js';
import type { Replica } from './replica/replica.js';

const MADE = /(?:\.(?:conflict|fork)-[0-9a-f]{12})+$/;
/** Characters that the names of a session and its relatives share, whatever their lengths. */
const COMMON = MAX_ID_LENGTH - '.conflict-'.length - 12;

/** Returns the relative in which a revision exists; undefined if there is not exactly one. */
export async function relativeWith(
  replicas: readonly Replica[],
  session: string,
  revision: string,
  options: RequestOptions,
): Promise<string | undefined> {
  const stem = stemOf(session);
  const found = new Map<string, string>();
  for (const replica of replicas) {
    for (const name of await sessionNames(replica, options, stem)) {
      if (name === session || stemOf(name) !== stem) continue;
      const finding = replica.requireSession(name, options).then((relative) => relative.find(revision, options));
      const entry = await finding.catch(ignore('NOT_FOUND', 'USAGE', 'INTEGRITY', 'LEGACY_SESSION'));
      if (entry !== undefined) found.set(entry.id, name);
    }
    if (found.size > 0) break;
  }
  return found.size === 1 ? [...found.values()][0] : undefined;
}

/** Returns the name of the conflict session for a commit. */
export function forkName(session: string, commit: string): string {
  return relativeName(session, 'conflict', commit.slice(0, 12));
}

export function relativeName(session: string, kind: 'conflict' | 'fork', digits: string): string {
  const suffix = `.${kind}-${digits}`;
  return session.slice(0, MAX_ID_LENGTH - suffix.length) + suffix;
}

function stemOf(name: string): string {
  return name.replace(MADE, '').slice(0, COMMON);
}
