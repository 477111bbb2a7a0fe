/**
 * A repository: one user's sessions under one prefix of one provider (SPEC.md 8, 9). This class has
 * its identity and the wrapping of its objects. The layers above decide which objects are written
 * and when.
 */
import { toHex } from '../base/bytes.js';
import { BrowserStateError, check, integrity, readingKey } from '../base/errors.js';
import type { WriterHost } from '../base/host.js';
import { type Condemned, checkConfig, decodeEpoch, type Epoch, encodeConfig, encodeEpoch } from '../format/cells.js';
import type { Compression } from '../format/codecs.js';
import type { Commit } from '../format/commit.js';
import { NAME_BYTES, unwrap, wrap } from '../format/envelope.js';
import { CONFIG_KEY, EPOCH_KEY, objectKey, REF_PREFIX } from '../format/keys.js';
import type { ObjectName } from '../format/locator.js';
import { type BlobPlace, decodeManifest, encodeManifest, type Manifest, type PreparedTree } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import type { Tree } from '../format/tree.js';
import type { Provider, RequestOptions, Version } from '../provider/provider.js';
import { Refs } from './refs.js';

/** An epoch as it was read or written: the only start of its next swap. */
export interface StoredEpoch extends Epoch {
  version: Version;
}

export interface ManifestContent {
  commit: Commit;
  tree: Tree;
  /** The prepared tree, if it exists already. */
  prepared?: PreparedTree;
  /** The location of each blob of the tree. */
  blobs: Pick<ReadonlyMap<ObjectId, BlobPlace>, 'get'>;
}

export class Repository {
  readonly refs: Refs;

  private constructor(
    readonly provider: Provider,
    readonly host: WriterHost,
    /** The repository's id: 16 random bytes, chosen at init. */
    readonly id: Uint8Array,
  ) {
    this.refs = new Refs(provider, host, id);
  }

  /**
   * Opens the repository in a provider. Returns undefined if there is no repository yet. Throws
   * INTEGRITY if its config is damaged or lost.
   */
  static open(provider: Provider, host: WriterHost, options: RequestOptions = {}): Promise<Repository | undefined> {
    return readingKey(CONFIG_KEY, () => Repository.#open(provider, host, options));
  }

  static async #open(provider: Provider, host: WriterHost, options: RequestOptions): Promise<Repository | undefined> {
    const cell = await provider.read(CONFIG_KEY, options);
    if (cell === undefined || cell === 'unchanged') {
      for await (const { key } of provider.list(REF_PREFIX, options))
        throw integrity(`${provider.url}: expected a config beside ${key}, found none`);
      return undefined;
    }
    const { body, repository } = await unwrap(cell.bytes, { kind: 'config', repository: undefined, key: CONFIG_KEY });
    checkConfig(body);
    return new Repository(provider, host, repository);
  }

  /** Returns the repository of a known id. Reads nothing. */
  static at(provider: Provider, host: WriterHost, id: Uint8Array): Repository {
    return new Repository(provider, host, id);
  }

  /** Opens the repository, or creates it if there is none. */
  static async init(provider: Provider, host: WriterHost, options: RequestOptions = {}): Promise<Repository> {
    const found = await Repository.open(provider, host, options);
    if (found !== undefined) return found;
    await provider.probe?.(options);
    return await Repository.create(provider, host, options);
  }

  /**
   * Creates the repository after `open` found none. Of several concurrent creators one wins, and
   * all open its repository.
   */
  static async create(provider: Provider, host: WriterHost, options: RequestOptions = {}): Promise<Repository> {
    const id = host.random(NAME_BYTES);
    const config = await wrap({ kind: 'config', repository: id, key: CONFIG_KEY }, encodeConfig(), 'off');
    const isMine = (await provider.swap(CONFIG_KEY, config, null, options)) !== undefined;
    const repository = isMine ? new Repository(provider, host, id) : await Repository.open(provider, host, options);
    check(repository !== undefined, `${provider.url}: expected the config that was just written, found none`);
    await repository.#createEpoch(options);
    return repository;
  }

  /**
   * Returns the GC epoch. Creates the epoch if there is none, as after a crash between config and
   * epoch. Throws INTEGRITY if an existing epoch was lost.
   */
  async epoch(options: RequestOptions = {}): Promise<StoredEpoch> {
    const found = await this.findEpoch(options);
    if (found !== undefined) return found;
    await this.#createEpoch(options);
    return this.epoch(options);
  }

