/**
 * The verification of a whole repository. It covers every cell, segment and manifest that a reader
 * would use, every pack that a manifest names, and on request every byte. Damage is a finding,
 * never an exception, so that one damaged object does not hide another. Time and memory are linear
 * in the size of the repository: a manifest or a blob that many sessions need is checked once.
 */
import { equalBytes } from '../../base/bytes.js';
import { ignore, isError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { MAX_PACK_SIZE } from '../../base/limits.js';
import { type envelopeKinds, openEnvelope } from '../../format/envelope.js';
import { CONFIG_KEY, EPOCH_KEY, nameOfKey, type ObjectFolder, objectFolders, objectKey, refKey } from '../../format/keys.js';
import type { ObjectName } from '../../format/locator.js';
import { checkUnique, type HistoryEntry, type Ref } from '../../format/ref.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import { CHECK_ADDRESS, noStore, Repository } from '../repository.js';
import { type Finding, Findings } from './findings.js';
import { type Checked, ManifestCheck } from './verify-manifest.js';

export interface CheckOptions extends RequestOptions {
  /**
   * Reads and verifies every byte of every object, not only the objects that name other objects.
   */
  readData?: boolean | undefined;
  /** Called after each object, with the number of objects done and the number known so far. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface CheckResult {
  findings: Finding[];
  /** Checked sessions and commits, objects in the provider, and bytes read. */
  sessions: number;
  commits: number;
  objects: Record<ObjectFolder, number>;
  /** Objects that no session needs. Interrupted commits and deleted sessions leave such objects. */
  unreferenced: number;
  bytesRead: number;
}

/**
 * Checks the repository in `provider` and changes nothing. Throws NOT_FOUND if there is no
 * repository, and provider errors other than damage.
 */
export async function checkRepository(provider: Provider, host: Host, options: CheckOptions = {}): Promise<CheckResult> {
  for (let attempt = 1; ; attempt++) {
    const check = new Check(provider, options);
    await check.run(host);
    // Objects that a collection has deleted meanwhile look like damage.
    if (check.result.findings.length === 0 || !check.isCollected || attempt === MAX_ATTEMPTS) return check.result;
  }
}

/** Checks of a repository in which collections run. The findings of the last one count. */
const MAX_ATTEMPTS = 3;

const folders: readonly string[] = [...objectFolders, 'refs', 'gc'];

class Check {
  readonly #findings = new Findings();
  readonly result: CheckResult = {
    findings: this.#findings.list,
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
  /** Sessions by the key of an object that they need. */
  readonly #needed = new Map<string, Set<string>>();
  readonly #single = new Map<string, Set<string>>();
  /** Needed keys without an object. */
  readonly #absent = new Set<string>();
  readonly #manifests = new Map<string, Checked>();
  /** The GC epochs of the sessions' refs. */
  readonly #epochs = new Map<string, number>();
  #done = 0;
  /** True if a collection was under way, or ran since the check began. */
  isCollected = false;

  constructor(provider: Provider, options: CheckOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  async run(host: Host): Promise<void> {
    const { value: repository } = await this.#findings.attempt(CONFIG_KEY, () => Repository.open(this.#provider, host, this.#options));
    if (repository === undefined) {
      if (this.#findings.list.length > 0) return;
      await this.#listObjects();
      if (this.#present.size === 0) throw noStore(this.#provider, CHECK_ADDRESS);
      this.#findings.add('MISSING', CONFIG_KEY, `it is missing, but ${this.#present.size} objects exist`);
      return;
    }
    const before = await repository.readEpoch(this.#options).catch(ignore());
    await this.#checkProvider();
    await this.#listObjects();
    const manifests = new ManifestCheck(repository, this.#findings, this.#present, this.#options);
    let refs = 0;
    await this.#findings.attempt('refs', async () => {
      for await (const session of repository.refs.list(this.#options)) {
        refs++;
        await this.#findings.attempt(refKey(session), () => this.#checkSession(repository, manifests, session), [session]);
      }
    });
    this.result.bytesRead += manifests.bytesRead;
    // A ref is created before the first object is put, and is never deleted.
    if (refs === 0 && this.#present.size > 0)
      this.#findings.add('MISSING', 'refs', `no session is left, but ${this.#present.size} objects exist`);
    // Epochs only rise, and a ref's epoch follows that of the repository. So the repository's epoch
    // is read last.
    await this.#findings.attempt(EPOCH_KEY, () => this.#checkEpoch(repository));
    for (const [key, sessions] of this.#needed)
      if (!(await this.#exists(key))) this.#findings.add('MISSING', key, 'it is missing', sessions);
    for (const [key] of this.#present) await this.#checkObject(repository, key);
    const after = await repository.readEpoch(this.#options).catch(ignore());
    this.isCollected = after?.version !== before?.version || (after?.condemned.length ?? 0) > 0;
  }

  /** Checks the provider's own framing of objects and cells. */
  async #checkProvider(): Promise<void> {
    if (this.#provider.check === undefined) return;
    for await (const { key, message } of this.#provider.check(this.#options)) this.#findings.add('DAMAGED', key, message);
  }

  async #listObjects(): Promise<void> {
    for await (const { key, size } of this.#provider.list('', this.#options)) {
      // An entry instead of a folder makes all objects of that folder look absent.
      if (folders.includes(key) && size !== undefined) this.#findings.add('STRAY', key, 'it is an object in the place of a folder');
      const folder = objectFolders.find((each) => key.startsWith(`${each}/`));
      if (folder === undefined) continue;
      this.#present.set(key, size ?? 0);
      this.result.objects[folder]++;
      if (nameOfKey(folder, key) === undefined) this.#findings.add('STRAY', key, 'its name is not that of an object');
      else if (folder === 'packs' && (size ?? 0) > MAX_PACK_SIZE)
        this.#findings.add('DAMAGED', key, `it has ${size} bytes, more than the ${MAX_PACK_SIZE} that a pack may have`);
    }
  }

  /**
   * Returns true if there is such an object. The object may come from a commit that put it since
   * the objects were listed.
   */
  async #exists(key: string): Promise<boolean> {
    if (this.#present.has(key)) return true;
    if (this.#absent.has(key)) return false;
    try {
      await this.#provider.get(key, { ...this.#options, range: { start: 0, end: 1 } });
      return true;
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'INTEGRITY')) throw error;
      // Something else instead of an object is not an absence. Reads of the object report it.
      if (isError(error, 'INTEGRITY')) return true;
      this.#absent.add(key);
      return false;
    }
  }

  async #checkSession(repository: Repository, manifests: ManifestCheck, session: string): Promise<void> {
    const ref = (await repository.refs.read(session, this.#options))?.ref;
    if (ref === undefined) return;
    this.#epochs.set(session, ref.epoch);
    if (ref.entries.length === 0) return;
    this.result.sessions++;
    const seen = new Set<string>();
    let isWhole = true;
    for await (const entries of this.#parts(repository, ref, session)) {
      isWhole &&= entries !== undefined;
      for (const entry of entries ?? []) {
        this.#checkOrder(entry, seen, session);
        // Readers stop at the same error.
        checkUnique([entry], seen, refKey(session));
        await this.#checkEntry(manifests, ref, entry, session);
      }
    }
    if (isWhole) {
      for (const [tag, id] of ref.tags)
        if (!seen.has(id))
          this.#findings.add('DAMAGED', refKey(session), `the tag ${tag} names ${id}, which is not one of its commits`, [session]);
    }
    await this.#checkHead(repository, ref, session);
  }

  /**
   * Yields the entries of the ref, then the entries of each segment. Yields undefined for a segment
   * that cannot be read.
   */
  async *#parts(repository: Repository, ref: Ref, session: string): AsyncGenerator<readonly HistoryEntry[] | undefined> {
    yield ref.entries;
    for (const segment of ref.segments) {
      const key = this.#need('segments', segment.name, session);
      this.#checkBirth(segment.name, key, ref, session);
      const read = () => repository.refs.segment(segment, this.#options);
      yield (await this.#exists(key)) ? (await this.#findings.attempt(key, read, [session])).value : undefined;
    }
  }

  /**
   * Checks that entries are newest first (R-REF-6): histories are compared from their newest common
   * entry.
   */
  #checkOrder({ id, commit }: HistoryEntry, newer: ReadonlySet<string>, session: string): void {
    const parent = commit.parents.find((each) => newer.has(each));
    if (parent !== undefined)
      this.#findings.add('DAMAGED', refKey(session), `the entry of ${id} comes after that of its parent ${parent}`, [session]);
  }

  /** Checks that no name that a ref reaches was born after the ref's epoch (R-EPOCH). */
  #checkBirth({ epoch }: Pick<ObjectName, 'epoch'>, key: string, ref: Ref, session: string): void {
    if (epoch > ref.epoch)
      this.#findings.add('DAMAGED', refKey(session), `its epoch is ${ref.epoch}, and it reaches ${key}, born in epoch ${epoch}`, [session]);
  }

  async #checkEntry(manifests: ManifestCheck, ref: Ref, entry: HistoryEntry, session: string): Promise<void> {
    this.result.commits++;
    const key = this.#need('manifests', entry.manifest, session);
    this.#checkBirth(entry.manifest, key, ref, session);
    if (!(await this.#exists(key))) return;
    const known = this.#manifests.get(key);
    const checked = known?.id === entry.id ? known : await manifests.check(entry, session);
    this.#manifests.set(key, checked);
    for (const name of checked.packs) this.#checkBirth(name, this.#need('packs', name, session), ref, session);
    for (const finding of checked.findings) this.#findings.addSessions(finding, [session]);
  }

  /**
   * Checks the head. Readers use the first entry's manifest from the ref, if it is stored there
   * (R-REF-5).
   */
  async #checkHead(repository: Repository, { head, entries: [first] }: Ref, session: string): Promise<void> {
    if (first === undefined || head.length === 0) return;
    const key = objectKey('manifests', first.manifest);
    const opened = await this.#findings.attempt(refKey(session), () => repository.openManifest(first, head), [session]);
    if (opened.damage !== undefined || !(await this.#exists(key))) return;
    if (!equalBytes(head, await this.#provider.get(key, this.#options)))
      this.#findings.add('DAMAGED', refKey(session), `its head is another manifest than ${key}`, [session]);
  }

  /** Checks the epoch by R-EPOCH. */
  async #checkEpoch(repository: Repository): Promise<void> {
    const epoch = await repository.readEpoch(this.#options);
    for (const [session, pinned] of this.#epochs) {
      if (pinned <= (epoch?.k ?? 0)) continue;
      if (epoch === undefined)
        this.#findings.add('MISSING', EPOCH_KEY, 'it is missing, but sessions were written under an epoch', [session]);
      else this.#findings.add('DAMAGED', EPOCH_KEY, `it is ${epoch.k}, but sessions were written under a later one`, [session]);
    }
  }

  /**
   * Verifies an object's envelope. Without `readData`, verifies only objects that no entry reaches.
   */
  async #checkObject(repository: Repository, key: string): Promise<void> {
    const needed = this.#needed.get(key);
    if (needed === undefined) this.result.unreferenced++;
    const folder = objectFolders.find((each) => key.startsWith(`${each}/`)) as ObjectFolder;
    if (this.#options.readData || (needed === undefined && folder !== 'packs')) {
      const kind = ({ packs: 'pack', manifests: 'manifest', segments: 'segment' } as const)[folder] satisfies keyof typeof envelopeKinds;
      await this.#findings.attempt(
        key,
        async () => {
          const bytes = await this.#provider.get(key, this.#options);
          this.result.bytesRead += bytes.length;
          openEnvelope(bytes, { kind, repository: repository.id, key });
        },
        needed,
      );
    }
    this.#options.onProgress?.(++this.#done, this.#present.size);
  }

  #need(folder: ObjectFolder, name: ObjectName, session: string): string {
    const key = objectKey(folder, name);
    const sessions = this.#needed.get(key);
    if (sessions === undefined) this.#needed.set(key, this.#alone(session));
    // Most keys are needed by one session alone. Such keys share one set.
    else if (sessions.size > 1) sessions.add(session);
    else if (!sessions.has(session)) this.#needed.set(key, new Set([...sessions, session]));
    return key;
  }

  #alone(session: string): Set<string> {
    const known = this.#single.get(session) ?? new Set([session]);
    this.#single.set(session, known);
    return known;
  }
}
