/**
 * The AWS SDK as the S3 provider uses it. The SDK is loaded with the first request, is silent, and
 * has a minimum rate and a check of every response. Every request is sent once. The SDK's own
 * retries are disabled: a swap that is sent twice may lose against itself. A decorator retries.
 */
import type { Agent as SecureAgent } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import type { $Command, S3Client, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3';
import { CANCEL_GRACE_MS, STALL_TIMEOUT_MS } from '../../base/limits.js';
import { poolOf } from '../shared/agent.js';
import { loadSdk } from '../shared/sdk.js';
import { type Asked, checkAnswer, type RawAnswer } from './answers.js';
import { isNamed } from './errors.js';

type Sdk = typeof import('@aws-sdk/client-s3');
type Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<Input, Output, S3ClientResolvedConfig>;

export interface S3ConnectionOptions {
  /**
   * Region of the bucket. Without it, the SDK's default chain finds one; with an endpoint, the
   * default is `us-east-1`.
   */
  region?: string | undefined;
  /** The address of a store that is not AWS. */
  endpoint?: string | undefined;
  /** Puts the bucket into the path instead of the host name. */
  pathStyle?: boolean | undefined;
  /** Without credentials, the SDK's default chain finds them. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /**
   * A client to use instead of all of the above, with its own connections and timeouts. Closing the
   * provider does not destroy the client.
   */
  client?: S3Client | undefined;
  /** Maximum concurrent requests. Further requests wait. */
  maxConcurrency?: number | undefined;
  /** Milliseconds without a byte, or with too few bytes, after which a request ends. */
  timeoutMs?: number | undefined;
}

const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

export class S3Connection {
  readonly #options: S3ConnectionOptions;
  #opened: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(options: S3ConnectionOptions) {
    this.#options = options;
  }

  /**
   * Sends one request once. Throws the SDK's errors, and NotS3 for a response that S3 does not send
   * to that kind of request.
   */
  async send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    asked: Asked,
    make: (sdk: Sdk) => Command<Input, Output>,
    signal: AbortSignal | undefined,
  ): Promise<Output> {
    this.#opened ??= this.#open();
    const { sdk, client } = await this.#opened;
    const attempt = (): Promise<Output> =>
      client.send(checked(once(make(sdk)), asked), signal === undefined ? {} : { abortSignal: signal });
    try {
      return await attempt();
    } catch (error) {
      // The request was rejected. The SDK has learned the store's time from the response and signs
      // with that time now.
      if (isNamed(error, 'RequestTimeTooSkewed')) return await attempt();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#options.client !== undefined) return;
    // If the client could not be made, there is nothing to close.
    await this.#opened?.then(({ client }) => client.destroy(), nothing);
  }

  async #open(): Promise<{ sdk: Sdk; client: S3Client }> {
    const sdk = loadSdk('@aws-sdk/client-s3', 'S3') as Sdk;
    return { sdk, client: this.#options.client ?? this.#makeClient(sdk) };
  }

  #makeClient(sdk: Sdk): S3Client {
    const { endpoint, pathStyle = false, credentials, timeoutMs = STALL_TIMEOUT_MS } = this.#options;
    const region = this.#options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
    const limits = { windowMs: timeoutMs, maxSockets: this.#options.maxConcurrency };
    const [httpAgent, httpsAgent] = [poolOf('http:', limits), poolOf('https:', limits) as SecureAgent];
    return new sdk.S3Client({
      forcePathStyle: pathStyle,
      followRegionRedirects: true,
      // The SDK would open its own connection for each large write, beyond the pool's limits.
      expectContinueHeader: false,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      logger: silent,
      requestHandler: { connectionTimeout: timeoutMs, socketTimeout: timeoutMs, httpAgent, httpsAgent, logger: silent },
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  }
}

/**
 * Runs a write, and cuts the write off only some time after `signal` fires. A server may apply a
 * request that was cut off after its caller got CANCELLED.
 */
export async function finishing<T>(signal: AbortSignal | undefined, write: (cut: AbortSignal | undefined) => Promise<T>): Promise<T> {
  if (signal === undefined) return await write(undefined);
  const cut = new AbortController();
  const done = new AbortController();
  const cutLater = (): void => {
    wait(CANCEL_GRACE_MS, undefined, { signal: done.signal }).then(
      () => cut.abort(signal.reason),
      () => undefined,
    );
  };
  signal.addEventListener('abort', cutLater, { once: true });
  try {
    return await write(cut.signal);
  } finally {
    signal.removeEventListener('abort', cutLater);
    done.abort();
  }
}

/** Replaces the SDK's retries with a no-op step, regardless of the client's settings. */
function once<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(command: Command<Input, Output>): Command<Input, Output> {
  const options = { name: 'retryMiddleware', step: 'finalizeRequest', priority: 'high', override: true } as const;
  command.middlewareStack.add((next) => (args) => next(args), options);
  return command;
}

/** Adds the check of the raw response, before the SDK parses it. */
function checked<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
  command: Command<Input, Output>,
  asked: Asked,
): Command<Input, Output> {
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      await checkAnswer(asked, result.response as RawAnswer);
      return result;
    },
    { name: 'checkedAnswer', step: 'deserialize', priority: 'low' },
  );
  return command;
}
