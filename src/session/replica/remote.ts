/**
 * The remote: the repository that several machines share, as this machine sees it. It is known by
 * the ref that was asked for: no config is read before a session's ref, and none at all where the
 * ref tells what is needed (SPEC.md 11.5).
 */
import { join } from 'node:path';
import { equalBytes } from '../../base/bytes.js';
import { BrowserStateError, isError, readingKey } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { PRESENCE_MS, PRESENCE_PUSHES } from '../../base/limits.js';
import { openEnvelope, unwrap } from '../../format/envelope.js';
import { CONFIG_KEY, refKey } from '../../format/keys.js';
import { nameText } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import { MAX_INLINE_HEAD, type Row } from '../../format/ref.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import { probeProvider } from '../../provider/wrap/probe.js';
import { BlobIndex } from '../../repository/blob-index.js';
import type { RefChange, Token } from '../../repository/refs.js';
import { noStore, Repository } from '../../repository/repository.js';
import { SessionRef, type StoredManifest } from '../session-ref.js';
import type { LegacyPlace } from './legacy-place.js';
import { lostPacks } from './lost.js';
import { RemoteNotes } from './remote-cache.js';
import { Replica } from './replica.js';

/** How bytes come from a remote: ranges that are fetched at once, and the most bytes of one. */
export interface Transfer {
  concurrency: number;
  maxSpan: number;
}

export interface RemoteOptions {
  provider: Provider;
  host: Host;
  onWarning?: ((message: string) => void) | undefined;
  /** Where notes about it are kept. */
  records: string;
  /** The sessions of v0 in the same place. */
  legacy: LegacyPlace;
  transfer: Transfer;
  /**
   * When packs that a change names are looked for; now and then in a bucket, and always in a
   * folder, unless given.
   */
  presence?: 'always' | 'sampled' | undefined;
}

export class RemoteReplica extends Replica {
  readonly provider: Provider;
  readonly host: Host;
  readonly transfer: Transfer;
  readonly legacy: LegacyPlace;
  readonly index: BlobIndex;
  readonly #notes: RemoteNotes;
  /**
   * Whether the provider itself refuses to work in the place of a repository that was seen there
   * before.
   */
  readonly #isGuarded: boolean;
  readonly #presence: 'always' | 'sampled';
  #repository: Repository | undefined;
  override isConfirmed = false;
  /** Whether this made the repository that is there. */
  isNew = false;

