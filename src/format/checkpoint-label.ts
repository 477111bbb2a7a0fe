/** The label that distinguishes a checkpoint from a commit that somebody requested. */
import type { Commit } from './commit.js';

export const liveLabel = { checkpoint: 'live' } as const;

/** Returns whether a commit is a checkpoint, made while a browser was at work. */
export function isCheckpoint({ labels }: Pick<Commit, 'labels'>): boolean {
  return labels['checkpoint'] === liveLabel.checkpoint;
}
