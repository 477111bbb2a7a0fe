/**
 * Removal of everything that killed processes left in the local store: temporary files, objects of commits that sent no swap, copies of profiles, torn notes. Each
 * of them has its owner in its name, and is touched only if that owner is known to be gone. Sockets of owners are removed by the next owner (src/base/owners.ts).
 */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isError } from '../../base/errors.js';
import { gonePaths } from '../../base/owners.js';
import { errno } from '../../fs/errors.js';
import { removeTree } from '../../fs/remove.js';
import { bytesAt } from '../../provider/local/files.js';
import { TEMPORARY } from '../../provider/local/folder.js';
import type { Workspace } from '../../workspace/workspace.js';
import { DRAFT, type DraftStore, removeDraft } from '../draft.js';
import { REMOTES, TORN_NOTE } from './remote-cache.js';

/** What a sweep needs of the local store. */
export interface SweptStore extends DraftStore {
  readonly workspaces: string;
  readonly temporaries: string;
  holding<T>(dir: string, work: (workspace: Workspace) => Promise<T>): Promise<T>;
}

/** Something that can be removed. */
interface Leftover {
  path: string;
  remove(): Promise<void>;
}

/** Removes what is left. Fails for nothing: what cannot be removed stays, and the next process tries again. */
export async function sweep(store: SweptStore): Promise<void> {
  for await (const { remove } of leftovers(store)) {
    await remove().catch((error: unknown) => {
      if (errno(error) === undefined && !isError(error)) throw error;
    });
  }
}

/** Returns the bytes of what is left outside of `tmp`, which the provider counts. */
export async function leftoverBytes(store: SweptStore): Promise<number> {
  let bytes = 0;
  for await (const { path } of leftovers(store)) if (dirname(path) !== store.temporaries) bytes += await bytesAt(path);
  return bytes;
}

async function* leftovers(store: SweptStore): AsyncGenerator<Leftover> {
  for (const [folder, pattern, remove] of await kindsOf(store)) {
    for (const path of await gonePaths(folder, pattern, store.owners)) yield { path, remove: () => remove(path) };
  }
}

type Kind = readonly [folder: string, name: RegExp, remove: (path: string) => Promise<void>];

/** The places and names of what is left; the group of a pattern is the owner. */
async function kindsOf(store: SweptStore): Promise<Kind[]> {
  const { records, workspaces, temporaries } = store;
  const remotes = join(records, REMOTES);
  const noted = await readdir(remotes).catch(unlessRefused);
  return [
    [temporaries, TEMPORARY, removeTree],
    [records, DRAFT, (path) => removeDraft(store, path)],
    [records, /^[0-9a-f]{32}\.(?:json|stat|lock)\.[0-9a-f]{16}\.(.+)$/, removeTree],
    [join(records, 'checkpoints'), /^[0-9a-f]{16}\.(.+)$/, removeTree],
    [join(records, 'mounts'), /~([^~]+)~[0-9a-f]{16}$/, removeTree],
    ...noted.map((name): Kind => [join(remotes, name), TORN_NOTE, removeTree]),
    [workspaces, /^\.migrate-[0-9a-f]{16}\.(.+)$/, (path) => discardDirectory(store, path)],
  ];
}

/** Removes a directory that this store made, with what is remembered of it. */
export async function discardDirectory(store: SweptStore, dir: string): Promise<void> {
  await store.holding(dir, async (workspace) => {
    await removeTree(dir);
    await workspace.forget();
  });
}

function unlessRefused(error: unknown): string[] {
  if (errno(error) === undefined) throw error;
  return [];
}