  constructor(options: RemoteOptions) {
    super();
    const { provider } = options;
    const isExpected = (config: Uint8Array | 'damaged' | undefined) => this.#isExpected(config);
    this.#isGuarded = provider.expecting !== undefined;
    this.provider = provider.expecting?.({ key: CONFIG_KEY, isExpected }) ?? provider;
    this.#presence = options.presence ?? (this.#isGuarded ? 'always' : 'sampled');
    this.host = options.host;
    this.transfer = options.transfer;
    this.legacy = options.legacy;
    this.#notes = new RemoteNotes(options.records, options.provider.url, options.host);
    this.index = new BlobIndex(join(this.#notes.folder, 'index'), { rebuild: false, onWarning: options.onWarning });
  }

  /**
   * The repository; undefined where none was made yet. It is asked for only if nothing is
   * remembered.
   */
  async open(options: RequestOptions = {}): Promise<Repository | undefined> {
    if (this.#repository !== undefined) return this.#repository;
    const id = await this.#notes.repository();
    if (id !== undefined) return this.#is(Repository.at(this.provider, this.host, id));
    const found = await Repository.open(this.provider, this.host, options);
    this.isConfirmed = found !== undefined;
    return found && (await this.#is(found));
  }

  /** The repository, made if there is none, after a probe of the provider. */
  async init(options: RequestOptions = {}): Promise<Repository> {
    return (await this.open(options)) ?? (await this.#make(options));
  }

  async #make(options: RequestOptions): Promise<Repository> {
    await probeProvider(this.provider, this.host, options);
    const made = await this.#is(await Repository.create(this.provider, this.host, options));
    this.isConfirmed = true;
    this.isNew = true;
    return made;
  }

  /**
   * Creates a ref. A repository that is only remembered is read first: another may have been made
   * in its place, and a ref of the old one would be none of its.
   */
  override async create(id: string, options: RequestOptions = {}, change: Pick<RefChange, 'lease'> = {}): Promise<SessionRef | undefined> {
    const known = this.isConfirmed ? this.#repository : await this.confirm(options);
    return this.createIn(known ?? (await this.#make(options)), id, options, change);
  }

  /**
   * Reads a ref. Costs one request, without a body if nothing changed. Throws INTEGRITY for an
   * older ref than one that this machine has seen.
   */
  async read(session: string, options: RequestOptions = {}): Promise<SessionRef> {
    const note = await this.#notes.session(session);
    const key = refKey(session);
    const cell = await readingKey(key, () => this.provider.read(key, { ...options, ...(note && { unless: note.version }) }));
    if (cell === undefined) {
      // Cells are never deleted: if one was seen, the repository is another.
      if (note !== undefined && !this.#isGuarded) await this.#forget();
      return this.absent(session);
    }
    if (cell === 'unchanged') {
      this.isConfirmed = true;
      return note ? this.#recalled(session, note.repository, note) : this.absent(session);
    }
    const { repository: id } = await readingKey(key, () => unwrap(cell.bytes, { kind: 'ref', repository: undefined, key }));
    const found = this.#at(id);
    const token = await found.refs.open(session, cell);
    if (note !== undefined && equalBytes(note.repository, id)) refuseOlder(token, note.ref.sequence, this.#notes.folder);
    const seen = new SessionRef(this, session, await this.#is(found), token);
    await this.noteRef(seen);
    return seen;
  }

  /** A session of which the remote has no ref. */
  absent(id: string): SessionRef {
    return new SessionRef(this, id, undefined);
  }

  /**
   * Reads the ref of a session that is likely to be new. What its creation must know, which
   * repository this is and whether v0 has the session, is requested in the same round trip. Throws
   * LEGACY_SESSION if the session is new here and v0 has it.
   */
  async readPerhapsNew(session: string, options: RequestOptions = {}): Promise<SessionRef> {
    // A failure is met again, and reported, when the session is created.
    const confirmed = this.isConfirmed ? undefined : this.confirm(options).catch(() => undefined);
    // Counts only if the session is new.
    const rejected = this.rejectLegacy(session, options);
    rejected.catch(() => undefined);
    const [seen] = await Promise.all([this.read(session, options), confirmed]);
    if (!seen.exists && !seen.wasDeleted) await rejected;
    return seen;
  }

  /** Throws INTEGRITY for an older ref than one that this machine has seen there. */
  async refuseReplayed(token: Token): Promise<void> {
    const note = await this.#notes.session(token.session);
    if (note !== undefined) refuseOlder(token, note.ref.sequence, this.#notes.folder);
  }

  override async recall(id: string): Promise<SessionRef | undefined> {
    const note = await this.#notes.session(id);
    return note && this.#recalled(id, note.repository, note);
  }

  /**
   * Returns the manifest of an entry as it is stored: from the ref, from a note, or from the
   * remote.
   */
  override async manifestBytes(from: SessionRef, entry: Row, options: RequestOptions = {}): Promise<Uint8Array> {
    const noted = (await this.#notes.session(from.id))?.manifest;
    return noted?.name === nameText(entry.manifest) ? noted.bytes : super.manifestBytes(from, entry, options);
  }

  /**
   * The manifest of the newest version of the session whose content this machine has, as the remote
   * has it.
   */
  async notedManifest({ id, repository }: SessionRef): Promise<Manifest | undefined> {
    const note = await this.#notes.session(id);
    const row = note?.ref.rows.find(({ manifest }) => nameText(manifest) === note.manifest.name);
    return note && row && repository.openManifest(row, note.manifest.bytes);
  }

  /** The newest head that this machine saw there, also where the session was deleted since. */
  async lastHead(session: string): Promise<ObjectId | undefined> {
    return (await this.#notes.session(session))?.head;
  }

  override inlineHead(manifest: Uint8Array): Uint8Array {
    return manifest.length <= MAX_INLINE_HEAD ? manifest : new Uint8Array(0);
  }

  override async noteRef({ id, ref, version, repository }: SessionRef, stored?: StoredManifest): Promise<void> {
    this.isConfirmed = true;
    if (version === undefined) return;
    const before = await this.#notes.session(id);
    const kept = before?.manifest ?? { name: '', bytes: new Uint8Array(0) };
    const manifest = stored ? { name: nameText(stored.row.manifest), bytes: stored.bytes } : kept;
    const head = ref.rows[0]?.id ?? before?.head;
    await this.#notes.setSession(id, { repository: repository.id, version, ref, head, manifest });
  }

  async #recalled(session: string, id: Uint8Array, token: Pick<Token, 'version' | 'ref'>): Promise<SessionRef> {
    return new SessionRef(this, session, await this.#is(this.#at(id)), token);
  }

  /**
   * Asks which repository is there; undefined where there is none. What is remembered of another
   * one is forgotten.
   */
  async confirm(options: RequestOptions): Promise<Repository | undefined> {
    const found = await Repository.open(this.provider, this.host, options);
    if (found === undefined) {
      await this.#forget();
      return undefined;
    }
    this.isConfirmed = true;
    return this.#is(found);
  }

  /**
   * Tells whether a folder is that of the repository that was seen in this place; false if none
   * was. Throws UNREACHABLE for any other: its disk is not mounted, or another one is, and a
   * repository that was made there would be lost with the next mount.
   */
  async #isExpected(config: Uint8Array | 'damaged' | undefined): Promise<boolean> {
    const seen = this.#repository?.id ?? (await this.#notes.repository());
    if (seen === undefined) return false;
    if (config !== undefined) {
      const found = config === 'damaged' ? undefined : repositoryOf(config);
      // A damaged config is reported by those that read it.
      if (found === undefined || equalBytes(found, seen)) return true;
    }
    const problem = config === undefined ? 'the folder of the remote is not there; is its disk mounted?' : OTHER_FOLDER;
    throw new BrowserStateError('UNREACHABLE', `${this.provider.url}: ${problem}`, {
      hint: `Mount its disk and repeat the command. If the folder was emptied or replaced on purpose, remove ${this.#notes.folder} first.`,
    });
  }

  /**
   * Tells whether a change is to look for the packs there that it names: always in a folder, in a
   * bucket once in PRESENCE_PUSHES changes or a day, and at once after damage was found there
   * (SPEC.md 11.5).
   */
  override async isLookDue(): Promise<boolean> {
    if (this.#presence === 'always') return true;
    const now = this.host.now();
    const { pushes, lookedAt } = (await this.#notes.presence()) ?? { pushes: 0, lookedAt: now };
    const isDue = pushes + 1 >= PRESENCE_PUSHES || now - lookedAt >= PRESENCE_MS;
    await this.#notes.setPresence(isDue ? { pushes: 0, lookedAt: now } : { pushes: pushes + 1, lookedAt });
    return isDue;
  }

  /** Has the next change look for packs: damage was found there. */
  async lookSoon(): Promise<void> {
    if (this.#presence === 'sampled') await this.#notes.setPresence({ pushes: PRESENCE_PUSHES, lookedAt: 0 });
  }

  /** Rethrows an error; after one about damage the next change looks for packs. */
  readonly suspect = async (error: unknown): Promise<never> => {
    if (isError(error, 'INTEGRITY')) await this.lookSoon();
    throw error;
  };

  protected loss(lost: ReadonlySet<string>, id: string): BrowserStateError {
    return lostPacks(this.provider.url, lost, id);
  }

  /**
   * Throws NOT_FOUND with the address if there is no repository: one that nobody has pushed to, or
   * whose address is mistyped.
   */
  async requireStore(options: RequestOptions): Promise<Repository> {
    const found = (this.isConfirmed ? this.#repository : undefined) ?? (await this.confirm(options));
    if (found !== undefined) return found;
    throw noStore(
      this.provider,
      'Check the address of the remote. The first push creates a store there, and so does `browserstate init`; --offline uses what is on this machine.',
    );
  }

  /** From here on nothing is known of the remote but what it tells. */
  async #forget(): Promise<void> {
    this.#repository = undefined;
    this.isConfirmed = false;
    await this.#notes.forgetRepository();
  }

  /**
   * The repository of that id: the one that is open, which remembers what it read, unless another
   * is there now.
   */
  #at(id: Uint8Array): Repository {
    const known = this.#repository;
    return known !== undefined && equalBytes(known.id, id) ? known : Repository.at(this.provider, this.host, id);
  }

  async #is(found: Repository): Promise<Repository> {
    if (this.#repository !== undefined && equalBytes(this.#repository.id, found.id)) return this.#repository;
    await this.#notes.setRepository(found.id);
    this.#repository = found;
    return found;
  }
}

/** The id in a config; undefined for bytes that are none. */
function repositoryOf(config: Uint8Array): Uint8Array | undefined {
  try {
    return openEnvelope(config, { kind: 'config', repository: undefined, key: CONFIG_KEY }).repository;
  } catch (error) {
    if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
    return undefined;
  }
}

const OTHER_FOLDER = 'the folder of the remote holds another repository than the one that was seen there; is the right disk mounted?';

/** Refs only advance (SPEC.md R-WRITE-5). */
function refuseOlder({ session, ref }: Token, seen: number, notes: string): void {
  if (ref.sequence >= seen) return;
  throw new BrowserStateError(
    'INTEGRITY',
    `refs/${session}: expected change ${seen}, which was seen there, or a later one, found ${ref.sequence}`,
    {
      details: { session, key: refKey(session) },
      hint: `Somebody put an older state of the session in its place. If that was meant, such as to restore a backup, remove ${notes} and repeat the command.`,
    },
  );
}
