/** The two sites of a session, home and the remote: which of them tells what is asked, and how a change of the remote is repeated at home. */
import { BrowserStateError, isError } from '../errors.js';
import type { Tree } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { newName } from '../repository/layout.js';
import { newRow, type Row } from '../repository/ref.js';
import { findRow } from './history.js';
import type { Home } from './home.js';
import { relate } from './relation.js';
import { relativeWith } from './relatives.js';
import type { Remote, Seen } from './remote.js';
import { isCommitId, type Rows, resolveAmong } from './revision.js';
import { type Found, noSession, type Site, wasCollected } from './site.js';

/** Whether the remote is left alone: then what this machine has is all there is. */
export interface OfflineOptions extends RequestOptions {
  offline?: boolean | undefined;
}

export interface LogRow {
  row: Row;
  tags: ReadonlyMap<string, ObjectId>;
  pushed?: boolean | undefined;
  /** Whether HEAD names it. */
  head: boolean;
}

export class Sites {
  constructor(
    private readonly home: Home,
    private readonly remote: Remote | undefined,
    private readonly id: string,
  ) {}

  /** Repeats at home what was done on the remote; home may not have what it is about, and then it comes with the next pull. */
  async alsoAtHome(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
    }
  }

  /** Puts a commit of the remote that rolls back among home's rows, if home has its content. */
  async takeOver(commit: ObjectId, options: RequestOptions): Promise<void> {
    const seen = await (this.remote as Remote).remembered(this.id);
    const row = seen?.token.ref.rows.find(({ id }) => id === commit);
    await this.alsoAtHome(async () => {
      const { repository, token, head } = await this.home.requireSession(this.id, options);
      if (row === undefined || row.commit.parents[0] !== head.id) return;
      for await (const same of repository.refs.rows(token.ref, options)) {
        if (same.commit.tree !== row.commit.tree) continue;
        const { tree, blobs } = await this.home.readManifest(repository, token, same, options);
        const name = newName(this.home.host, token.ref.epoch);
        await repository.writeManifest(name, { commit: row.commit, tree, blobs }, 'auto', options);
        await repository.refs.swap(token, await repository.refs.addRow(token.ref, newRow(row.op, row.commit, name), options), options);
        return;
      }
    });
  }

  /** Rows that were not pushed, then the remote's; home's alone where the remote has none or is not asked. */
  async *rows(options: OfflineOptions): AsyncGenerator<LogRow> {
    const remote = options.offline ? undefined : this.remote;
    const seen = await remote?.read(this.id, options);
    const local = await this.home.read(this.id, options);
    if (seen?.token.ref.rows[0] === undefined) {
      if (remote !== undefined && local?.token.ref.rows[0] === undefined) await remote.refuseLegacy(this.id, options, seen?.token);
      await remote?.requireStore(options);
      const { repository, token } = await this.home.requireSession(this.id, options);
      const last = options.offline ? await this.remote?.remembered(this.id) : seen;
      let pushed = this.remote && false;
      for await (const row of repository.refs.rows(token.ref, options)) {
        if (last?.token.ref.rows.some(({ id }) => id === row.id)) pushed = true;
        yield { row, tags: token.ref.tags, pushed, head: row === token.ref.rows[0] };
      }
      return;
    }
    const { refs } = seen.repository;
    const relation = await relate(local && { refs: local.repository.refs, ref: local.token.ref }, { refs, ref: seen.token.ref }, options);
    const tags = new Map([...(local?.token.ref.tags ?? []), ...seen.token.ref.tags]);
    const unsent = 'unsent' in relation ? relation.unsent : [];
    const head = relation.kind === 'ahead' ? unsent[0] : seen.token.ref.rows[0];
    for (const row of unsent) yield { row, tags, pushed: false, head: row === head };
    for await (const row of refs.rows(seen.token.ref, options)) yield { row, tags, pushed: true, head: row === head };
  }

  /** The side that tells the most of the session: the local store, unless the remote has moved on or the local store does not have the session. */
  async site(options: OfflineOptions): Promise<Site> {
    return ((await this.#sides(options))[0] as Side).site;
  }

  /**
   * Finds a revision on either side: the local store has only the versions that were used here, the remote those that were pushed. `HEAD` is that of
   * `site`. Throws NOT_FOUND if neither has it, and USAGE for what is no revision.
   */
  async find(revision: string, options: OfflineOptions): Promise<Side & { row: Row }> {
    const { place, row } = await resolveAmong(await this.#sides(options), this.id, revision, options);
    return { ...place, row };
  }

  /** Returns the sides that have the session, first the one that tells the most of it. Throws NOT_FOUND or LEGACY_SESSION if none has. */
  async #sides(options: OfflineOptions): Promise<Side[]> {
    const remote = options.offline ? undefined : this.remote;
    const seen = await remote?.read(this.id, options);
    const there = remote && sideOf(remote, seen);
    const here = sideOf(this.home, await this.home.read(this.id, options));
    if (here !== undefined && there !== undefined) {
      const { kind } = await relate(here, there, options);
      return kind === 'same' || kind === 'ahead' ? [here, there] : [there, here];
    }
    const side = here ?? there;
    if (side !== undefined) return [side];
    await remote?.refuseLegacy(this.id, options, seen?.token);
    await this.home.requireSession(this.id, options);
    throw noSession(this.id);
  }

  /** The tree that a revision names; read once more where the session was changed meanwhile, and what it named collected (SPEC.md R-GC-2). */
  async readTree(revision: string, options: OfflineOptions): Promise<Tree> {
    const read = async () => {
      const { site, repository, token, row } = await this.find(revision, options);
      return (await site.readManifest(repository, token, row, options)).tree;
    };
    return read().catch((error: unknown) => {
      if (!wasCollected(error)) throw error;
      return read();
    });
  }

  /** Whether home can tell the revision. */
  async hasAtHome(revision: string, options: RequestOptions): Promise<boolean> {
    try {
      await findRow(this.home, this.id, revision, options);
      return true;
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION')) throw error;
      return false;
    }
  }

  /** Returns the session that has a commit which this one has not; see `relativeWith`. */
  async relativeWith(revision: string, options: OfflineOptions): Promise<string | undefined> {
    const sites = this.remote === undefined || options.offline ? [this.home] : [this.home, this.remote];
    return relativeWith(sites, this.id, revision, options);
  }

  /** Whether the remote, as it was last seen, has a commit that is named by its id. */
  async isOnRemote(revision: string): Promise<boolean> {
    const seen = isCommitId(revision) ? await this.remote?.remembered(this.id) : undefined;
    return seen?.token.ref.rows.some(({ id }) => id.startsWith(revision.toLowerCase())) ?? false;
  }

  /** Throws USAGE where there is none. */
  needRemote(): Remote {
    if (this.remote !== undefined) return this.remote;
    throw new BrowserStateError('USAGE', 'expected a remote, found none', {
      hint: 'Name one with --remote URL, BROWSERSTATE_REMOTE, or the option `remote` of openRepository.',
    });
  }
}

/** A session as one side has it. */
type Side = Found & Rows & { site: Site };

function sideOf(site: Site, seen: Seen | undefined): Side | undefined {
  const head = seen?.token.ref.rows[0];
  return seen && head && { ...seen, head, site, refs: seen.repository.refs, ref: seen.token.ref };
}
