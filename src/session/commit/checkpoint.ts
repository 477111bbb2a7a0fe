/**
 * Checkpoints: commits of a directory while a browser uses it (SPEC.md 11.7). Changed files are
 * copied first, so that a commit holds the bytes of one moment. The directory is only read.
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
 * Commits `dir`. Returns undefined if a database kept changing: a later attempt may succeed. Throws
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
    withStage(op.local, async (stage) => {
      const copy = await copyLive(found, { ...given, stage, isKnown: (entry) => knownIds(entry, given) !== undefined });
      if (!('found' in copy)) throw unsteady;
      return capture(root, copy.found, { ...given, copies: copy.copies });
    });
  return commitDirectory(session, dir, { ...options, labels, read }, op).catch((error: unknown) => {
    if (error !== unsteady) throw error;
    return undefined;
  });
}

/** Runs `work` with a temporary private directory in the local store. */
async function withStage<T>({ records, owners, host }: LocalReplica, work: (stage: string) => Promise<T>): Promise<T> {
  return owning(owners, async (owner) => {
    const stage = join(records, 'checkpoints', `${toHex(host.random(8))}.${owner}`);
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
