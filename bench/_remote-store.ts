/**
 * A remote as filled by pushes: packs and manifests in memory. Each commit patches the previous
 * one, with or without compaction.
 */

import { systemHost } from '../src/base/host.js';
import { commitId, encodeCommit } from '../src/format/commit.js';
import { newName, objectKey } from '../src/format/keys.js';
import type { BlobPlace, Manifest } from '../src/format/manifest.js';
import { distinctBlobs, measureTree, type Tree, treeId } from '../src/format/tree.js';
import { memoryProvider, type Provider } from '../src/index.js';
import { readFacts } from '../src/profile/excludes.js';
import { BlobReader } from '../src/repository/read/blob-reader.js';
import { planFetch } from '../src/repository/read/fetch-plan.js';
import { Repository } from '../src/repository/repository.js';
import { BlobWriter } from '../src/repository/write/blob-writer.js';
import { compact } from '../src/repository/write/compaction.js';
import { capture } from '../src/workspace/capture/capture.js';
import { buildFilter, readRules } from '../src/workspace/capture/filter.js';
import { scan } from '../src/workspace/capture/scan.js';
import { StatCache } from '../src/workspace/capture/stat-cache.js';

export interface Pushed {
  /** Bytes of the packs. */
  data: number;
  /** Bytes of the manifest. */
  manifest: number;
}

export interface ColdRead {
  ranges: number;
  fetched: number;
  live: number;
}

export class RemoteStore {
  readonly #repository: Repository;
  readonly #compacts: boolean;
  #head: Manifest | undefined;
  #cache: StatCache | undefined;

  private constructor(repository: Repository, compacts: boolean) {
    this.#repository = repository;
    this.#compacts = compacts;
  }

  static async create({ compacts }: { compacts: boolean }): Promise<RemoteStore> {
    return new RemoteStore(await Repository.init(memoryProvider(), systemHost), compacts);
  }

  async push(dir: string): Promise<Pushed> {
    const repository = this.#repository;
    const writer = new BlobWriter(repository, {
      compression: 'auto',
      known: this.#head?.blobs ?? new Map(),
      epoch: () => 1,
    });
    const tree = await this.#capture(dir, writer);
    await writer.settle();
    if (this.#compacts)
      await compact(
        writer,
        Array.from(distinctBlobs(tree).keys(), (id) => [id, writer.place(id) as BlobPlace]),
        (id, place) => writer.read(id, place),
      );
    await writer.finish();
    await writer.acknowledged();
    const manifest = await this.#writeManifest(tree, writer);
    return { data: writer.storedBytes, manifest };
  }

  /** Fetches all blobs of the head by the plan for remotes, and verifies them. */
  async coldRead(): Promise<ColdRead> {
    const places = (this.#head as Manifest).blobs;
    const { spans, liveBytes } = planFetch(places.values());
    const got = new Map<string, { start: number; bytes: Uint8Array }[]>();
    let fetched = 0;
    for (const { pack, start, end } of spans) {
      const key = objectKey('packs', pack);
      const bytes = await this.#repository.provider.get(key, { range: { start, end } });
      fetched += bytes.length;
      got.set(key, [...(got.get(key) ?? []), { start, bytes }]);
    }
    const reader = new BlobReader({ provider: over(this.#repository.provider, got) });
    for (const [id, place] of places) await reader.read(id, place);
    return { ranges: spans.length, fetched, live: liveBytes };
  }

  async #capture(dir: string, writer: BlobWriter): Promise<Tree> {
    const startedAt = systemHost.now();
    const found = await scan(dir, buildFilter({ facts: readFacts(dir), ...readRules(dir, { keepCaches: false, exclude: [] }) }));
    const learn = new StatCache({ dir }, startedAt);
    const tree = await capture(dir, found, { sink: writer, cache: this.#cache ?? learn, learn, previous: this.#head });
    this.#cache = learn;
    return tree;
  }

  async #writeManifest(tree: Tree, writer: BlobWriter): Promise<number> {
    const facts = { time: 0, message: '', author: 'bench', labels: {}, extensions: [] };
    const commit = { tree: treeId(tree), parents: [], ...facts, ...measureTree(tree) };
    const name = newName(systemHost, 1);
    const bytes = await this.#repository.writeManifest(name, { commit, tree, blobs: { get: (id) => writer.place(id) } }, 'auto');
    this.#head = await this.#repository.openManifest({ id: commitId(encodeCommit(commit)), manifest: name }, bytes);
    return bytes.length;
  }
}

/** Returns the provider, limited to the fetched data. */
function over(provider: Provider, got: ReadonlyMap<string, { start: number; bytes: Uint8Array }[]>): Provider {
  return {
    ...provider,
    get: async (key, { range } = {}) => {
      const { start, end } = range as { start: number; end: number };
      const held = got.get(key)?.find((each) => each.start <= start && end <= each.start + each.bytes.length);
      if (held === undefined) throw new Error(`${key}: bytes ${start} to ${end} were not fetched`);
      return held.bytes.slice(start - held.start, end - held.start);
    },
  };
}
