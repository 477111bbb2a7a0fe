/** The sessions of v0 of one user in one location, as the store sees them. */
import type { ByteRange, RequestOptions } from '../../provider/provider.js';
import type { ScannedEntry } from '../../workspace/capture/scanned.js';

export interface LegacyEntry {
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  size: number;
  /** A text that changes when the file is written again, as far as the source shows that. */
  mark: string;
  target?: string | undefined;
  /** Mode and time of the file; undefined if the source does not keep them. */
  facts?: Pick<ScannedEntry, 'mode' | 'mtimeNs'> | undefined;
}

export interface LegacySource {
  readonly url: string;
  has(session: string, options: RequestOptions): Promise<boolean>;
  /** Returns the names of all possible sessions, valid or not. */
  sessions(options: RequestOptions): Promise<string[]>;
  /** Returns the content, sorted by path. Throws INTEGRITY or UNREADABLE for bad names. */
  entries(session: string, options: RequestOptions): Promise<LegacyEntry[]>;
  read(session: string, path: string, range: ByteRange, options: RequestOptions): Promise<Uint8Array>;
}
