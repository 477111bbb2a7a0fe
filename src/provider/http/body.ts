/** Response bodies of `fetch`, read within bounds and with a minimum rate. */
import { concat } from '../../base/bytes.js';
import { BrowserStateError } from '../../base/errors.js';
import { MIN_BYTES_PER_SECOND, STALL_TIMEOUT_MS } from '../../base/limits.js';

/** The used parts of a `fetch` response. */
export interface HttpAnswer {
  status: number;
  headers: { get(name: string): string | null };
  body: {
    getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(reason?: unknown): Promise<unknown> };
  } | null;
}

export interface PartOptions {
  /** Names the body in errors. */
  what: string;
  /** Bytes to skip at the start. */
  start?: number;
  /** Bytes after the start at which to stop reading. A longer body is an error unless `mayGoOn`. */
  end: number;
  mayGoOn?: boolean;
  /** Called with the number of bytes of each part that arrives. */
  onBytes: (bytes: number) => void;
}

/**
 * Returns the bytes of a body between two offsets, or fewer if the body ends earlier. Throws
 * UNREACHABLE if the body is longer and `mayGoOn` is not set.
 */
export async function partOf(
  body: HttpAnswer['body'],
  { what, start = 0, end, mayGoOn = false, onBytes }: PartOptions,
): Promise<Uint8Array> {
  const reader = body?.getReader();
  const parts: Uint8Array[] = [];
  let at = 0;
  try {
    while (at < end || !mayGoOn) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) return concat(parts);
      onBytes(value.length);
      if (at + value.length > end && !mayGoOn) {
        throw new BrowserStateError('UNREACHABLE', `${what}: expected at most ${end} bytes, found more`, {
          hint: 'Check that the store itself answers at that address: a proxy or another server may answer in its place.',
        });
      }
      const part = value.subarray(Math.max(0, start - at), Math.max(0, end - at));
      if (part.length > 0) parts.push(part);
      at += value.length;
    }
    return concat(parts);
  } finally {
    // The rest of the body is not read. A body that has ended or failed has nothing to cancel.
    reader?.cancel().catch(() => undefined);
  }
}

export interface Watch {
  /** Fires when the caller's signal does, and after a window in which too few bytes arrived. */
  signal: AbortSignal;
  /** Counts bytes that arrived. */
  onBytes(bytes: number): void;
  /** True after a window in which too few bytes arrived. */
  isStalled(): boolean;
  end(): void;
}

/**
 * Watches the rate of one request (SPEC.md R-S3-9). A response of one byte every few seconds ends
 * with its first window.
 */
export function watchRate(signal: AbortSignal | undefined, windowMs = STALL_TIMEOUT_MS): Watch {
  const cut = new AbortController();
  const least = Math.ceil((MIN_BYTES_PER_SECOND * windowMs) / 1000);
  let moved = 0;
  let isStalled = false;
  const look = (): void => {
    isStalled = moved < least;
    if (isStalled) cut.abort();
    moved = 0;
  };
  // A machine that slept for the whole window reads pending data before it judges.
  const timer = setInterval(() => setTimeout(look, 0), windowMs);
  return {
    signal: signal === undefined ? cut.signal : AbortSignal.any([signal, cut.signal]),
    onBytes: (bytes) => {
      moved += bytes;
    },
    isStalled: () => isStalled,
    end: () => clearInterval(timer),
  };
}