  /** Returns the GC epoch like `epoch`, or undefined if there is none. */
  async findEpoch(options: RequestOptions = {}): Promise<StoredEpoch | undefined> {
    const found = await this.readEpoch(options);
    if (found === undefined) await this.#refuseLostEpoch(options);
    return found;
  }

  /** Returns the stored epoch. Returns undefined for an epoch that was lost or not created yet. */
  readEpoch(options: RequestOptions = {}): Promise<StoredEpoch | undefined> {
    return readingKey(EPOCH_KEY, async () => {
      const cell = await this.provider.read(EPOCH_KEY, options);
      if (cell === undefined || cell === 'unchanged') return undefined;
      const { body } = await unwrap(cell.bytes, { kind: 'epoch', repository: this.id, key: EPOCH_KEY });
      return { ...decodeEpoch(body), version: cell.version };
    });
  }

  /**
   * Swaps the epoch to the next number with the names that a collection condemns. Returns undefined
   * if another process changed the epoch first.
   */
  async nextEpoch(from: StoredEpoch, condemned: readonly Condemned[], options: RequestOptions = {}): Promise<StoredEpoch | undefined> {
    const epoch = { k: from.k + 1, condemned };
    const version = await this.provider.swap(EPOCH_KEY, await this.#sealEpoch(epoch, 'auto'), from.version, options);
    return version === undefined ? undefined : { ...epoch, version };
  }

  /** Reads and validates the manifest that an entry names. */
  async readManifest(entry: Pick<HistoryEntry, 'id' | 'manifest'>, options: RequestOptions = {}): Promise<Manifest> {
    const key = objectKey('manifests', entry.manifest);
    return this.openManifest(entry, await readingKey(key, () => this.provider.get(key, options)));
  }

  /**
   * Validates the bytes of the manifest that an entry names. Throws INTEGRITY for any other bytes.
   */
  async openManifest(entry: Pick<HistoryEntry, 'id' | 'manifest'>, bytes: Uint8Array): Promise<Manifest> {
    const key = objectKey('manifests', entry.manifest);
    return readingKey(key, async () => {
      const { body } = await unwrap(bytes, { kind: 'manifest', repository: this.id, key });
      const manifest = decodeManifest(body);
      check(manifest.id === entry.id, `${key}: expected the manifest of commit ${entry.id}, found that of ${manifest.id}`);
      return manifest;
    });
  }

  /** Returns a manifest in the form in which it is stored under its name. */
  async sealManifest(name: ObjectName, { commit, tree, prepared, blobs }: ManifestContent, compression: Compression): Promise<Uint8Array> {
    const identity = { kind: 'manifest', repository: this.id, key: objectKey('manifests', name) } as const;
    return wrap(identity, encodeManifest(commit, tree, blobs, prepared), compression);
  }

  /** Stores a manifest. Resolves to its stored bytes when the manifest is durable. */
  async writeManifest(
    name: ObjectName,
    content: ManifestContent,
    compression: Compression,
    options: RequestOptions = {},
  ): Promise<Uint8Array> {
    const bytes = await this.sealManifest(name, content, compression);
    await this.provider.put(objectKey('manifests', name), bytes, options);
    return bytes;
  }

  /** The repository's id in hex, for people. */
  get name(): string {
    return toHex(this.id);
  }

  /**
   * Throws INTEGRITY if the epoch was lost: a new count would start below the epochs of existing
   * names.
   */
  async #refuseLostEpoch(options: RequestOptions): Promise<void> {
    for await (const session of this.refs.list(options)) {
      const epoch = (await this.refs.read(session, options))?.ref.epoch ?? 0;
      if (epoch === 0) continue;
      throw integrity(
        `${EPOCH_KEY}: expected the epoch ${epoch} that session ${session} was written under, or a later one, found none`,
        undefined,
        {
          key: EPOCH_KEY,
          session,
        },
      );
    }
  }

  async #createEpoch(options: RequestOptions): Promise<void> {
    await this.provider.swap(EPOCH_KEY, await this.#sealEpoch({ k: 1, condemned: [] }, 'off'), null, options);
  }

  #sealEpoch(epoch: Epoch, compression: Compression): Promise<Uint8Array> {
    return wrap({ kind: 'epoch', repository: this.id, key: EPOCH_KEY }, encodeEpoch(epoch), compression);
  }
}

/**
 * Returns the error for a provider without a repository. The provider's address may be mistyped.
 */
export function noStore({ url }: Pick<Provider, 'url'>, hint: string): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', `there is no store at ${url}`, { hint, details: { url } });
}

/** The hint for a command that reads a store and cannot create one. */
export const CHECK_ADDRESS = 'Check the address. `browserstate init` and the first snapshot create a store there.';
