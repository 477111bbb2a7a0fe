/**
 * The contract between the store and whatever keeps its bytes: a local folder, a bucket, memory. The conformance suite
 * (`browserstate/provider-suite`) checks every statement made here; a provider that passes it can hold a repository.
 *
 * A provider knows two kinds of thing under one namespace of keys. An **object** is immutable: it is put once under a name that
 * is random and never used again. A **cell** is mutable: it changes by compare-and-swap alone and is never deleted. Nothing is
 * ever both. SPEC.md, section "Provider", says the same for other languages.
 */
import type { EtagStyle, RequestOptions } from '../request.js';

export type { EtagStyle, RequestOptions };

/** What a cell held when it was read: opaque, equal only for the same write. */
export type Version = string;

export interface Cell {
  bytes: Uint8Array;
  version: Version;
}

export interface SwapOptions extends RequestOptions {
  /** What another process found the store to want. A hint: one that is wrong costs requests and nothing else. */
  etagStyle?: EtagStyle | undefined;
}

/** A range of an object's bytes: `start` inclusive, `end` exclusive, `start < end`. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface GetOptions extends RequestOptions {
  /** The whole object unless given. */
  range?: ByteRange | undefined;
  /**
   * A buffer with room for the bytes. A provider may put them there and resolve to a part of it; it touches the buffer no more once it has resolved or
   * rejected.
   */
  into?: Uint8Array | undefined;
}

export interface Listed {
  key: string;
  /** Bytes of an object; undefined for a cell. */
  size: number | undefined;
}

/** An object that is none of the store's. */
export interface ForeignObject {
  /** As the place has it: hostile input, of any form. */
  name: string;
  size: number;
  /** Another text whenever the object was written anew, as far as the place tells; empty where it does not tell. */
  mark: string;
}

/** What other programs keep in the same place, under names that need not be keys; it is read and never changed. */
export interface Foreign {
  /** Every object whose name starts with `prefix`, each once, in no particular order; those that the store keeps there are among them. */
  list(prefix: string, options?: RequestOptions): AsyncIterable<ForeignObject>;

  /** Bytes of an object, with the errors of `Provider.get`. */
  get(name: string, range: ByteRange, options?: RequestOptions): Promise<Uint8Array>;
}

/** What must be in a place before anything is written to it. */
export interface Expectation {
  /** The cell that tells which repository is there. */
  key: string;
  /**
   * Given the cell's bytes as the place has them now, or `damaged` for a cell that cannot be read. Resolves to false if nothing is known of the place, and
   * throws if it is not the one that was seen before.
   */
  isExpected(cell: Uint8Array | 'damaged' | undefined): Promise<boolean>;
}

/** Where providers differ, declared so that the suite and the store can ask. */
export interface ProviderSupports {
  /** `read` with `unless` answers 'unchanged' without moving the body. */
  conditionalRead: boolean;
  /** Every write that was acknowledged survives the loss of power of this machine. */
  durable: boolean;
}

/**
 * Keys: 1 to 512 bytes, one or more components joined by `/`, each 1 to 200 characters of `A-Z a-z 0-9 . _ @ -` and not
 * starting with a dot, save the component `.store`. Anything else is USAGE, before any request. Where `a` exists, `a/b` may be refused with
 * USAGE, and the reverse: folders cannot hold both. A provider that lies below a prefix may refuse longer keys.
 *
 * Errors are BrowserStateError: NOT_FOUND (an object that is not there; from any method, a bucket that is not), FORBIDDEN, UNREACHABLE (no
 * answer, one that says to try again, or one that is not the store's), INTEGRITY (the provider's own framing is damaged, or a write that
 * was acknowledged is not there), NO_SPACE, CANCELLED. No other error is thrown for what a provider meets at run time. After UNREACHABLE,
 * CANCELLED or INTEGRITY from a write its effect is unknown; after any other error it had none.
 *
 * Reads see every write that was acknowledged before they began. All methods may be called at the same time, from any number of
 * processes.
 */
export interface Provider {
  /** Where it is, for messages; without credentials. */
  readonly url: string;
  readonly supports: ProviderSupports;
  /** What the store was found to want, where that had to be found out: refs carry it to processes that come later. */
  readonly etagStyle?: EtagStyle | undefined;

  /**
   * Stores an object, whole or not at all; the caller leaves `bytes` alone until it settles; durable when it resolves. The same bytes under the same key again are a no-op, so a
   * put may be repeated. Other bytes under an existing key are the caller's mistake: the object keeps its bytes or the
   * call throws INTERNAL, never a mixture.
   */
  put(key: string, bytes: Uint8Array, options?: RequestOptions): Promise<void>;

  /**
   * The bytes of an object, or of a range of it. NOT_FOUND where there is no such object. A range that does not lie wholly in the object
   * is INTEGRITY: the caller believed the object to be longer. The result is the caller's own: later writes do not change it.
   */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  /** The cell as it is now; undefined where it does not exist; 'unchanged' where its version is `unless`. */
  read(key: string, options?: RequestOptions & { unless?: Version }): Promise<Cell | 'unchanged' | undefined>;

  /**
   * Sets the cell to `bytes` if its version is still `expected` (null: if it does not exist). Resolves to the new version, or to undefined
   * where it lost: the cell is then as another writer left it. An `expected` that was never given out loses. A body of more than 4 MiB is USAGE. Of any number of racing swaps with one
   * expected version exactly one wins. Versions never repeat, even for equal bytes.
   */
  swap(key: string, bytes: Uint8Array, expected: Version | null, options?: SwapOptions): Promise<Version | undefined>;

  /** Every object and cell whose key starts with `prefix` (empty, a key, or a key and a slash; else USAGE), each once, in no particular order. */
  list(prefix: string, options?: RequestOptions): AsyncIterable<Listed>;

  /** Removes an object; a no-op where there is none. Cells cannot be deleted. */
  delete(key: string, options?: RequestOptions): Promise<void>;

  /** Throws UNSUPPORTED with the reason if the place cannot keep this contract. Called before a repository is created. */
  probe?(options?: RequestOptions): Promise<void>;

  /**
   * Looks for damage in what the provider itself adds to the bytes (framing, superseded versions), which no read would meet.
   * Yields one finding per damaged thing. Absent where a provider adds nothing.
   */
  check?(options?: RequestOptions): AsyncIterable<{ key: string; message: string }>;

  /**
   * The same place, each request to which is made only if what is there is as expected, and is still there when it has ended. For a folder, whose disk may be
   * unmounted at any time. Absent if a place cannot become another one.
   */
  expecting?(expected: Expectation): Provider;

  /** Bytes of temporary files, which are no objects: of writes under way, or of what did not finish. Absent if a provider makes none. */
  temporaryBytes?(options?: RequestOptions): Promise<number>;

  /** Absent where nothing of others can be told. What an older version of the package left is found by it. */
  foreign?: Foreign;

  /** Releases connections and files. The provider is not used afterwards. */
  close(): Promise<void>;
}
