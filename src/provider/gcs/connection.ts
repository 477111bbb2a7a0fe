/**
 * The Cloud Storage SDK as the provider uses it. The SDK is loaded with the first request, for
 * credentials, tokens and the service address. exchange.ts sends each request once, with a minimum
 * rate. A decorator retries.
 */
import { addAbortListener } from 'node:events';
import type { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Storage } from '@google-cloud/storage';
import { BrowserStateError } from '../../base/errors.js';
import { STALL_TIMEOUT_MS } from '../../base/limits.js';
import type { RequestOptions } from '../provider.js';
import { poolOf } from '../shared/agent.js';
import { loadSdk } from '../shared/sdk.js';
import { uncredited } from './errors.js';
import { type Answer, exchange } from './exchange.js';

export interface GcsConnectionOptions {
  /** Project id. Without it, the SDK uses the id in the credentials. */
  projectId?: string | undefined;
  /**
   * The address of a store that is not Google's, such as an emulator. The endpoint gets no
   * credentials unless `keyFilename` is given.
   */
  endpoint?: string | undefined;
  /**
   * A file with the key of a service account. Without it, the SDK's default chain finds
   * credentials.
   */
  keyFilename?: string | undefined;
  /** Credentials and endpoint, instead of all of the above. */
  storage?: Storage | undefined;
  /** Milliseconds without a byte, or with too few bytes, after which a request ends. */
  timeoutMs?: number | undefined;
}

export interface GcsRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path below the address of the service: `/storage/v1/b/…`. */
  path: string;
  query: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** Maximum bytes of the response. */
  limit: number;
  /** Receives the response body if it fits. */
  into?: Uint8Array | undefined;
}

export class GcsConnection {
  readonly #options: GcsConnectionOptions;
  readonly #timeoutMs: number;
  #opened: Promise<{ storage: Storage; agent: Agent }> | undefined;

  constructor(options: GcsConnectionOptions) {
    if (options.endpoint !== undefined) checkEndpoint(options.endpoint);
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? STALL_TIMEOUT_MS;
  }

  /** Sends one request once. Returns its response, regardless of the status. */
  async send({ method, path, query, headers = {}, body, limit, into }: GcsRequest, { signal }: RequestOptions): Promise<Answer> {
    this.#opened ??= this.#open();
    const { storage, agent } = await this.#opened;
    const url = new URL(`${storage.apiEndpoint}${path}?${new URLSearchParams(query)}`);
    const credentials = await this.#inTime(authorization(storage, url), signal);
    const question = { method, url, headers: { ...credentials, ...headers }, ...(body === undefined ? {} : { body }) };
    return await exchange(question, { agent, timeoutMs: this.#timeoutMs, limit, into, signal });
  }

  async close(): Promise<void> {
    // If the connection could not be made, there is nothing to close.
    await this.#opened?.then(
      ({ agent }) => agent.destroy(),
      () => undefined,
    );
  }

  async #open(): Promise<{ storage: Storage; agent: Agent }> {
    const storage = this.#options.storage ?? this.#makeStorage();
    return { storage, agent: poolOf(new URL(storage.apiEndpoint).protocol, { windowMs: this.#timeoutMs }) };
  }

  #makeStorage(): Storage {
    const { Storage } = loadSdk('@google-cloud/storage', 'Cloud Storage') as typeof import('@google-cloud/storage');
    const { projectId, endpoint, keyFilename } = this.#options;
    return new Storage({
      ...(projectId === undefined ? {} : { projectId }),
      ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
      ...(keyFilename === undefined ? {} : { keyFilename, useAuthWithCustomEndpoint: true }),
    });
  }

  /**
   * Bounds the SDK's search for credentials, which has neither cancellation nor a timeout. A search
   * that takes too long keeps running in the background.
   */
  async #inTime<T>(search: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const done = new AbortController();
    const late = wait(this.#timeoutMs, undefined, { signal: done.signal }).then(() => {
      throw new BrowserStateError('UNREACHABLE', `found no credentials in ${this.#timeoutMs} ms`, {
        hint: 'Run `gcloud auth application-default login`, or pass `keyFilename`.',
      });
    });
    let listener: Disposable | undefined;
    const cancelled = new Promise<never>((_resolve, reject) => {
      if (signal) listener = addAbortListener(signal, () => reject(signal.reason));
    });
    try {
      return await Promise.race([search, late, cancelled]);
    } finally {
      done.abort();
      listener?.[Symbol.dispose]();
    }
  }
}

/**
 * Returns the headers with the SDK's credentials. Returns no headers for an endpoint that is not
 * Google's, or if the SDK finds no credentials.
 */
function authorization(storage: Storage, url: URL): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    storage.makeAuthenticatedRequest(
      { uri: url.href, headers: {} },
      {
        onAuthenticated: (error, request) => {
          if (error) reject(uncredited(error));
          else resolve(request?.headers as Record<string, string>);
        },
      },
    );
  });
}

/**
 * Throws USAGE for an invalid address, and for an address with a password: credentials never come
 * from a URL.
 */
function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '') return;
  throw new BrowserStateError(
    'USAGE',
    'expected an endpoint such as http://127.0.0.1:4443, without user and password, found another text',
    {
      hint: 'Write scheme, host and port; credentials come from the SDK.',
    },
  );
}
