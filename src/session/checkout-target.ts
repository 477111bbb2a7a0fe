/** The content of a directory before a checkout, compared with versions of the local store. */
import { BrowserStateError, ignore } from '../base/errors.js';
import { diffTrees, isEmptyDiff, sameContent } from '../format/diff.js';
import type { Manifest } from '../format/manifest.js';
import { parentPath } from '../format/path.js';
import type { Tree, TreeEntry } from '../format/tree.js';
import { readFacts } from '../profile/excludes.js';
import { capture, hashOnly } from '../workspace/capture/capture.js';
import { buildFilter, type Filter, matcher } from '../workspace/capture/filter.js';
import { type SkippedEntry, scan } from '../workspace/capture/scan.js';
import type { StatCache } from '../workspace/capture/stat-cache.js';
import { rejectUnfinished } from '../workspace/checkout/settle.js';
import { MARKER } from '../workspace/marker.js';
import { withFormerModes } from '../workspace/opened.js';
import type { Pending, Workspace, WorkspaceRecord } from '../workspace/workspace.js';
import type { Call } from './call.js';
import { forkName } from './relatives.js';

export interface Target {
  workspace: Workspace;
  learn: StatCache;
  /** Whether to replace the content of the directory, whatever it is. */
  force: boolean;
  op: Call;
}

/** Throws DIRTY if an interrupted checkout is unsettled, or the directory was written to since. */
export async function rejectUnexplained(target: Target, { phase, previous, next }: Pending): Promise<void> {
  const { workspace, op } = target;
  const { dir } = workspace;
  if (phase !== 'apply' || previous === undefined || next === undefined) return rejectUnfinished(workspace);
  const manifests = [await readRecorded(previous, op), await readRecorded(next, op)];
  const known = manifests.map((manifest) => new Map(manifest?.tree.map((entry) => [entry.path, entry])));
  const { entries } = await readEntries(target, buildFilter({ facts: readFacts(dir), ...previous.rules }));
  const isKnown = (entry: TreeEntry): boolean =>
    known.some((versions) => {
      const version = versions.get(entry.path);
      return version !== undefined && sameContent(version, entry);
    });
  const paths = entries.filter((entry) => entry.path !== MARKER && !isKnown(entry)).map(({ path }) => path);
  if (paths.length === 0) return;
  throw new BrowserStateError(
    'DIRTY',
    `${dir}: a checkout into this directory was cut off, and ${paths.length} entries were written since, such as ${paths[0]}`,
    {
      hint: 'Copy the entries that you need elsewhere, then replace its content with --force.',
      details: { dir, paths: paths.slice(0, 100) },
    },
  );
}

/** Returns the directory's content if it equals the version of its record; otherwise undefined. */
export async function readClean(target: Target): Promise<Tree | undefined> {
  const { workspace, force, op } = target;
  const { record, dir } = workspace;
  if (record === undefined) return undefined;
  const recorded = readRecorded(record, op);
  const base = await (force ? recorded.catch(ignore('INTEGRITY', 'CONFLICT')) : recorded);
  if (base === undefined) return undefined;
  const expected = record.only ? selectMatching(base.tree, record.only) : base.tree;
  // Caches are compared if the version has them. Otherwise those of the directory do not matter.
  for (const keepCaches of [record.rules.keepCaches, true]) {
    const reading = readEntries(target, buildFilter({ facts: readFacts(dir), ...record.rules, keepCaches }));
    const found = await (force ? reading.catch(ignore('UNREADABLE')) : reading);
    if (found === undefined || (force && found.skipped.length > 0)) continue;
    // An in-place change needs the current modes of the directory.
    if (isEmptyDiff(diffTrees(expected, withFormerModes(found.entries, record.opened)))) return found.entries;
  }
  return undefined;
}

/** Returns the version of a record, perhaps of a conflict session; undefined if none has it. */
async function readRecorded({ session, base }: WorkspaceRecord, op: Call): Promise<Manifest | undefined> {
  for (const name of [session, forkName(session, base)]) {
    const found = await op.local.read(name, op);
    const entry = await found.entry(base, op);
    if (entry !== undefined) return found.manifest(entry, op);
  }
  return undefined;
}

/** Reads everything in the directory that the filter does not exclude. */
export async function readEntries(
  { workspace, learn, op: { host, signal } }: Target,
  filter: Filter = { excludes: () => false },
): Promise<{ entries: TreeEntry[]; skipped: SkippedEntry[] }> {
  const found = await scan(workspace.dir, filter, { now: host.now(), signal });
  const cache = await workspace.readCache();
  const entries = await capture(workspace.dir, found, { sink: hashOnly, cache, learn, previous: undefined, signal });
  return { entries, skipped: found.skipped };
}

/** Returns the entries that match the globs, and the directories above them. */
export function selectMatching(tree: Tree, only: readonly string[]): Tree {
  const matches = matcher(only);
  const paths = new Set<string>();
  for (const { path } of tree) {
    if (!matches(path)) continue;
    for (let up = path; up !== '' && !paths.has(up); up = parentPath(up)) paths.add(up);
  }
  return tree.filter(({ path }) => paths.has(path));
}
