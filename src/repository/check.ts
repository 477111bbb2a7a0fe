/**
 * Verification of a whole repository, as a list of named steps: every cell, every manifest that a row names, every pack that a manifest
 * names, and on request every byte. Damage is a finding, never an exception, so that one damaged object does not hide another.
 */
import { type BrowserStateError, isError } from '../errors.js';
import type { Host } from '../host.js';
import { type envelopeKinds, openEnvelope } from '../pack/envelope.js';
import { framesOf, type Location, nameText, type ObjectName } from '../pack/locator.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { BlobReader } from './blob-reader.js';
import { CONFIG_KEY, EPOCH_KEY, nameOfKey, type ObjectFolder, objectFolders, objectKey, refKey } from './layout.js';
import type { Manifest } from './manifest.js';
import type { Row } from './ref.js';
import { Repository } from './repository.js';

export interface Finding {
  /** The provider key of what is damaged, missing or unknown. */
  key: string;
  message: string;
  /** Sessions that need it. */
  sessions: string[];
}

export interface CheckOptions extends RequestOptions {
  /** Read and verify every byte of every object, not only what names it. */
  readData?: boolean | undefined;
  /** Told after each object, with the number done and the number known so far. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface CheckResult {
  findings: Finding[];
  /** Sessions and commits that were looked at, objects in the provider, and bytes that were read. */
  sessions: number;
  commits: number;
  objects: Record<ObjectFolder, number>;
  /** Objects that no session needs: left by commits that did not finish, or by deleted sessions. */
  unreferenced: number;
  bytesRead: number;
}

/** Checks the repository in `provider` and changes nothing. Throws only what the provider throws for reasons other than damage. */
export async function checkRepository(provider: Provider, host: Host, options: CheckOptions = {}): Promise<CheckResult> {
  const check = new Check(provider, options);
  await check.run(host);
  return check.result;
}

const folders: readonly string[] = [...objectFolders, 'refs', 'gc'];

class Check {
  readonly result: CheckResult = {
    findings: [],
    sessions: 0,
    commits: 0,
    objects: { packs: 0, manifests: 0, segments: 0 },
    unreferenced: 0,
    bytesRead: 0,
  };
  readonly #provider: Provider;
  readonly #options: CheckOptions;
  /** Objects in the provider by key, with their sizes. */
  readonly #present = new Map<string, number>();
  /** Sessions by the key of what they need. */
  readonly #needed = new Map<string, Set<string>>();
  /** Blobs that were verified at one place. */
  readonly #verified = new Set<string>();
  #done = 0;

