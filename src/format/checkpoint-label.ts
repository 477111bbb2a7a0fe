/** The label by which a checkpoint is known from a commit that somebody asked for. */
import type { Commit } from './commit.js';

export const liveLabel = { checkpoint: 'live' } as const;

/** Whether a commit is a checkpoint, made while a browser was at work. */
export function isCheckpoint({ labels }: Pick<Commit, 'labels'>): boolean {
  return labels['checkpoint'] === liveLabel.checkpoint;
}
