/**
 * Checkpoints: commits of a directory while a browser uses it (SPEC.md 11.7). Changed files are
 * copied first, so that a commit holds the bytes of one moment. The directory is only read.
 */
import { join, sep } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import { liveLabel } from '../../format/checkpoint-label.js';
import { capture, knownIds } from '../../workspace/capture/capture.js';
import { copyLive } from '../../workspace/capture/live-copy.js';
import type { Call } from '../call.js';
import { inPrivateDirectory } from '../replica/sweep.js';
import { commitDirectory } from './commit.js';
import type { CommitResult, CommitSettings } from './options.js';
import type { ReadDirectory } from './read-directory.js';

/**
 * Commits `dir`. Returns undefined if a database kept changing; a later attempt may succeed. Throws
 * what `commitDirectory` throws, and USAGE for a partial directory.
 */
export async function checkpointDirectory(
  session: string,
  dir: string,
  options: CommitSettings,
  op: Call,
): Promise<CommitResult | undefined> {
  const { record } = await op.local.workspace(dir);
  if (record?.only !== undefined) {
    throw new BrowserStateError('USAGE', `${dir} holds only a part of a version`, {
      hint: 'Close the browser, then commit the directory.',
    });
  }
  const labels = { ...options.labels, ...liveLabel };
  const unsteady = new Error('a database keeps changing');
  const read: ReadDirectory = (root, found, given) =>
    inPrivateDirectory(op.local, join(op.local.records, 'checkpoints', sep), async (stage) => {
      const copy = await copyLive(found, { ...given, stage, isKnown: (entry) => knownIds(entry, given) !== undefined });
      if (!('found' in copy)) throw unsteady;
      return capture(root, copy.found, { ...given, copies: copy.copies });
    });
  return commitDirectory(session, dir, { ...options, labels, read }, op).catch((error: unknown) => {
    if (error !== unsteady) throw error;
    return undefined;
  });
}
