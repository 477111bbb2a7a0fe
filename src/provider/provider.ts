/**
 * The contract between the store and the provider of its bytes: a local folder, a bucket, memory.
 * The conformance suite (`browserstate/provider-suite`) checks every statement here. A provider
 * that passes it can hold a repository.
 *
 * A provider has two kinds of data under one namespace of keys. An **object** is immutable: it is
 * put once under a random name that is never reused. A **cell** is mutable: it changes by
 * compare-and-swap alone and is never deleted. Nothing is ever both. SPEC.md, section "Provider",
 * says the same for other languages.
 */
import type { EtagStyle, RequestOptions } from '../base/request.js';

export type { EtagStyle, RequestOptions };

/** Identifies the write that a read of a cell returned: opaque, equal only for the same write. */
export type Version = string;

export interface Cell {
  bytes: Uint8Array;
  version: Version;
}

export interface SwapOptions extends RequestOptions {
  /**
   * The form that another process found the store to require. A hint: a wrong one only costs
   * requests.
   */
  etagStyle?: EtagStyle | undefined;
}

/** A range of an object's bytes: `start` inclusive, `end` exclusive, `start < end`. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface GetOptions extends RequestOptions {
  /** The whole object if not given. */
  range?: ByteRange | undefined;
  /**
   * A buffer with room for the bytes. A provider may fill it and resolve to a part of it. It does
   * not touch the buffer after it has resolved or rejected.
   */
  into?: Uint8Array | undefined;
}

export interface Listed {
  key: string;
  /** Bytes of an object; undefined for a cell. */
  size: number | undefined;
}

/** An object that does not belong to the store. */
export interface ForeignObject {
  /** The name in the folder or bucket: hostile input, of any form. */
  name: string;
  size: number;
  /**
   * Changes whenever the object is rewritten, as far as the provider reports it. Empty if it does
   * not.
   */
  mark: string;
}

/**
 * Objects of other programs in the same folder or bucket, under names that need not be keys. They
 * are read and never changed.
 */
export interface Foreign {
  /**
   * Yields every object whose name starts with `prefix`, each once, in no particular order. Those
   * of the store are included.
   */
  list(prefix: string, options?: RequestOptions): AsyncIterable<ForeignObject>;

  /** Returns bytes of an object, with the errors of `Provider.get`. */
  get(name: string, range: ByteRange, options?: RequestOptions): Promise<Uint8Array>;
}

/** The required content of a folder or bucket before anything is written to it. */
export interface Expectation {
  /** The cell that identifies the repository. */
  key: string;
  /**
   * Checks the cell's current bytes, or `damaged` for a cell that cannot be read. Resolves to false
   * if no repository is known there. Throws if it is not the one that was seen before.
   */
  isExpected(cell: Uint8Array | 'damaged' | undefined): Promise<boolean>;
}

/** Differences between providers, declared for the suite and the store. */
export interface ProviderSupports {
  /** `read` with `unless` returns 'unchanged' without moving the body. */
  conditionalRead: boolean;
  /** Every acknowledged write survives a power loss of this machine. */
  durable: boolean;
}

/**
 * Keys: 1 to 512 bytes, one or more components joined by `/`. A component is 1 to 200 characters of
 * `A-Z a-z 0-9 . _ @ -` and does not start with a dot, except the component `.store`. Anything else
 * is USAGE, before any request. If `a` exists, `a/b` may be rejected with USAGE, and the reverse:
 * folders cannot hold both. A provider below a prefix may reject longer keys.
 *
 * Errors are BrowserStateError:
 * - NOT_FOUND: an object does not exist; from any method, the bucket does not exist.
 * - FORBIDDEN.
 * - UNREACHABLE: no response, one that asks for a retry, or one that is not the store's.
 * - INTEGRITY: the provider's own framing is damaged, or an acknowledged write is missing.
 * - NO_SPACE.
 * - CANCELLED.
 *
 * No other error is thrown for conditions at run time. After UNREACHABLE, CANCELLED or INTEGRITY
 * from a write its effect is unknown; after any other error it had none.
 *
 * Reads see every write that was acknowledged before they began. All methods may be called at the
 * same time, from any number of processes.
 */
export interface Provider {
  /** The provider's address for messages; without credentials. */
  readonly url: string;
  readonly supports: ProviderSupports;
  /**
   * The form that the store was found to require, if it had to be detected. Refs pass it to later
   * processes.
   */
  readonly etagStyle?: EtagStyle | undefined;

  /**
   * Stores an object, whole or not at all; durable when it resolves. The caller does not change
   * `bytes` until it settles. A put of the same bytes under the same key is a no-op, so a put may
   * be repeated. Other bytes under an existing key are the caller's mistake. The object then keeps
   * its bytes or the call throws INTERNAL, never a mixture.
   */
  put(key: string, bytes: Uint8Array, options?: RequestOptions): Promise<void>;

  /**
   * Returns the bytes of an object, or of a range of it. Throws NOT_FOUND if there is no such
   * object. A range that is not wholly within the object is INTEGRITY: the caller expected a longer
   * object. The caller owns the result: later writes do not change it.
   */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  /**
   * Returns the current cell; undefined if it does not exist; 'unchanged' if its version is
   * `unless`.
   */
  read(key: string, options?: RequestOptions & { unless?: Version }): Promise<Cell | 'unchanged' | undefined>;

  /**
   * Sets the cell to `bytes` if its version is still `expected` (null: if it does not exist).
   * Resolves to the new version, or to undefined if it lost: the cell is then as another writer
   * left it. An `expected` that was never returned loses. A body of more than 4 MiB is USAGE. Of
   * any number of racing swaps with one expected version exactly one wins. Versions never repeat,
   * even for equal bytes.
   */
  swap(key: string, bytes: Uint8Array, expected: Version | null, options?: SwapOptions): Promise<Version | undefined>;

  /**
   * Yields every object and cell whose key starts with `prefix`, each once, in no particular order.
   * `prefix` is empty, a key, or a key and a slash; anything else is USAGE.
   */
  list(prefix: string, options?: RequestOptions): AsyncIterable<Listed>;

  /** Removes an object. A no-op if there is none. Cells cannot be deleted. */
  delete(key: string, options?: RequestOptions): Promise<void>;

  /**
   * Throws UNSUPPORTED with the reason if the folder or bucket cannot keep this contract. Called
   * before a repository is created.
   */
  probe?(options?: RequestOptions): Promise<void>;

  /**
   * Checks the provider's own additions to the bytes (framing, superseded versions), which reads do
   * not cover. Yields one finding per damaged thing. Absent if a provider adds nothing.
   */
  check?(options?: RequestOptions): AsyncIterable<{ key: string; message: string }>;

  /**
   * Returns the same provider with a check around each request: the content must be as expected
   * before it, and still be there after it. For a folder, whose disk may be unmounted at any time.
   * Absent if the content cannot be exchanged.
   */
  expecting?(expected: Expectation): Provider;

  /**
   * Returns the bytes of temporary files, of running or interrupted writes. They are not objects.
   * Absent if a provider creates none.
   */
  temporaryBytes?(options?: RequestOptions): Promise<number>;

  /** Absent if foreign objects cannot be listed. Finds sessions in the layout of v0. */
  foreign?: Foreign;

  /** Releases connections and files. The provider is not used afterwards. */
  close(): Promise<void>;
}