  constructor(provider: Provider, options: CheckOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  async run(host: Host): Promise<void> {
    const repository = await this.#attempt(CONFIG_KEY, () => Repository.open(this.#provider, host, this.#options));
    if (repository === undefined) return;
    await this.#attempt(EPOCH_KEY, () => repository.findEpoch(this.#options));
    await this.#checkProvider();
    await this.#listObjects();
    for await (const session of repository.refs.list(this.#options)) {
      await this.#attempt(refKey(session), () => this.#checkSession(repository, session));
    }
    for (const [key, sessions] of this.#needed) if (!(await this.#exists(key))) this.#find(key, 'it is missing', [...sessions]);
    for (const [key] of this.#present) await this.#checkObject(repository, key);
  }

  /** What the provider adds to the bytes of objects and cells. */
  async #checkProvider(): Promise<void> {
    if (this.#provider.check === undefined) return;
    for await (const { key, message } of this.#provider.check(this.#options)) this.#find(key, message);
  }

  async #listObjects(): Promise<void> {
    for await (const { key, size } of this.#provider.list('', this.#options)) {
      // What should be a folder, and is none, makes all that it should hold look absent.
      if (folders.includes(key) && size !== undefined) this.#find(key, 'it is an object, where others should be below it');
      const folder = objectFolders.find((each) => key.startsWith(`${each}/`));
      if (folder === undefined) continue;
      this.#present.set(key, size ?? 0);
      this.result.objects[folder]++;
      if (nameOfKey(folder, key) === undefined) this.#find(key, 'its name is not that of an object');
    }
  }

  /** Whether there is such an object, be it one that a commit has put since they were listed. */
  async #exists(key: string): Promise<boolean> {
    if (this.#present.has(key)) return true;
    try {
      await this.#provider.get(key, { ...this.#options, range: { start: 0, end: 1 } });
      return true;
    } catch (error) {
      if (!isError(error, 'NOT_FOUND')) throw error;
      return false;
    }
  }

  async #checkSession(repository: Repository, session: string): Promise<void> {
    const token = await repository.refs.read(session, this.#options);
    if (token === undefined || token.ref.rows.length === 0) return;
    this.result.sessions++;
    for (const { name } of token.ref.segments) this.#need('segments', name, session);
    const ids = new Set<string>();
    for await (const row of repository.refs.rows(token.ref, this.#options)) {
      ids.add(row.id);
      await this.#checkRow(repository, session, row);
    }
    for (const [tag, id] of token.ref.tags)
      if (!ids.has(id)) this.#find(refKey(session), `the tag ${tag} names ${id}, which is no commit of it`, [session]);
  }

  async #checkRow(repository: Repository, session: string, row: Row): Promise<void> {
    this.result.commits++;
    const key = this.#need('manifests', row.manifest, session);
    if (!(await this.#exists(key))) return;
    const manifest = await this.#attempt(key, () => repository.readManifest(row, this.#options), [session]);
    if (manifest === undefined) return;
    for (const pack of packsOf(manifest)) this.#need('packs', pack, session);
    for (const { location } of manifest.blobs.values()) this.#checkPlace(location, session);
    if (this.#options.readData) await this.#checkBlobs(repository, manifest, session);
  }

  #checkPlace(location: Location, session: string): void {
    for (const { pack, offset, storedLength } of framesOf(location)) {
      const key = objectKey('packs', pack);
      const size = this.#present.get(key);
      if (size !== undefined && offset + storedLength > size)
        this.#find(key, `it has ${size} bytes, and a frame ends at ${offset + storedLength}`, [session]);
    }
  }

  async #checkBlobs(repository: Repository, manifest: Manifest, session: string): Promise<void> {
    const reader = new BlobReader(repository, this.#options);
    const blobs = [...manifest.blobs].filter(([id, { location }]) => this.#isNew(`${id} ${JSON.stringify(location)}`));
    reader.plan(blobs.map(([, place]) => place));
    for (const [id, place] of blobs) {
      await this.#attempt(objectKey('packs', place.location.frame.pack), () => reader.read(id, place), [session]);
    }
    this.result.bytesRead += reader.fetchedBytes;
  }

  #isNew(place: string): boolean {
    const size = this.#verified.size;
    return this.#verified.add(place).size > size;
  }

  /** Verifies an object's envelope: of all with `readData`, else of what no row led to. */
  async #checkObject(repository: Repository, key: string): Promise<void> {
    const needed = this.#needed.get(key);
    if (needed === undefined) this.result.unreferenced++;
    const folder = objectFolders.find((each) => key.startsWith(`${each}/`)) as ObjectFolder;
    if (this.#options.readData || (needed === undefined && folder !== 'packs')) {
      const kind = ({ packs: 'pack', manifests: 'manifest', segments: 'segment' } as const)[folder] satisfies keyof typeof envelopeKinds;
      await this.#attempt(key, async () => {
        const bytes = await this.#provider.get(key, this.#options);
        this.result.bytesRead += bytes.length;
        openEnvelope(bytes, { kind, repository: repository.id, key });
      }, [...(needed ?? [])]);
    }
    this.#options.onProgress?.(++this.#done, this.#present.size);
  }

  #need(folder: ObjectFolder, name: ObjectName, session: string): string {
    const key = objectKey(folder, name);
    const sessions = this.#needed.get(key) ?? new Set();
    this.#needed.set(key, sessions.add(session));
    return key;
  }

  /** Runs a step; damage that it meets becomes a finding. */
  async #attempt<T>(key: string, step: () => Promise<T>, sessions: string[] = []): Promise<T | undefined> {
    try {
      return await step();
    } catch (error) {
      if (!isError(error, 'INTEGRITY', 'NOT_FOUND', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
      this.#find(key, (error as BrowserStateError).message, sessions);
      return undefined;
    }
  }

  #find(key: string, message: string, sessions: string[] = []): void {
    const known = this.result.findings.some((finding) => finding.key === key && finding.message === message);
    if (!known) this.result.findings.push({ key, message, sessions });
  }
}

function packsOf(manifest: Manifest): ObjectName[] {
  const packs = new Map<string, ObjectName>();
  for (const { location } of manifest.blobs.values()) for (const { pack } of framesOf(location)) packs.set(nameText(pack), pack);
  return [...packs.values()];
}
