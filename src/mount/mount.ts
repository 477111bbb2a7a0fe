/**
 * A mount: a directory of this process that holds a session for as long as a browser works in it.
 * It is left in one order, so that a crash at any point loses nothing: the commit is in home, then
 * the note says that the directory is not needed, then it is removed.
 */
import { places } from '../base/concurrency.js';
import { isError } from '../base/errors.js';
import { repeat, type Stop } from '../base/interval.js';
import { LEASE_MS } from '../base/limits.js';
import type { OptionNames } from '../base/option-check.js';
import { checkArgument, kind } from '../base/option-check.js';
import type { Hold } from '../base/owners.js';
import { throwTyped } from '../base/system-errors.js';
import type { ObjectId } from '../format/object-id.js';
import { errno } from '../fs/errors.js';
import { removeTree } from '../fs/remove.js';
import { type Call, callOf, hasRemote, type RemoteCall } from '../session/call.js';
import { type CommitOptions, commitOptions } from '../session/commit/options.js';
import { fork } from '../session/history.js';
import type { Lease } from '../session/lease.js';
import type { LocalReplica } from '../session/replica/local.js';
import type { OnConflict } from '../sync/conflict.js';
import { type MountPullOptions, mountPullOptions, pullForMount } from '../sync/pull-for-mount.js';
import { notPushed, type PushOptions, type PushResult, pushOptions, pushSession } from '../sync/push.js';
import { leftoversOf } from '../workspace/checkout/settle.js';
import { rejectRunningCommand } from './command.js';
import { checkpointMount, commitMount, type MountCommit, type MountPlace, movedAside } from './commit.js';
import { type UnmountOptions, unmountOptions } from './options.js';
import type { MountNote, MountNotes } from './registry.js';

export interface Unmounted {
  /** The session that holds what was mounted, which is another one where the session had moved. */
  session: string;
  commit: ObjectId | undefined;
  changed: boolean;
  stats: MountCommit['stats'];
  pushed: boolean;
}

/** What a mount stands on. */
export interface MountParts {
  notes: MountNotes;
  /** Makes this process the owner of the note for as long as there is one. */
  hold: Hold;
  id: string;
  note: MountNote;
  place: MountPlace;
  lease: Lease | undefined;
  /** What its commits are remembered by unless they are given something else. */
  commitAs: Pick<CommitOptions, 'message' | 'labels'>;
  /** What the store gives all calls of the mount. */
  op: Call;
}

export class Mount {
  readonly id: string;
  readonly #parts: MountParts;
  readonly #stopRenewing: Stop | undefined;
  /** Commits follow each other: each has the one before as its base. */
  readonly #alone = places(1);
  #base: ObjectId | undefined;
  #command: string | undefined;
  #isOver = false;

  constructor(parts: MountParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#base = parts.place.base;
    const { lease, op } = parts;
    const renew = async (signal: AbortSignal): Promise<void> => {
      try {
        await lease?.renew({ signal });
      } catch (error) {
        if (!isError(error)) throw error;
        if (!signal.aborted) op.onWarning?.(`the lease of session ${parts.place.session} could not be renewed: ${error.message}`);
      }
    };
    this.#stopRenewing = lease && repeat(LEASE_MS / 3, renew);
  }

  /** The session that commits go to: with `fork` one of its own. */
  get session(): string {
    return this.#parts.place.fork ?? this.#parts.place.session;
  }

  get dir(): string {
    return this.#parts.place.dir;
  }

  /** The commit that the directory was made from, or was committed as last. */
  get base(): ObjectId | undefined {
    return this.#base;
  }

  /** Whether it was unmounted, or given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Notes that a process which leads a session of its own works in the directory: until it and all
   * of that session have ended, `unmount` throws BUSY, and if this process dies nobody recovers the
   * directory.
   */
  async usedBy(pid: number): Promise<void> {
    checkArgument('usedBy', 'pid', pid, kind.from(1));
    return this.#alone(async () => {
      const { notes, note, op } = this.#parts;
      this.#command = op.host.commandName(pid);
      await notes.write(this.id, { ...note, base: this.#base, command: this.#command });
    });
  }

