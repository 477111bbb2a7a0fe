/**
 * A mount: a session checked out for one process. A mount ends in an order that loses nothing at a
 * crash: first the commit, then the note that says `closed`, then the removal.
 */
import { places } from '../base/concurrency.js';
import { isError } from '../base/errors.js';
import { repeat, type Stop } from '../base/interval.js';
import { LEASE_MS } from '../base/limits.js';
import { checkArgument, kind } from '../base/option-check.js';
import type { Hold } from '../base/owners.js';
import { throwTyped } from '../base/system-errors.js';
import type { ObjectId } from '../format/object-id.js';
import { errno } from '../fs/errors.js';
import { type Call, callOf, hasRemote, type RemoteCall } from '../session/call.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import { fork } from '../session/history.js';
import type { Lease } from '../session/lease.js';
import type { LocalReplica } from '../session/replica/local.js';
import { discardDirectory } from '../session/replica/sweep.js';
import type { OnConflict } from '../sync/conflict.js';
import { mountPullOptions, pushOptions } from '../sync/options.js';
import { type MountPullOptions, pullForMount } from '../sync/pull-for-mount.js';
import { notPushed, type PushOptions, type PushResult, pushSession } from '../sync/push.js';
import { checkpointMount, commitMount, type MountCommit, movedAway } from './commit.js';
import { type UnmountOptions, unmountOptions } from './options.js';
import { type MountedDirectory, type MountNote, MountNotes, mountedDirectory, rejectRunningCommand } from './registry.js';

export interface Unmounted extends Pick<MountCommit, 'session' | 'commit' | 'changed' | 'stats'> {
  pushed: boolean;
}

export interface MountParts {
  id: string;
  note: MountNote;
  /** Makes this process the owner of the note. */
  hold: Hold;
  lease: Lease | undefined;
  /** The message and labels of commits that are given none. */
  commitAs: Pick<CommitOptions, 'message' | 'labels'>;
  /** The operation of the store, which later calls extend. */
  op: Call;
}

export class Mount {
  readonly id: string;
  readonly #parts: MountParts;
  /** The mounted directory with its first base, which the remote probably has. */
  readonly #mounted: MountedDirectory;
  readonly #notes: MountNotes;
  readonly #stopRenewing: Stop | undefined;
  /** Serializes commits: each has the one before as its base. */
  readonly #alone = places(1);
  #note: MountNote;
  #isOver = false;

  constructor(parts: MountParts) {
    const { id, note, lease, op } = parts;
    this.id = id;
    this.#parts = parts;
    this.#note = note;
    this.#mounted = mountedDirectory(op.local, id, note);
    this.#notes = new MountNotes(op.local);
    const renew = async (signal: AbortSignal): Promise<void> => {
      try {
        await lease?.renew({ signal });
      } catch (error) {
        if (!isError(error)) throw error;
        if (!signal.aborted) op.onWarning?.(`the lease of session ${note.session} could not be renewed: ${error.message}`);
      }
    };
    this.#stopRenewing = lease && repeat(LEASE_MS / 3, renew);
  }

  /** The session that commits go to. In mode `fork`, the mount has one of its own. */
  get session(): string {
    return this.#mounted.fork ?? this.#mounted.session;
  }

  get dir(): string {
    return this.#mounted.dir;
  }

  /** The commit whose content the directory last had. */
  get base(): ObjectId | undefined {
    return this.#note.base;
  }

  /** Whether the session was unmounted or discarded. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Records that a process which leads its own process session works in the directory. Until all
   * processes of that session have ended, `unmount` throws BUSY, and no other process recovers the
   * directory.
   */
  async usedBy(pid: number): Promise<void> {
    checkArgument('usedBy', 'pid', pid, kind.from(1));
    return this.#alone(() => this.#write({ command: this.#parts.op.host.commandName(pid) }));
  }

