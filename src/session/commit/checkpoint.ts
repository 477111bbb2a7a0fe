/**
 * Checkpoints: commits of a directory while a browser works in it (SPEC.md 11.7). The directory is only ever read. What changed since it was mounted is copied first, so
 * that a commit holds the bytes that were found to be of one moment, and a browser that goes on writing changes nothing about it.
 */
import { join } from 'node:path';
import { toHex } from '../../base/bytes.js';
import { BrowserStateError } from '../../base/errors.js';
import { owning } from '../../base/owners.js';
import { liveLabel } from '../../format/checkpoint-label.js';
import { makeDirectory, writeFailure } from '../../fs/errors.js';
import { removeTree } from '../../fs/remove.js';
import { capture, knownIds } from '../../workspace/capture/capture.js';
import { copyLive } from '../../workspace/capture/live-copy.js';
import type { Call } from '../call.js';
import type { LocalReplica } from '../replica/local.js';
import { commitDirectory } from './commit.js';
import type { CommitResult, CommitSettings } from './options.js';
import type { ReadDirectory } from './read-directory.js';

/**
 * Commits `dir` as it is, browser or not, with the label `checkpoint=live`; the commit follows the head, and the directory's base is the new commit. Resolves to
 * undefined, and nothing is changed, where a database would not hold still: then it is worth trying again later. Atomic. Throws what `commitDirectory` throws, save
 * for a live browser, and USAGE for a directory that holds a part of a version.
 */
export async function checkpointDirectory(
  session: string,
  dir: string,
  options: CommitSettings,
  op: Call,
): Promise<CommitResult | undefined> {
  const { record } = await op.local.workspace(dir);
  if (record?.only !== undefined) {
    throw new BrowserStateError('USAGE', `${dir}: expected a whole version, found a part of one`, {
      hint: 'A part is committed when no browser works in it.',
    });
  }
  const labels = { ...options.labels, ...liveLabel };
  let unsteady: BrowserStateError | undefined;
  const read: ReadDirectory = (root, found, given) =>
    withStage(op.local, async (stage) => {
      const copy = await copyLive(found, { ...given, stage, isKnown: (entry) => knownIds(entry, given) !== undefined });
      if ('found' in copy) return capture(root, copy.found, { ...given, copies: copy.copies });
      unsteady = new BrowserStateError('BUSY', `${copy.unsteady}: it changed whenever it was copied`, {
        hint: 'Repeat the command, or close the browser first.',
      });
      throw unsteady;
    });
  try {
    return await commitDirectory(session, dir, { ...options, labels, read }, op);
  } catch (error) {
    if (error !== unsteady) throw error;
    return undefined;
  }
}

/** Runs `work` with an empty private directory in the local store, which is removed afterwards. */
async function withStage<T>({ records, owners, host }: LocalReplica, work: (stage: string) => Promise<T>): Promise<T> {
  const stages = join(records, 'checkpoints');
  return owning(owners, async (owner) => {
    const stage = join(stages, `${toHex(host.random(8))}.${owner}`);
    try {
      await makeDirectory(stage).catch((error: unknown) => {
        throw writeFailure(stage, error);
      });
      return await work(stage);
    } finally {
      await removeTree(stage);
    }
  });
}
