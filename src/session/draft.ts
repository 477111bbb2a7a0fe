/**
 * Drafts: the objects that one attempt to change a ref has stored. They are removed if the attempt
 * fails before its swap, or loses it. A note lists the objects for the case that the process is
 * killed. The note is removed durably before a swap is sent (SPEC.md 11.2).
 */
import { appendFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../base/bytes.js';
import { BrowserStateError, ignore, throwIfAborted } from '../base/errors.js';
import type { Host } from '../base/host.js';
import type { Hold, Owners } from '../base/owners.js';
import { nameOfKey, objectFolders } from '../format/keys.js';
import { ignoreFailure, makeDirectory, writeFailure } from '../fs/errors.js';
import { readPrivately } from '../fs/private-file.js';
import type { Provider } from '../provider/provider.js';
import { Repository } from '../repository/repository.js';

/** The name of a note, a list of stored keys; the group is its owner. */
export const DRAFT = /^[0-9a-f]{16}\.draft\.(.+)$/;

/** The part of the local store that drafts use. */
export interface DraftStore {
  readonly provider: Provider;
  readonly host: Host;
  readonly owners: Owners;
  readonly records: string;
}

type Note = Hold & { path: string };

class Draft {
  readonly #keys = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  #note: Promise<Note | undefined> | undefined;
  #isOver = false;
  /** Whether a swap was sent that is not proved to have lost. */
  isSent = false;

  constructor(private readonly store: DraftStore) {}

  /** Removes the stored objects. Called only if no swap was sent, or the swap has lost. */
  async discard(): Promise<void> {
    this.#isOver = true;
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    await removeObjects(this.store.provider, this.#keys);
  }

  async close(): Promise<void> {
    const note = await this.#note?.catch(() => undefined);
    if (note === undefined) return;
    await rm(note.path, { force: true }).catch(ignoreFailure);
    await note.release();
  }

  /** Returns the provider for everything that the attempt writes. */
  track(provider: Provider): Provider {
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
        this.#pending.add(put);
        put.catch(() => undefined).finally(() => this.#pending.delete(put));
        return put;
      },
      swap: async (key, bytes, expected, options) => {
        await this.#removeNote();
        // A signal can end the attempt only here: once sent, the swap may take effect.
        throwIfAborted(options?.signal);
        const wasSent = this.isSent;
        this.isSent = true;
        // A local swap is short. If it were cut off, its outcome would be unknown.
        const version = await provider.swap(key, bytes, expected, isFolder(provider) ? { ...options, signal: undefined } : options);
        if (version === undefined) this.isSent = wasSent;
        return version;
      },
    };
  }

  async #put(key: string, put: () => Promise<void>): Promise<void> {
    if (this.#isOver) throw new BrowserStateError('CANCELLED', 'the commit has failed already');
    this.#keys.add(key);
    this.#note ??= this.#begin();
    const note = await this.#note;
    if (note !== undefined) await appendFile(note.path, `${key}\n`).catch(ignoreFailure);
    await put();
  }

  /** Creates the note. Returns undefined without a folder, or if the note cannot be written. */
  async #begin(): Promise<Note | undefined> {
    const { provider, owners, host, records } = this.store;
    if (!isFolder(provider)) return undefined;
    const hold = await owners.hold();
    const path = join(records, `${toHex(host.random(8))}.draft.${hold.name}`);
    try {
      await makeDirectory(records);
      await appendFile(path, '', { mode: 0o600 });
      return { ...hold, path };
    } catch (error) {
      await hold.release();
      return ignoreFailure(error);
    }
  }

  /** Removes the note durably: from here on a swap may name the listed objects. */
  async #removeNote(): Promise<void> {
    const note = await this.#note;
    if (note === undefined) return;
    try {
      await rm(note.path, { force: true });
      const folder = await open(this.store.records);
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      throw writeFailure(note.path, error);
    }
  }
}

/** Runs one attempt to change a ref. Removes its objects unless the swap may have taken effect. */
export async function drafting<T>(
  store: DraftStore,
  { provider, id }: Repository,
  attempt: (repository: Repository) => Promise<T | undefined>,
): Promise<T | undefined> {
  const draft = new Draft(store);
  try {
    const result = await attempt(Repository.at(draft.track(provider), store.host, id));
    if (result === undefined && !draft.isSent) await draft.discard();
    return result;
  } catch (error) {
    if (!draft.isSent) await draft.discard();
    throw error;
  } finally {
    await draft.close();
  }
}

/** Removes a note of a process that is gone, and the objects that it lists: no swap was sent. */
export async function removeDraft(store: DraftStore, path: string): Promise<void> {
  const keys = new TextDecoder().decode(await readPrivately(path)).split('\n');
  const isObject = (key: string) => objectFolders.some((folder) => nameOfKey(folder, key) !== undefined);
  if (isFolder(store.provider)) await removeObjects(store.provider, keys.filter(isObject));
  await rm(path, { force: true });
}

/** Removes objects. Those that cannot be removed are left to garbage collection. */
async function removeObjects(provider: Provider, keys: Iterable<string>): Promise<void> {
  for (const key of keys) await provider.delete(key).catch(ignore());
}

function isFolder({ url }: Provider): boolean {
  return url.startsWith('file:');
}