  /** Commits the directory to the local store; see `commitMount`. The directory stays mounted. */
  async commit(options: Omit<UnmountOptions, 'keepDirectory'> = {}): Promise<MountCommit> {
    const op = callOf(this.#parts.op, 'commit', options, unmountOptions);
    return this.#alone(() => this.#commit(options, op), op.signal);
  }

  async #commit(options: Omit<UnmountOptions, 'keepDirectory'>, op: Call): Promise<MountCommit> {
    const { message, labels } = this.#parts.commitAs;
    const settings = { ...this.#rulesOf(options), message: options.message ?? message, labels: options.labels ?? labels };
    const done = await commitMount({ ...this.#mounted, base: this.base }, settings, op);
    if (!done.isTheirs) await this.#committed(done);
    return done;
  }

  /** Commits while a browser runs. Returns undefined if no consistent state could be read. */
  async checkpoint(options: CommitOptions = {}): Promise<MountCommit | undefined> {
    const op = { ...callOf(this.#parts.op, 'checkpoint', options, commitOptions), onWarning: undefined };
    return this.#alone(async () => {
      const done = await checkpointMount({ ...this.#mounted, base: this.base }, this.#rulesOf(options), op);
      if (done !== undefined) await this.#committed(done);
      return done;
    }, op.signal);
  }

  /** Pushes a session that this mount committed to. Returns undefined if there is no remote. */
  async push(session: string, options: PushOptions = {}): Promise<PushResult | undefined> {
    checkArgument('push', 'session', session);
    const op = callOf(this.#parts.op, 'push', options, pushOptions);
    return hasRemote(op) ? pushMounted(this.#mounted, session, options, op) : undefined;
  }

  /** Pulls the session to the local store. The directory is not changed. */
  async pull(options: MountPullOptions = {}): Promise<void> {
    const op = callOf(this.#parts.op, 'pull', options, mountPullOptions);
    if (hasRemote(op)) await pullForMount(this.#note.session, { onConflict: options.onConflict }, op);
  }

  /**
   * Commits, pushes, and removes the directory. Rejects and stays mounted if the commit fails; the
   * directory is then unchanged. If the commit is safe in the local store and something else fails
   * (CONFLICT, UNREACHABLE, CANCELLED), it rejects, and the session is unmounted.
   */
  async unmount(options: UnmountOptions = {}): Promise<Unmounted> {
    const op = callOf(this.#parts.op, 'unmount', options, unmountOptions);
    return this.#alone(() => this.#unmount(options, op), op.signal);
  }

  async #unmount({ keepDirectory = false, ...options }: UnmountOptions, op: Call): Promise<Unmounted> {
    const { onConflict = 'fail' } = options;
    await rejectRunningCommand(op.local, this.dir, this.#note.command);
    const done = await this.#commit(options, op);
    // A renewal would move the ref during the push, which releases the lease in its own swap.
    await this.#stopRenewing?.();
    const settings = { onConflict, release: this.#parts.lease?.owner };
    const sending = hasRemote(op) && done.commit !== undefined ? pushMounted(this.#mounted, done.session, settings, op) : undefined;
    const [sent] = await Promise.allSettled([sending]);
    await this.#leave(keepDirectory);
    const { session, commit, changed, stats } = done;
    const failure = sent.status === 'rejected' ? notPushed(session, commit, sent.reason) : undefined;
    this.requireInPlace(done, onConflict, failure);
    if (failure !== undefined) throw failure;
    const pushed = sent.status === 'fulfilled' ? sent.value : undefined;
    return { session: pushed?.forkedTo ?? session, commit, changed, stats, pushed: pushed?.pushed ?? false };
  }

  /** Throws CONFLICT if a commit is in a conflict session, unless the caller asked for that. */
  requireInPlace(done: MountCommit, onConflict: OnConflict = 'fail', cause?: unknown): void {
    if (done.moved !== undefined && onConflict === 'fail') throw movedAway(this.#note.session, done, cause);
  }

  /** Removes the directory without a commit. */
  discard(): Promise<Unmounted> {
    return this.#alone(async () => {
      await this.#leave(false);
      return { session: this.session, commit: this.base, changed: false, stats: undefined, pushed: false };
    });
  }

  #rulesOf<T extends CommitOptions>(options: T): T {
    const { keepCaches, exclude } = this.#note;
    return { ...options, keepCaches: options.keepCaches ?? keepCaches, exclude: options.exclude ?? exclude };
  }

  async #committed({ session, commit }: MountCommit): Promise<void> {
    if (session === this.session && commit !== undefined && commit !== this.base) await this.#write({ base: commit });
  }

  async #write(change: Partial<MountNote>): Promise<void> {
    this.#note = { ...this.#note, ...change };
    await this.#notes.write(this.id, this.#note);
  }

  /** Never fails: the next mount of the session removes what cannot be removed now. */
  async #leave(keepDirectory: boolean): Promise<void> {
    const { hold, lease, op } = this.#parts;
    this.#isOver = true;
    try {
      await this.#stopRenewing?.();
      await lease?.release();
    } catch (error) {
      if (!isError(error)) throw error;
      op.onWarning?.(`the lease of session ${this.#note.session} was not released, and will expire: ${error.message}`);
    }
    try {
      if (keepDirectory) await this.#notes.remove(this.id);
      else await removeMount(op.local, this.id, this.#note);
    } catch (error) {
      if (!isError(error) && errno(error) === undefined) throw error;
      op.onWarning?.(`${this.dir} is not needed any more, and could not be removed: ${(error as Error).message}`);
    } finally {
      await hold.release();
    }
  }
}
throwTyped(Mount);

/** Removes the directory and the note of a mount. The note is marked as `closed` until then. */
export async function removeMount(local: LocalReplica, id: string, note: MountNote): Promise<void> {
  const notes = new MountNotes(local);
  await notes.write(id, { ...note, phase: 'closed' });
  await discardDirectory(local, mountedDirectory(local, id, note).dir);
  await notes.remove(id);
}

/**
 * Pushes the mounted session, its fork, or its conflict session. A fork or conflict session is
 * first forked on the remote, so that only its own commits are sent.
 */
export async function pushMounted(
  { session, base }: MountedDirectory,
  pushed: string,
  options: PushOptions,
  op: RemoteCall,
): Promise<PushResult> {
  if (pushed === session) return pushSession(session, options, op);
  try {
    if (base !== undefined) await fork(op.remote, session, pushed, base, op);
  } catch (error) {
    // It exists there, or its base is missing or damaged. Then the whole history is pushed.
    if (!isError(error, 'CONFLICT', 'NOT_FOUND', 'LEGACY_SESSION', 'INTEGRITY')) throw error;
  }
  return pushSession(pushed, { ...options, ask: true }, op);
}
