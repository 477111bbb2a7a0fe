/** The difference between a directory and a version. */
import { diffTrees, type TreeDiff } from '../format/diff.js';
import type { Tree } from '../format/tree.js';
import type { RequestOptions } from '../provider/provider.js';
import { readRules } from '../workspace/capture/filter.js';
import { lookAt } from '../workspace/capture/look.js';
import { rejectUnfinished } from '../workspace/checkout/settle.js';
import type { Workspace } from '../workspace/workspace.js';
import { selectMatching } from './checkout-target.js';

/**
 * Returns the paths in which a directory differs from a version of the session. Throws DIRTY if a
 * checkout into the directory was interrupted, and what `lookAt` throws.
 */
export async function compareDirectory(
  session: string,
  workspace: Workspace,
  tree: Tree,
  given: Parameters<typeof readRules>[1],
  op: RequestOptions,
): Promise<TreeDiff> {
  rejectUnfinished(workspace);
  const there = await lookAt(workspace, readRules(workspace.dir, given), op);
  const { only, session: recorded } = workspace.record ?? {};
  const isPart = only !== undefined && recorded === session;
  return isPart ? diffTrees(selectMatching(tree, only), selectMatching(there, only)) : diffTrees(tree, there);
}
