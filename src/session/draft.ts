/**
 * What a commit stores before its swap. If the commit fails first it is removed again: no index knows it and no ref names it. Of a process that was killed a note
 * names it, which is gone, durably, before a swap is sent: what a note names may be removed as soon as its owner is gone (SPEC.md 11.2).
 */
import { appendFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../base/bytes.js';
import { BrowserStateError, isError, throwIfAborted } from '../base/errors.js';
import type { Host } from '../base/host.js';
import type { Hold, Owners } from '../base/owners.js';
import { nameOfKey, objectFolders } from '../format/keys.js';
import { errno, makeDirectory, writeFailure } from '../fs/errors.js';
import { readPrivately } from '../fs/private-file.js';
import type { Provider } from '../provider/provider.js';
import { Repository } from '../repository/repository.js';

/** The name of a note, which lists the keys of what was stored; the group is its owner. */
export const DRAFT = /^[0-9a-f]{16}\.draft\.(.+)$/;

/** What a draft needs of the local store. */
export interface DraftStore {
  readonly provider: Provider;
  readonly host: Host;
  readonly owners: Owners;
  /** Where notes are kept. */
  readonly records: string;
}

class Draft {
  /** The local store, for everything that one attempt writes. */
  readonly repository: Repository;
  readonly #store: DraftStore;
  readonly #keys = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #note: Promise<{ path: string; hold: Hold } | undefined> | undefined;
  #isSent = false;
  #isOver = false;

  constructor(store: DraftStore, repository: Repository) {
    this.#store = store;
    this.repository = Repository.at(this.#tracked(repository.provider), store.host, repository.id);
  }

  /** Removes what was stored. Only for an attempt whose swap was not sent, or is known to have lost. */
  async discard(): Promise<void> {
    this.#isOver = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await removeObjects(this.#store.provider, this.#keys);
  }

  /** The same after an error, unless a swap may have taken effect. */
  async abandon(): Promise<void> {
    if (!this.#isSent) await this.discard();
  }

  /** Ends the attempt. */
  async close(): Promise<void> {
    const note = await this.#note?.catch(() => undefined);
    this.#note = undefined;
    if (note === undefined) return;
    await rm(note.path, { force: true }).catch(unlessRefused);
    await note.hold.release();
  }

  #tracked(provider: Provider): Provider {
    return {
      url: provider.url,
      supports: provider.supports,
      get etagStyle() {
        return provider.etagStyle;
      },
      get: (key, options) => provider.get(key, options),
      read: (key, options) => provider.read(key, options),
      list: (prefix, options) => provider.list(prefix, options),
      delete: (key, options) => provider.delete(key, options),
      close: () => provider.close(),
      put: (key, bytes, options) => {
        const put = this.#put(key, () => provider.put(key, bytes, options));
        this.#underWay.add(put);
        put.catch(() => undefined).finally(() => this.#underWay.delete(put));
        return put;
      },
      swap: async (key, bytes, expected, options) => {
        await this.#forgetNote();
        // From here on the swap may take effect; before, a signal that fired meanwhile still ends it.
        throwIfAborted(options?.signal);
        this.#isSent = true;
        // A local swap ends by itself. If it were cut off, nothing would tell whether it took effect.
        return provider.swap(key, bytes, expected, provider.url.startsWith('file:') ? { ...options, signal: undefined } : options);
      },
    };
  }

  async #put(key: string, put: () => Promise<void>): Promise<void> {
    if (this.#isOver) throw new BrowserStateError('CANCELLED', 'the commit has failed already');
    this.#keys.add(key);
    this.#note ??= this.#begin();
    const note = await this.#note;
    if (note !== undefined) await appendFile(note.path, `${key}\n`).catch(unlessRefused);
    await put();
  }

  /** Begins the note; there is none about a store that is no folder of this machine, or if it cannot be written. */
  async #begin(): Promise<{ path: string; hold: Hold } | undefined> {
    const { provider, owners, host } = this.#store;
    if (!provider.url.startsWith('file:')) return undefined;
    const hold = await owners.hold();
    const path = join(this.#store.records, `${toHex(host.random(8))}.draft.${hold.name}`);
    try {
      await makeDirectory(this.#store.records);
      await appendFile(path, '', { mode: 0o600 });
      return { path, hold };
    } catch (error) {
      await hold.release();
      return unlessRefused(error);
    }
  }

  /** Removes the note so that no loss of power brings it back: from here on a swap may name what it named. */
  async #forgetNote(): Promise<void> {
    const note = await this.#note;
    if (note === undefined) return;
    try {
      await rm(note.path, { force: true });
      const folder = await open(this.#store.records);
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      throw writeFailure(note.path, error);
    }
  }
}

/**
 * Runs one attempt to change a ref in the local store. What it stored is removed if it fails before its swap, or loses it, which is undefined.
 */
export async function drafting<T>(
  store: DraftStore,
  repository: Repository,
  attempt: (repository: Repository) => Promise<T | undefined>,
): Promise<T | undefined> {
  const draft = new Draft(store, repository);
  try {
    const result = await attempt(draft.repository);
    if (result === undefined) await draft.discard();
    return result;
  } catch (error) {
    await draft.abandon();
    throw error;
  } finally {
    await draft.close();
  }
}

/** Removes a note of a process that is gone, and the objects that it lists: no swap was sent. */
export async function removeDraft(store: DraftStore, path: string): Promise<void> {
  const keys = new TextDecoder().decode(await readPrivately(path)).split('\n');
  if (store.provider.url.startsWith('file:')) await removeObjects(store.provider, keys.filter(isObject));
  await rm(path, { force: true });
}

function isObject(key: string): boolean {
  return objectFolders.some((folder) => nameOfKey(folder, key) !== undefined);
}

/** What cannot be removed waits for a collection. */
async function removeObjects(provider: Provider, keys: Iterable<string>): Promise<void> {
  for (const key of keys) {
    await provider.delete(key).catch((error: unknown) => {
      if (!isError(error)) throw error;
    });
  }
}

function unlessRefused(error: unknown): undefined {
  if (errno(error) === undefined) throw error;
  return undefined;
}
