/** A dry run of a commit: reads a directory as a commit would, and stores nothing. */
import type { TreeEntry } from '../../format/tree.js';
import { readFacts } from '../../profile/excludes.js';
import type { RequestOptions } from '../../provider/provider.js';
import { withFormerModes } from '../opened.js';
import type { Workspace } from '../workspace.js';
import { capture, hashOnly } from './capture.js';
import { buildFilter, type CaptureRules } from './filter.js';
import { scan } from './scan.js';

/** Returns the tree that a commit would have. Throws the errors of `scan` and `capture`. */
export async function lookAt(workspace: Workspace, rules: CaptureRules, { signal }: RequestOptions = {}): Promise<TreeEntry[]> {
  const found = await scan(workspace.dir, buildFilter({ facts: readFacts(workspace.dir), ...rules }), { signal });
  const cache = await workspace.readCache();
  const tree = await capture(workspace.dir, found, { sink: hashOnly, cache, learn: undefined, previous: undefined, signal });
  return withFormerModes(tree, workspace.record?.opened);
}
