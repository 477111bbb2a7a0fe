/** Options of requests to a provider, and of all operations that send some. */

export interface RequestOptions {
  /** Rejects with CANCELLED when it fires; the request may or may not have taken effect. */
  signal?: AbortSignal | undefined;
}

/** The form in which a store accepts a version: as returned, or without the quotes around it. */
export type EtagStyle = 'returned' | 'unquoted';