  /** Commits the directory to the local store; see `commitMount`. The mount goes on. */
  async commit(options: Omit<UnmountOptions, 'keepDirectory'> = {}): Promise<MountCommit> {
    const op = this.#operation('commit', options, unmountOptions);
    return this.#alone(() => this.#commit(options, op), op.signal);
  }

  async #commit(options: Omit<UnmountOptions, 'keepDirectory'>, op: Call): Promise<MountCommit> {
    const { note, commitAs } = this.#parts;
    const settings = {
      ...options,
      message: options.message ?? commitAs.message,
      labels: options.labels ?? commitAs.labels,
      keepCaches: options.keepCaches ?? note.keepCaches,
      exclude: options.exclude ?? note.exclude,
    };
    const place = { ...this.#parts.place, base: this.#base };
    const done = await commitMount(place, settings, op);
    const isHeld = done.session === this.session && !done.isTheirs;
    if (isHeld && done.commit !== undefined && done.commit !== this.#base) await this.#isNow(done.commit);
    return done;
  }

  /**
   * Commits the directory while a browser works in it; undefined if no consistent state could be
   * read.
   */
  async checkpoint(options: CommitOptions = {}): Promise<MountCommit | undefined> {
    const op = { ...this.#operation('checkpoint', options, commitOptions), onWarning: undefined };
    return this.#alone(async () => {
      const { note, place } = this.#parts;
      const { keepCaches, exclude } = note;
      const settings = { ...options, keepCaches: options.keepCaches ?? keepCaches, exclude: options.exclude ?? exclude };
      const done = await checkpointMount({ ...place, base: this.#base }, settings, op);
      if (done?.commit !== undefined && done.commit !== this.#base) await this.#isNow(done.commit);
      return done;
    }, op.signal);
  }

  /** Sends a session that this mount committed to. Resolves to undefined if there is no remote. */
  async push(session: string, options: PushOptions = {}): Promise<PushResult | undefined> {
    checkArgument('push', 'session', session);
    const op = this.#operation('push', options, pushOptions);
    return hasRemote(op) ? pushMounted(this.#parts.place, session, options, op) : undefined;
  }

  /** Gives the local store what the remote has of the session. The directory stays as it is. */
  async pull(options: MountPullOptions = {}): Promise<void> {
    const op = this.#operation('pull', options, mountPullOptions);
    if (hasRemote(op)) await pullForMount(this.#parts.place.session, { onConflict: options.onConflict }, op);
  }

  /**
   * Commits, pushes, and removes the directory. Rejects and stays mounted where the commit fails;
   * the directory is then as it was. Where the commit is safe in home and something else fails
   * (CONFLICT, UNREACHABLE, CANCELLED) it rejects and is unmounted.
   */
  async unmount(options: UnmountOptions = {}): Promise<Unmounted> {
    const op = this.#operation('unmount', options, unmountOptions);
    return this.#alone(() => this.#unmount(options, op), op.signal);
  }

  async #unmount({ keepDirectory, ...options }: UnmountOptions, op: Call): Promise<Unmounted> {
    const { onConflict = 'fail' } = options;
    const { place, lease } = this.#parts;
    await rejectRunningCommand(op.local, this.dir, this.#command);
    const done = await this.#commit(options, op);
    // A renewal would move the ref under the push, which gives the lease up in its own swap.
    await this.#stopRenewing?.();
    const settings = { onConflict, release: lease?.owner };
    const sending = hasRemote(op) && done.commit !== undefined ? pushMounted(place, done.session, settings, op) : undefined;
    const [sent] = await Promise.allSettled([sending]);
    await this.#leave(keepDirectory ?? false);
    const { session, commit, changed, stats } = done;
    const failure = sent.status === 'rejected' ? notPushed(done.session, done.commit, sent.reason) : undefined;
    this.requireInPlace(done, onConflict, failure);
    if (failure !== undefined) throw failure;
    const pushed = sent.status === 'fulfilled' ? sent.value : undefined;
    return { session: pushed?.forkedTo ?? session, commit, changed, stats, pushed: pushed?.pushed ?? false };
  }

  /** Throws CONFLICT where a commit had to be put aside, unless that was asked for. */
  requireInPlace(done: MountCommit, onConflict: OnConflict = 'fail', cause?: unknown): void {
    if (done.moved !== undefined && onConflict === 'fail') throw movedAside(this.#parts.place.session, done, cause);
  }

  /** Gives up what the directory holds, and removes it. */
  discard(): Promise<Unmounted> {
    return this.#alone(async () => {
      await this.#leave(false);
      return { session: this.session, commit: this.#base, changed: false, stats: undefined, pushed: false };
    });
  }

  /**
   * Returns what a call shares, and of the store's what it is not given itself. Throws USAGE for an
   * unknown option, CANCELLED if the signal has fired.
   */
  #operation<T extends object>(call: string, given: T, names: OptionNames<NoInfer<T>>): Call {
    return callOf(this.#parts.op, call, given, names);
  }

  async #isNow(base: ObjectId): Promise<void> {
    this.#base = base;
    const { notes, note } = this.#parts;
    await notes.write(this.id, { ...note, base, command: this.#command });
  }

  /**
   * Never fails: what cannot be removed now is removed by whoever mounts the session when this
   * process is gone.
   */
  async #leave(keepDirectory: boolean): Promise<void> {
    const { notes, note, hold, lease, op } = this.#parts;
    this.#isOver = true;
    try {
      await this.#stopRenewing?.();
      await lease?.release();
    } catch (error) {
      if (!isError(error)) throw error;
      op.onWarning?.(`the lease of session ${this.#parts.place.session} was not given up, and will expire: ${error.message}`);
    }
    try {
      if (keepDirectory) await notes.remove(this.id);
      else await removeWorkspace(op.local, notes, this.id, this.dir, { ...note, base: this.#base });
    } catch (error) {
      if (!isError(error) && errno(error) === undefined) throw error;
      op.onWarning?.(`${this.dir} is not needed any more, and could not be removed: ${(error as Error).message}`);
    } finally {
      await hold.release();
    }
  }
}
throwTyped(Mount);

/**
 * Removes a workspace of this process for good. A process that is killed meanwhile leaves a note
 * that says so.
 */
export async function removeWorkspace(local: LocalReplica, notes: MountNotes, id: string, dir: string, note: MountNote): Promise<void> {
  await notes.write(id, { ...note, phase: 'closed' });
  await local.holding(dir, async (workspace) => {
    for (const path of [dir, ...leftoversOf(workspace).map((leftover) => leftover.path)]) await removeTree(path);
    await workspace.forget();
  });
  await notes.remove(id);
}

/**
 * Pushes the session of a mount, or the one that was made for it: that begins on the remote as a
 * fork, so that no more than its own commits is sent.
 */
export async function pushMounted(
  { session, base }: Pick<MountPlace, 'session' | 'base'>,
  pushed: string,
  options: PushOptions,
  op: RemoteCall,
): Promise<PushResult> {
  if (pushed === session) return pushSession(session, options, op);
  try {
    if (base !== undefined) await fork(op.remote, session, pushed, base, op);
  } catch (error) {
    // It is there already, or the remote does not have what it begins with, or only damaged: then
    // all of it is sent.
    if (!isError(error, 'CONFLICT', 'NOT_FOUND', 'LEGACY_SESSION', 'INTEGRITY')) throw error;
  }
  return pushSession(pushed, { ...options, ask: true }, op);
}
