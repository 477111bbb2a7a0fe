/** The options and the result of a commit of a directory. */
import { kind, type OptionNames } from '../../base/option-check.js';
import type { OnProgress } from '../../base/progress.js';
import type { RequestOptions } from '../../base/request.js';
import type { Compression } from '../../format/codecs.js';
import type { ObjectId } from '../../format/object-id.js';
import type { EntryOp } from '../../format/ref.js';
import type { SkippedEntry } from '../../workspace/capture/scan.js';
import { type OfflineOptions, offlineOptions } from '../call.js';
import type { ReadDirectory } from './read-directory.js';

export interface CommitOptions extends RequestOptions {
  message?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** A tag to set on the commit, in the same swap. */
  tag?: string | undefined;
  /** Patterns to leave out, in gitignore syntax. */
  exclude?: readonly string[] | undefined;
  /** Keep what can be regenerated, such as caches. */
  keepCaches?: boolean | undefined;
  /** Commit even if the directory lost its cookies or most files, or has a broken login file. */
  allowShrink?: boolean | undefined;
  /** Commit a profile such as `Default` without its parent, which has the key of its cookies. */
  allowPartialProfile?: boolean | undefined;
  compression?: Compression | undefined;
  onProgress?: OnProgress | undefined;
}

export const commitOptions: OptionNames<CommitOptions & OfflineOptions> = {
  ...offlineOptions,
  message: kind.text,
  labels: kind.labels,
  tag: kind.text,
  exclude: kind.texts,
  keepCaches: kind.flag,
  allowShrink: kind.flag,
  allowPartialProfile: kind.flag,
  compression: kind.oneOf('auto', 'max', 'off'),
  onProgress: kind.call,
};

/** The options for callers inside this library. */
export interface CommitSettings extends CommitOptions {
  /** The operation in the history; `commit` unless given. */
  op?: EntryOp | undefined;
  /** The required parent: CONFLICT if the head is another. Unless given, any head is followed. */
  onto?: { head: ObjectId | undefined } | undefined;
  /** The session for the directory's record, if the commit goes to a conflict session of it. */
  notedAs?: string | undefined;
  /** The directory is the v0 session of the same name, which every other commit rejects. */
  isMigration?: boolean | undefined;
  /** Captures a directory that a running browser may use. Its stat cache is not updated. */
  read?: ReadDirectory | undefined;
}

export interface CommitStats {
  /** Files of the version and the sum of their sizes. */
  files: number;
  bytes: number;
  /** Uncompressed bytes that the repository did not have: whole blobs and changed pages. */
  newBytes: number;
  /** Bytes of the packs and the manifest that were written. */
  storedBytes: number;
  /** Entries that the rules exclude. */
  excluded: { files: number; bytes: number };
  /** Sockets, fifos and devices, which no version holds. */
  skipped: SkippedEntry[];
}

export interface CommitResult {
  commit: ObjectId;
  tree: ObjectId;
  parent: ObjectId | undefined;
  /** False if the directory equals the head. No commit was made, and `commit` is the head. */
  changed: boolean;
  stats: CommitStats;
  /** Facts about the directory that a person should know. */
  warnings: string[];
}
