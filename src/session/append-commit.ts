/**
 * The only code that makes a commit: the commit itself, its manifest, its entry in the history, and
 * the swap of the ref (SPEC.md 11.1).
 */
import type { Host } from '../base/host.js';
import type { Operation } from '../base/operation.js';
import type { Compression } from '../format/codecs.js';
import type { Commit } from '../format/commit.js';
import { newName } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import { newRow, type Ref, type Row, type RowOp } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { ManifestContent, Repository } from '../repository/repository.js';
import type { SessionRef } from './session-ref.js';
import { withTag } from './tags.js';

/** The facts of a new commit beside its content. */
export interface CommitFacts {
  parents: ObjectId[];
  message: string;
  labels?: Record<string, string> | undefined;
}

/** Makes a commit of this process, now, with the content of the tree. */
export function newCommit({ tree, files, bytes }: Pick<Commit, 'tree' | 'files' | 'bytes'>, facts: CommitFacts, host: Host): Commit {
  const { parents, message, labels = {} } = facts;
  return { tree, parents, time: host.now(), message, author: host.author(), labels, files, bytes, extensions: [] };
}

/** A commit, where the bytes of its tree are, and how it came about. */
export interface EntryContent extends ManifestContent {
  op: RowOp;
  /** The epoch under which its objects are born. */
  epoch: number;
  compression?: Compression | undefined;
}

/**
 * Stores a commit's manifest under a new name. Returns the entry that names it at once, and its
 * bytes when they are durable.
 */
export function writeEntry(
  repository: Repository,
  { op, epoch, compression = 'auto', ...content }: EntryContent,
  options: RequestOptions,
): { row: Row; manifest: Promise<Uint8Array> } {
  const name = newName(repository.host, epoch);
  const manifest = repository.writeManifest(name, content, compression, options);
  // Its failure is reported where it is awaited.
  manifest.catch(() => undefined);
  return { row: newRow(op, content.commit, name), manifest };
}

export interface NewEntry extends EntryContent {
  /** Entries that come with it and are older, newest first. */
  below?: readonly Row[];
  /** A tag to set on it in the same swap. */
  tag?: string | undefined;
  /** Awaited before the swap: every object that the commit names must be durable. */
  ready?: Promise<unknown>;
}

export interface Appended {
  row: Row;
  /** The tags of the session with it. */
  tags: Ref['tags'];
  /** Bytes of its manifest. */
  storedBytes: number;
}

/**
 * Appends a commit to the session as it was read. Atomic; undefined if another writer was first.
 */
export async function appendCommit(from: SessionRef, entry: NewEntry, op: Operation): Promise<Appended | undefined> {
  const { below = [], tag, ready, ...content } = entry;
  const { refs } = from.repository;
  const { row, manifest } = writeEntry(from.repository, content, op);
  const [bytes] = await Promise.all([manifest, ready]);
  const ref = { ...from.ref, epoch: entry.epoch };
  const history =
    below.length > 0 ? await refs.addRows(ref, [row, ...below], op) : await refs.replaceRows(ref, [row, ...from.ref.rows], op);
  const tags = tag === undefined ? from.ref.tags : withTag(from.ref, tag, row.id);
  const change = { state: 'live', ...history, tags, epoch: entry.epoch, head: from.replica.inlineHead(bytes) } as const;
  return (await from.update(change, op, { row, bytes })) && { row, tags, storedBytes: bytes.length };
}
