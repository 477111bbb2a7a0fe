/** Tags of a session (SPEC.md R-REF-4). */
import { BrowserStateError } from '../base/errors.js';
import { MAX_TAGS } from '../base/limits.js';
import { nearest } from '../base/nearest.js';
import type { Operation } from '../base/operation.js';
import { tagProblem } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import type { Ref } from '../format/ref.js';
import type { SessionRef } from './session-ref.js';

/** Throws USAGE unless `name` can be a tag. */
export function requireTag(name: string): void {
  const problem = tagProblem(name);
  if (problem !== undefined)
    throw new BrowserStateError('USAGE', `${JSON.stringify(name)} cannot be a tag: ${problem}`, {
      details: { tag: name },
      hint: 'Choose another name, such as `good` or `v1`.',
    });
}

/** Returns the ref's tags with `name` on the commit. Throws USAGE if there are too many. */
export function withTag({ tags }: Ref, name: string, id: ObjectId): Map<string, ObjectId> {
  const changed = new Map(tags).set(name, id);
  if (changed.size <= MAX_TAGS) return changed;
  throw new BrowserStateError('USAGE', `a session has at most ${MAX_TAGS} tags`, {
    hint: 'Remove one with `browserstate tag --delete NAME`.',
  });
}

/** Sets a tag. Returns undefined if another writer updated the ref first. */
export function setTag(from: SessionRef, name: string, id: ObjectId, op: Operation): Promise<SessionRef | undefined> {
  return from.update({ tags: withTag(from.ref, name, id), ...from.repository.refs.event(from.ref, 'tag', `${name} ${id}`) }, op);
}

/** Returns the error for a tag that the session does not have. Suggests a similar one of `tags`. */
export function noTag(session: string, name: string, tags: Iterable<string>): BrowserStateError {
  const meant = nearest(name, tags);
  const advice = `Run \`browserstate tag -s ${session} --list\` to see its tags.`;
  return new BrowserStateError('NOT_FOUND', `session ${session} has no tag ${JSON.stringify(name)}`, {
    hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    details: { session, tag: name, ...(meant !== undefined && { nearest: meant }) },
  });
}
