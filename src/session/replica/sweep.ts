/**
 * Leftovers of killed processes in the local store: temporary files, objects of commits without a
 * swap, copies of profiles, notes. The name of a leftover contains its owner. A leftover is removed
 * only after its owner has exited.
 */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../../base/bytes.js';
import { gonePaths, owning } from '../../base/owners.js';
import { failWriting, ignoreFailure, makeDirectory } from '../../fs/errors.js';
import { removeTree } from '../../fs/remove.js';
import { bytesAt } from '../../provider/local/files.js';
import { TEMPORARY } from '../../provider/local/folder.js';
import { leftoversOf } from '../../workspace/checkout/settle.js';
import type { Workspace } from '../../workspace/workspace.js';
import { DRAFT, type DraftStore, removeDraft } from '../draft.js';
import { REMOTES, TORN_NOTE } from './remote-cache.js';

/** The part of the local store that a sweep uses. */
export interface SweptStore extends DraftStore {
  readonly workspaces: string;
  readonly temporaries: string;
  holding<T>(dir: string, work: (workspace: Workspace) => Promise<T>): Promise<T>;
}

/** Removes the leftovers. The next process removes those that cannot be removed now. */
export async function sweep(store: SweptStore): Promise<void> {
  for await (const { path, remove } of leftovers(store)) await remove(path).catch(ignoreFailure);
}

/** Returns the bytes of the leftovers, except in the folder `but`. */
export async function leftoverBytes(store: SweptStore, but?: string): Promise<number> {
  let bytes = 0;
  for await (const { path } of leftovers(store)) if (dirname(path) !== but) bytes += await bytesAt(path);
  return bytes;
}

type Remove = (path: string) => Promise<void>;

async function* leftovers(store: SweptStore): AsyncGenerator<{ path: string; remove: Remove }> {
  const { records, workspaces, temporaries, owners } = store;
  const remotes = join(records, REMOTES);
  const remoteNames = (await readdir(remotes).catch(ignoreFailure)) ?? [];
  // In each pattern, the group matches the owner.
  const kinds: [folder: string, name: RegExp, remove: Remove][] = [
    [temporaries, TEMPORARY, removeTree],
    [records, DRAFT, (path) => removeDraft(store, path)],
    [records, /^[0-9a-f]{32}\.(?:json|stat|lock)\.[0-9a-f]{16}\.(.+)$/, removeTree],
    [join(records, 'checkpoints'), /^[0-9a-f]{16}\.(.+)$/, removeTree],
    [join(records, 'mounts'), /~([^~]+)~[0-9a-f]{16}$/, removeTree],
    ...remoteNames.map((name): [string, RegExp, Remove] => [join(remotes, name), TORN_NOTE, removeTree]),
    [workspaces, /^\.migrate-[0-9a-f]{16}\.(.+)$/, (path) => discardDirectory(store, path)],
  ];
  for (const [folder, name, remove] of kinds) {
    for (const path of await gonePaths(folder, name, owners)) yield { path, remove };
  }
}

/** Removes a directory that this store created, with leftovers of checkouts and its record. */
export async function discardDirectory(store: SweptStore, dir: string): Promise<void> {
  await store.holding(dir, async (workspace) => {
    for (const path of [dir, ...leftoversOf(workspace).map((leftover) => leftover.path)]) await removeTree(path);
    await workspace.forget();
  });
}

/**
 * Runs `work` with a new private directory, whose path begins with `start`, and removes the
 * directory. If the process is killed, a sweep removes it.
 */
export async function inPrivateDirectory<T>(
  store: SweptStore,
  start: string,
  work: (dir: string) => Promise<T>,
  remove: Remove = removeTree,
): Promise<T> {
  return owning(store.owners, async (owner) => {
    const dir = `${start}${toHex(store.host.random(8))}.${owner}`;
    try {
      await makeDirectory(dir).catch(failWriting(dir));
      return await work(dir);
    } finally {
      await remove(dir);
    }
  });
}
