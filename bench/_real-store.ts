/**
 * The product as a row of the chunking table, with a count of the bytes that its commits write to a
 * provider.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemHost } from '../src/base/host.js';
import { CHUNK_SIZE } from '../src/base/limits.js';
import { memoryProvider, openStore, type Provider } from '../src/index.js';
import type { Generation } from '../test/support/measure/scan.js';
import type { Sent, Store } from './_chunk-store.js';

const SESSION = 'bench';
const ID_BYTES = 32;

export class RealStore implements Store {
  readonly name = 'browserstate';
  readonly #keepCaches: boolean;
  readonly #provider = memoryProvider();
  /** Bytes by the folder of the key, since the last reading. */
  #put = new Map<string, number>();
  #got = new Map<string, number>();

  constructor(keepCaches: boolean) {
    this.#keepCaches = keepCaches;
  }

  async commit({ dir, files }: Generation): Promise<Sent> {
    this.#put = new Map();
    await this.#withStore((store) => store.session(SESSION).commit(dir, { keepCaches: this.#keepCaches, allowShrink: true }));
    const ids = files.reduce((sum, { size }) => sum + Math.ceil(size / CHUNK_SIZE) * ID_BYTES, 0);
    const sent = (folder: string) => this.#put.get(folder) ?? 0;
    return { data: sent('packs'), manifest: sent('manifests'), ref: sent('refs') + sent('segments'), ids };
  }

  async coldRead(): Promise<{ bytes: number; packs: number }> {
    this.#got = new Map();
    await this.#withStore((store, folder) => store.session(SESSION).checkout(join(folder, 'out')));
    const bytes = this.#got.get('packs') ?? 0;
    const keys = new Set([...this.#got.keys()].filter((key) => key.startsWith('packs/')));
    return { bytes, packs: keys.size };
  }

  /** Runs `work` with an empty local store, like a worker on a new machine. */
  async #withStore(work: (store: Awaited<ReturnType<typeof openStore>>, folder: string) => Promise<unknown>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'browserstate-bench-'));
    const store = await openStore({ home: this.#counting(), host: { ...systemHost, defaultHome: () => join(folder, 'home') } });
    try {
      await work(store, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  #counting(): Provider {
    const provider = this.#provider;
    const add = (counts: Map<string, number>, key: string, bytes: number) => counts.set(key, (counts.get(key) ?? 0) + bytes);
    const folderOf = (key: string) => key.split('/')[2] as string;
    return {
      url: provider.url,
      supports: provider.supports,
      put: (...args: Parameters<Provider['put']>) => {
        add(this.#put, folderOf(args[0]), args[1].length);
        return provider.put(...args);
      },
      swap: (...args: Parameters<Provider['swap']>) => {
        add(this.#put, folderOf(args[0]), args[1].length);
        return provider.swap(...args);
      },
      get: async (...args: Parameters<Provider['get']>) => {
        const bytes = await provider.get(...args);
        add(this.#got, folderOf(args[0]), bytes.length);
        if (folderOf(args[0]) === 'packs') add(this.#got, args[0].slice(args[0].indexOf('packs/')), bytes.length);
        return bytes;
      },
      read: provider.read.bind(provider),
      list: provider.list.bind(provider),
      delete: provider.delete.bind(provider),
      close: provider.close.bind(provider),
    };
  }
}
