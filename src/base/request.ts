/** Options of requests to a provider, and of all operations that send requests. */

export interface RequestOptions {
  /** Rejects with CANCELLED when the signal fires. The request may or may not have taken effect. */
  signal?: AbortSignal | undefined;
}

/** The form in which a store accepts a version: as returned, or without its quotes. */
export type EtagStyle = 'returned' | 'unquoted';
