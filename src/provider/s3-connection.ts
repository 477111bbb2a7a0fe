/**
 * The AWS SDK as the S3 provider uses it: loaded with the first request, silent, with a minimum rate, a check of every answer, and every
 * request sent once. The SDK's own retries are replaced: a swap that is sent twice may lose against itself. Retries are a decorator's.
 */
import type { Agent as SecureAgent } from 'node:https';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import type { $Command, S3Client, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes } from '@aws-sdk/client-s3';
import { BrowserStateError, isAnyError } from '../errors.js';
import { CANCEL_GRACE_MS, STALL_TIMEOUT_MS } from '../limits.js';
import { poolOf } from './agent.js';
import { type Asked, checkAnswer, type RawAnswer } from './s3-answers.js';
import { isNamed } from './s3-errors.js';

type Sdk = typeof import('@aws-sdk/client-s3');
type Command<Input extends ServiceInputTypes, Output extends ServiceOutputTypes> = $Command<Input, Output, S3ClientResolvedConfig>;

export interface S3ConnectionOptions {
  /** The SDK's default chain finds it unless given; with an endpoint it is `us-east-1` unless given. */
  region?: string | undefined;
  /** The address of a store that is not AWS. */
  endpoint?: string | undefined;
  /** The bucket goes into the path rather than into the host's name. */
  pathStyle?: boolean | undefined;
  /** The SDK's default chain finds them unless given. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
  /** A client in place of all of the above, with connections and timeouts of its own; it is not destroyed here. */
  client?: S3Client | undefined;
  /** Requests under way at once; the others wait. */
  maxConcurrency?: number | undefined;
  /** Milliseconds without a byte, or with too few, after which a request ends. */
  timeoutMs?: number | undefined;
}

const PACKAGE = '@aws-sdk/client-s3';
const nothing = (): void => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

export class S3Connection {
  readonly #options: S3ConnectionOptions;
  #opened: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(options: S3ConnectionOptions) {
    this.#options = options;
  }

  /** Sends one request, once. Throws what the SDK throws, and NotS3 for an answer that is not one to a request of that kind. */
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
      // It was rejected, and the SDK has learnt the store's time from the answer and signs with it now.
      if (isNamed(error, 'RequestTimeTooSkewed')) return await attempt();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#options.client !== undefined) return;
    // There is nothing to close if the client could not be made.
    await this.#opened?.then(({ client }) => client.destroy(), nothing);
  }

  async #open(): Promise<{ sdk: Sdk; client: S3Client }> {
    const sdk = load();
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
      // The SDK would open a connection of its own for each large write, past the pool's limits.
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

/** Loads the SDK by `require`: it is CommonJS, and an import would read each of its modules again to find the names that it exports. */
function load(): Sdk {
  try {
    return createRequire(import.meta.url)(PACKAGE) as Sdk;
  } catch (cause) {
    if (!(isAnyError(cause) && 'code' in cause && cause.code === 'MODULE_NOT_FOUND' && cause.message.includes(PACKAGE))) throw cause;
    throw new BrowserStateError('UNSUPPORTED', `the package ${PACKAGE}, which S3 needs, is not installed`, {
      hint: `Install it: npm install ${PACKAGE}`,
      cause,
    });
  }
}

/**
 * Runs a write, which is cut only a while after `signal` fires: a server may go on with a request that was cut, which would then take effect
 * after its caller was told that it was cancelled.
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

/** Replaces the SDK's retries with a step that does nothing, whatever the client's settings say. */
function once<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(command: Command<Input, Output>): Command<Input, Output> {
  const options = { name: 'retryMiddleware', step: 'finalizeRequest', priority: 'high', override: true } as const;
  command.middlewareStack.add((next) => (args) => next(args), options);
  return command;
}

/** Adds the check of the raw answer, before the SDK parses it. */
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
