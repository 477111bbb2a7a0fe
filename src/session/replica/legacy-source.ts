/** The sessions of v0 in one location, as the store sees them. */
import type { ByteRange, RequestOptions } from '../../provider/provider.js';
import type { ScannedEntry } from '../../workspace/capture/scanned.js';

export interface LegacyEntry {
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  size: number;
  /** Changes if the file is written again, as far as its location shows. */
  mark: string;
  target?: string | undefined;
  /** Undefined if its location does not keep them. */
  facts?: Pick<ScannedEntry, 'mode' | 'mtimeNs'> | undefined;
}

/** The sessions of v0 of one user in one location. */
export interface LegacySource {
  readonly url: string;
  has(session: string, options: RequestOptions): Promise<boolean>;
  /** Returns the names of all that may be sessions, of any form. */
  sessions(options: RequestOptions): Promise<string[]>;
  /**
   * Returns the content of the session, in the order of the paths. Throws INTEGRITY or UNREADABLE
   * for a file name that no profile can have.
   */
  entries(session: string, options: RequestOptions): Promise<LegacyEntry[]>;
  read(session: string, path: string, range: ByteRange, options: RequestOptions): Promise<Uint8Array>;
}
