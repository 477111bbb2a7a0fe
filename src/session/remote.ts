/**
 * The remote: the repository that several machines share, as this machine sees it. It is known by the ref that was asked for: no config is read
 * before a session's ref, and none at all where the ref tells what is needed (SPEC.md 11.5).
 */
import { join } from 'node:path';
import { equalBytes } from '../bytes.js';
import type { Host } from '../host.js';
import { unwrap } from '../pack/envelope.js';
import { nameText } from '../pack/locator.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { BlobIndex } from '../repository/blob-index.js';
import { refKey } from '../repository/layout.js';
import type { Manifest } from '../repository/manifest.js';
import { MAX_INLINE_HEAD, type Ref, type Row } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import { Repository } from '../repository/repository.js';
import { RemoteNotes } from './remote-notes.js';
import { type Found, legacySession, noSession, readManifestBytes, type Site } from './site.js';

/** A session's ref on the remote, also an empty or deleted one. */
export interface Seen {
  repository: Repository;
  token: Token;
}

export interface RemoteOptions {
  provider: Provider;
  host: Host;
  /** Where notes about it are kept. */
  records: string;
  /** Tells whether the remote has a session of the older package's layout under that name. */
  hasLegacy?: ((session: string, options: RequestOptions) => Promise<boolean>) | undefined;
  /** Called before the remote's repository is created: throws where the provider does not honour conditions. */
  probe?: ((options: RequestOptions) => Promise<void>) | undefined;
}

export class Remote implements Site {
  readonly provider: Provider;
  readonly host: Host;
  /** What this machine knows of the blobs there. */
  readonly index: BlobIndex;
  readonly #notes: RemoteNotes;
  readonly #options: RemoteOptions;
  #repository: Repository | undefined;

  constructor(options: RemoteOptions) {
    this.#options = options;
    this.provider = options.provider;
    this.host = options.host;
    this.#notes = new RemoteNotes(options.records, options.provider.url, options.host);
    this.index = new BlobIndex(join(this.#notes.folder, 'index'), { rebuild: false });
  }

  /** The repository; undefined where none was made yet. It is asked for only if nothing is remembered. */
  async open(options: RequestOptions = {}): Promise<Repository | undefined> {
    if (this.#repository !== undefined) return this.#repository;
    const id = await this.#notes.repository();
    const found = id ? Repository.at(this.provider, this.host, id) : await Repository.open(this.provider, this.host, options);
    return found && (await this.#is(found));
  }

  /** The repository, made if there is none, after a probe of the provider. */
  async init(options: RequestOptions = {}): Promise<Repository> {
    const found = await this.open(options);
    if (found !== undefined) return found;
    await this.#options.probe?.(options);
    return await this.#is(await Repository.init(this.provider, this.host, options));
  }

  /** The session's ref as it is now; undefined where there is none. Costs one request, without a body if nothing changed. */
  async read(session: string, options: RequestOptions = {}): Promise<Seen | undefined> {
    const note = await this.#notes.session(session);
    const cell = await this.provider.read(refKey(session), { ...options, ...(note && { unless: note.version }) });
    if (cell === undefined) {
      await this.#notes.forgetSession(session);
      return undefined;
    }
    if (cell === 'unchanged') return note && this.#recalled(session, note.repository, note);
    const { repository: id } = await unwrap(cell.bytes, { kind: 'ref', repository: undefined, key: refKey(session) });
    const repository = await this.#is(Repository.at(this.provider, this.host, id));
    const token = await repository.refs.open(session, cell);
    await this.noteRef(repository, token);
    return { repository, token };
  }

  /** The session's ref as it was last seen, without asking. */
  async remembered(session: string): Promise<Seen | undefined> {
    const note = await this.#notes.session(session);
    return note && this.#recalled(session, note.repository, note);
  }

  async recall(session: string): Promise<Found | undefined> {
    const seen = await this.remembered(session);
    const head = seen?.token.ref.rows[0];
    return seen && head && { ...seen, head };
  }

  async requireSession(session: string, options: RequestOptions = {}): Promise<Found> {
    const seen = await this.read(session, options);
    const head = seen?.token.ref.rows[0];
    if (seen !== undefined && head !== undefined) return { ...seen, head };
    await this.refuseLegacy(session, options);
    throw noSession(session);
  }

  async refuseLegacy(session: string, options: RequestOptions = {}): Promise<void> {
    if (await this.#options.hasLegacy?.(session, options)) throw legacySession(session);
  }

  async readManifest(repository: Repository, token: Token, row: Row, options: RequestOptions = {}): Promise<Manifest> {
    if (row.id !== token.ref.rows[0]?.id) return repository.openManifest(row, await readManifestBytes(repository, token, row, options));
    if (token.ref.head.length > 0) return repository.openManifest(row, token.ref.head);
    const noted = await this.#notedManifest(token);
    const bytes = noted ?? (await readManifestBytes(repository, token, row, options));
    const manifest = await repository.openManifest(row, bytes);
    if (noted === undefined) await this.noteRef(repository, token, bytes);
    return manifest;
  }

  inlineHead(manifest: Uint8Array): Uint8Array {
    return manifest.length <= MAX_INLINE_HEAD ? manifest : new Uint8Array(0);
  }

  async noteRef(repository: Repository, token: Token, manifest?: Uint8Array): Promise<void> {
    const { version, ref, session } = token;
    const kept = ref.head.length > 0 ? undefined : (manifest ?? (await this.#notedManifest(token)));
    await this.#notes.setSession(session, { repository: repository.id, version, ref, manifest: kept ?? new Uint8Array(0) });
  }

  /** The manifest of the token's head, if this machine has noted it. */
  async #notedManifest({ session, ref }: Token): Promise<Uint8Array | undefined> {
    const note = await this.#notes.session(session);
    const isSame = note !== undefined && note.manifest.length > 0 && nameOfHead(note.ref) === nameOfHead(ref);
    return isSame ? note.manifest : undefined;
  }

  async #recalled(session: string, id: Uint8Array, { version, ref }: Pick<Token, 'version' | 'ref'>): Promise<Seen> {
    const repository = await this.#is(Repository.at(this.provider, this.host, id));
    return { repository, token: { session, ref, version } };
  }

  async #is(found: Repository): Promise<Repository> {
    if (this.#repository !== undefined && equalBytes(this.#repository.id, found.id)) return this.#repository;
    await this.#notes.setRepository(found.id);
    this.#repository = found;
    return found;
  }
}

function nameOfHead({ rows }: Ref): string | undefined {
  return rows[0] && nameText(rows[0].manifest);
}
