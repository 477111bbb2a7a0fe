/**
 * The contract between the store and the provider of its bytes: a local folder, a bucket, memory.
 * The conformance suite (`browserstate/provider-suite`) checks every statement of the contract. A
 * provider that passes the suite can hold a repository.
 *
 * A provider has two kinds of data under one namespace of keys. An **object** is immutable: it is
 * put once under a random name that is never reused. A **cell** is mutable: it changes by
 * compare-and-swap alone and is never deleted. Nothing is ever both. SPEC.md, section "Provider",
 * says the same for other languages.
 */
import type { EtagStyle, RequestOptions } from '../base/request.js';

export type { EtagStyle, RequestOptions };

/**
 * Identifies the write that a read of a cell returned. Versions are opaque, and equal only for the
 * same write.
 */
export type Version = string;

export interface Cell {
  bytes: Uint8Array;
  version: Version;
}

export interface SwapOptions extends RequestOptions {
  /**
   * The form of versions that another process found the store to require. A wrong form only costs
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
  /** The range to read. Without a range, the whole object is read. */
  range?: ByteRange | undefined;
  /**
   * A buffer with room for the bytes. A provider may fill the buffer and resolve to a part of it.
   * The provider does not touch the buffer after it has resolved or rejected.
   */
  into?: Uint8Array | undefined;
}

export interface Listed {
  key: string;
  /** Bytes of an object. Undefined for a cell. */
  size: number | undefined;
}

/** An object that does not belong to the store. */
export interface ForeignObject {
  /** The name in the folder or bucket: hostile input of any form. */
  name: string;
  size: number;
  /** Changes whenever the object is rewritten, if the provider reports changes. Empty otherwise. */
  mark: string;
}

/**
 * Objects of other programs in the same folder or bucket. Their names need not be keys. They are
 * read and never changed.
 */
export interface Foreign {
  /**
   * Yields every object whose name starts with `prefix`, each once, in no particular order. The
   * objects of the store are included.
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
   * if no repository is known there. Throws if the repository is another than before.
   */
  isExpected(cell: Uint8Array | 'damaged' | undefined): Promise<boolean>;
}

/** Differences between providers, declared for the suite and the store. */
export interface ProviderSupports {
  /** True if `read` with `unless` returns 'unchanged' without moving the body. */
  conditionalRead: boolean;
  /** True if every acknowledged write survives a power loss of this machine. */
  durable: boolean;
}

/**
 * A provider: a namespace of objects and cells.
 *
 * Keys: 1 to 512 bytes, one or more components joined by `/`. A component is 1 to 200 characters of
 * `A-Z a-z 0-9 . _ @ -` and does not start with a dot, except the component `.store`. Any other key
 * is USAGE, before any request. If `a` exists, `a/b` may be rejected with USAGE, and the reverse:
 * folders cannot hold both. A provider below a prefix may reject longer keys.
 *
 * Errors are BrowserStateError:
 * - NOT_FOUND: an object does not exist; from any method, the bucket does not exist.
 * - FORBIDDEN.
 * - UNREACHABLE: no response, a response that asks for a retry, or a response that is not the
 *   store's.
 * - INTEGRITY: the provider's own framing is damaged, or an acknowledged write is missing.
 * - NO_SPACE.
 * - CANCELLED.
 *
 * No other error is thrown for conditions at run time. After UNREACHABLE, CANCELLED or INTEGRITY
 * from a write, the effect of the write is unknown. After any other error the write had no effect.
 *
 * Reads see every write that was acknowledged before the read began. All methods may be called at
 * the same time, from any number of processes.
 */
export interface Provider {
  /** Address of the provider for messages, without credentials. */
  readonly url: string;
  readonly supports: ProviderSupports;
  /**
   * The form of versions that the store requires, if the form had to be detected. Refs pass it to
   * later processes.
   */
  readonly etagStyle?: EtagStyle | undefined;

  /**
   * Stores an object, whole or not at all. The object is durable when the promise resolves. The
   * caller does not change `bytes` until the promise settles. A put of the same bytes under the
   * same key is a no-op, so a put may be repeated. Other bytes under an existing key are the
   * caller's mistake. The object then keeps its bytes or the call throws INTERNAL, never a mixture.
   */
  put(key: string, bytes: Uint8Array, options?: RequestOptions): Promise<void>;

  /**
   * Returns the bytes of an object, or of a range of it. Throws NOT_FOUND if there is no such
   * object. Throws INTEGRITY for a range that is not wholly within the object, because the caller
   * expected a longer object. The caller owns the result: later writes do not change it.
   */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  /**
   * Returns the current cell, or undefined if the cell does not exist. Returns 'unchanged' if the
   * version is `unless`.
   */
  read(key: string, options?: RequestOptions & { unless?: Version }): Promise<Cell | 'unchanged' | undefined>;

  /**
   * Sets the cell to `bytes` if its version is still `expected`; null stands for a cell that does
   * not exist. Resolves to the new version. Resolves to undefined if the swap lost: the cell is
   * then as another writer left it. An `expected` that was never returned loses. Throws USAGE for a
   * body of more than 4 MiB. Of any number of racing swaps with one expected version, exactly one
   * wins. Versions never repeat, even for equal bytes.
   */
  swap(key: string, bytes: Uint8Array, expected: Version | null, options?: SwapOptions): Promise<Version | undefined>;

  /**
   * Yields every object and cell whose key starts with `prefix`, each once, in no particular order.
   * Throws USAGE unless `prefix` is empty, a key, or a key and a slash.
   */
  list(prefix: string, options?: RequestOptions): AsyncIterable<Listed>;

  /** Removes an object. Does nothing if the object does not exist. Cells cannot be deleted. */
  delete(key: string, options?: RequestOptions): Promise<void>;

  /**
   * Throws UNSUPPORTED with the reason if the folder or bucket cannot keep this contract. The store
   * calls this method before it creates a repository.
   */
  probe?(options?: RequestOptions): Promise<void>;

  /**
   * Checks the provider's own additions to the bytes (framing, superseded versions), which reads do
   * not cover. Yields one finding per damaged thing. Absent if a provider adds nothing.
   */
  check?(options?: RequestOptions): AsyncIterable<{ key: string; message: string }>;

  /**
   * Returns the same provider with a check around each request: the content must be as expected
   * before the request, and still exist after it. Folders need the check, because a disk may be
   * unmounted at any time. Absent if the content cannot be exchanged.
   */
  expecting?(expected: Expectation): Provider;

  /**
   * Returns the bytes of temporary files, of running or interrupted writes. Temporary files are not
   * objects. Absent if a provider creates none.
   */
  temporaryBytes?(options?: RequestOptions): Promise<number>;

  /** Finds sessions in the layout of v0. Absent if foreign objects cannot be listed. */
  foreign?: Foreign;

  /** Releases connections and files. The provider is not used afterwards. */
  close(): Promise<void>;
}
