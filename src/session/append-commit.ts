/** The only code that makes a commit: commit, manifest, entry, swap of the ref (SPEC.md 11.1). */
import type { Host } from '../base/host.js';
import type { Operation } from '../base/operation.js';
import type { Compression } from '../format/codecs.js';
import type { Commit } from '../format/commit.js';
import { newName } from '../format/keys.js';
import { type EntryOp, type HistoryEntry, newEntry, type Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { ManifestContent, Repository } from '../repository/repository.js';
import type { SessionRef } from './session-ref.js';
import { withTag } from './tags.js';

/** Returns a new commit by this process with the given content. */
export function newCommit(
  { tree, files, bytes }: Pick<Commit, 'tree' | 'files' | 'bytes'>,
  { parents, message, labels = {} }: Pick<Commit, 'parents' | 'message'> & Partial<Commit>,
  host: Host,
): Commit {
  return { tree, parents, time: host.now(), message, author: host.author(), labels, files, bytes, extensions: [] };
}

/** The content of an entry: a commit and the locations of its blobs. */
export interface EntryContent extends ManifestContent {
  op: EntryOp;
  /** The birth epoch of the manifest. */
  epoch: number;
  compression?: Compression | undefined;
}

/** Stores a manifest. Returns its entry at once, and its bytes when they are durable. */
export function writeEntry(
  repository: Repository,
  { op, epoch, compression = 'auto', ...content }: EntryContent,
  options: RequestOptions,
): { entry: HistoryEntry; manifest: Promise<Uint8Array> } {
  const name = newName(repository.host, epoch);
  const manifest = repository.writeManifest(name, content, compression, options);
  // A rejection surfaces where the manifest is awaited.
  manifest.catch(() => undefined);
  return { entry: newEntry(op, content.commit, name), manifest };
}

export interface NewEntry extends EntryContent {
  /** The older entries before and after this change, newest first, if the change adds some. */
  older?: { before: readonly HistoryEntry[]; after: readonly HistoryEntry[] };
  tag?: string | undefined;
  /** Awaited before the swap: every object that the commit names must be durable. */
  ready?: Promise<unknown>;
}

/** Appends a commit. Returns undefined if another writer updated the ref first. */
export async function appendCommit(
  from: SessionRef,
  added: NewEntry,
  op: Operation,
): Promise<{ entry: HistoryEntry; tags: Ref['tags']; storedBytes: number } | undefined> {
  const { older, tag, ready, ...content } = added;
  const { refs } = from.repository;
  const { entry, manifest } = writeEntry(from.repository, content, op);
  const [bytes] = await Promise.all([manifest, ready]);
  const ref = { ...from.ref, epoch: added.epoch };
  const history = older
    ? await refs.arrange(ref, older.before, [entry, ...older.after], op)
    : await refs.replaceEntries(ref, [entry, ...from.ref.entries], op);
  const tags = tag === undefined ? from.ref.tags : withTag(from.ref, tag, entry.id);
  const change = { state: 'live', ...history, tags, epoch: added.epoch, head: from.replica.inlineHead(bytes) } as const;
  return (await from.update(change, op, { entry, bytes })) && { entry, tags, storedBytes: bytes.length };
}
