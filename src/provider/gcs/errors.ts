/**
 * Translation of errors of Cloud Storage, the network and the SDK's credentials to errors of the
 * provider contract (SPEC.md R-GCS-8).
 */
import { BrowserStateError, type ErrorCode, isAnyError, isError, throwIfAborted } from '../../base/errors.js';
import { strangerHint } from '../shared/bucket-names.js';
import type { Answer } from './exchange.js';

interface Meaning {
  code: ErrorCode;
  hint: string;
}

const noBucket: Meaning = {
  code: 'NOT_FOUND',
  hint: 'Check its name and the endpoint, or create it; browserstate never creates a bucket.',
};
const credentials: Meaning = {
  code: 'FORBIDDEN',
  hint: "Credentials come from the Google SDK's own chain (GOOGLE_APPLICATION_CREDENTIALS, gcloud, a service account): renew them, then repeat the command.",
};
const denied: Meaning = {
  code: 'FORBIDDEN',
  hint: 'These credentials need storage.objects.create, get, list and delete on the bucket: the role Storage Object User has them.',
};
const malformed: Meaning = { code: 'FORBIDDEN', hint: 'The store rejects the request as it is: check the bucket and the endpoint.' };
const limited: Meaning = {
  code: 'UNREACHABLE',
  hint: 'Wait a little and try again: Cloud Storage takes about one write a second to one name.',
};
const again: Meaning = { code: 'UNREACHABLE', hint: 'Try again; if it happens again, check the endpoint and the network.' };

/**
 * Meanings of Cloud Storage errors that prove a request was rejected before it changed anything.
 * The keys are the reasons in the JSON of the errors. Any other reason proves nothing.
 */
const REJECTIONS: Record<string, Meaning> = {
  authError: credentials,
  conditionNotMet: again,
  notFound: noBucket,
  ...meaning(denied, 'accountDisabled', 'forbidden', 'insufficientPermissions', 'userProjectMissing'),
  ...meaning(malformed, 'badRequest', 'invalid', 'invalidParameter', 'keyTooLong', 'objectUnderActiveHold', 'parseError', 'required'),
  ...meaning(malformed, 'retentionPolicyNotMet', 'sslRequired', 'uploadTooLarge', 'methodNotAllowed'),
};

/** Statuses that prove nothing, regardless of the document in the response. */
const UNDECIDED = [408, 409, 429, 499];

function meaning(shared: Meaning, ...reasons: string[]): Record<string, Meaning> {
  return Object.fromEntries(reasons.map((reason) => [reason, shared]));
}

/**
 * A response that Cloud Storage does not send. Such a response proves nothing about the store, nor
 * about the effect of a write.
 */
export class NotGcs extends Error {
  override readonly name = 'NotGcs';

  constructor(found: string) {
    super(`the answer is not one of Cloud Storage: ${found}`);
  }
}

/** An error response of Cloud Storage. */
class Refusal extends Error {
  constructor(
    message: string,
    readonly meaning: Meaning,
    readonly isRejection: boolean,
  ) {
    super(message);
  }
}

/**
 * Returns true if the response says that there is no object of that name. Throws NOT_FOUND if the
 * response says that there is no bucket.
 */
export function isAbsent(answer: Answer): boolean {
  const { status } = answer;
  if (status !== 404) return false;
  const { message, reason } = documentOf(answer) ?? {};
  if (message === undefined || !(reason === 'notFound' || /^No such object|bucket/i.test(message))) throw refusal(answer);
  if (/bucket (?:does not exist|not found)/i.test(message)) throw new Refusal(`${status} ${message}`, noBucket, true);
  return true;
}

/** Returns true if the response says that a condition did not hold. */
export function isConditionNotMet(answer: Answer): boolean {
  return answer.status === 412 && documentOf(answer)?.reason === 'conditionNotMet';
}

/** Returns true if the response says that the object ends before the requested range. */
export function isBeyond(answer: Answer): boolean {
  if (answer.status !== 416) return false;
  const { message = '', reason = '' } = documentOf(answer) ?? {};
  return /^bytes \*\//.test(answer.contentRange ?? '') || /range/i.test(`${message} ${reason}`);
}

/** Returns the error of a response that no caller expects. */
export function refusal(answer: Answer): Error {
  const { status, body } = answer;
  const document = status < 300 ? undefined : documentOf(answer);
  if (document === undefined) return new NotGcs(`${status} with ${body.length} bytes`);
  const { message, reason } = document;
  return new Refusal(`${status} ${message}`, meaningOf(status, reason), isProof(status, reason));
}

/**
 * Returns true if a request that failed with `error` had no effect and never will. Either the
 * request was not sent, or the response proves that it was rejected.
 */
export function isRejection(error: unknown): boolean {
  return isError(error) ? error.code !== 'UNREACHABLE' : error instanceof Refusal && error.isRejection;
}

/**
 * Runs `body`, and throws its failures as errors of the contract. `what` names the operation, and
 * `url` names the store.
 */
export async function translating<T>(what: string, url: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throwIfAborted(signal);
    const { code, hint } = meaningOfError(error, url);
    throw new BrowserStateError(code, `cannot ${what} in ${url}: ${describe(error)}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/** Returns the error of a swap whose outcome the store does not report. */
export function unknownOutcome(error: unknown, url: string): BrowserStateError {
  const { hint } = meaningOfError(error, url);
  const message = `whether it took effect is unknown: ${describe(error)}`;
  return new BrowserStateError('UNREACHABLE', message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Returns the error of the SDK's search for credentials: UNREACHABLE if the network failed,
 * FORBIDDEN otherwise.
 */
export function uncredited(error: Error): BrowserStateError {
  const { status, code } = error as { status?: number; code?: unknown };
  const network =
    status === undefined && typeof code === 'string' && /^(E(CONN|TIMEDOUT|NOTFOUND|AI_|HOST|NET|PIPE)|ERR_STREAM)/.test(code);
  const found = network || status === 429 || (status ?? 0) >= 500 ? again : credentials;
  return new BrowserStateError(found.code, `no credentials: ${describe(error)}`, { hint: found.hint, cause: error });
}

function meaningOfError(error: unknown, url: string): { code: ErrorCode; hint: string | undefined } {
  if (isError(error)) return error;
  if (error instanceof NotGcs) return { code: 'UNREACHABLE', hint: strangerHint(url, 'Cloud Storage') };
  return error instanceof Refusal ? error.meaning : again;
}

function meaningOf(status: number, reason: string | undefined): Meaning {
  if (status === 401) return credentials;
  if (status === 429 || /rateLimitExceeded$/i.test(reason ?? '')) return limited;
  if (isProof(status, reason)) return REJECTIONS[reason as string] as Meaning;
  return status === 403 && reason === undefined ? denied : again;
}

function isProof(status: number, reason: string | undefined): boolean {
  return status < 500 && !UNDECIDED.includes(status) && reason !== undefined && Object.hasOwn(REJECTIONS, reason);
}

/**
 * Parses the error document of a response: JSON, or plain text if bytes were requested. Returns
 * undefined for any other body, such as a page of HTML.
 */
function documentOf({ body }: Answer): { message: string; reason: string | undefined } | undefined {
  const text = Buffer.from(body).toString().trim();
  if (text === '' || text.startsWith('<')) return undefined;
  if (!text.startsWith('{')) return { message: text.slice(0, SHOWN), reason: undefined };
  try {
    const { error } = JSON.parse(text) as { error: { message: string; errors?: { reason?: string }[] } };
    return { message: String(error.message), reason: error.errors?.[0]?.reason };
  } catch {
    return undefined;
  }
}

/** Maximum characters of a plain text in a message. */
const SHOWN = 200;

function describe(error: unknown): string {
  if (!isAnyError(error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' && !isError(error) ? `${error.code}: ` : '';
  // A host with several addresses fails once for each. The outer error has no message.
  const inner =
    error.message === '' && 'errors' in error && Array.isArray(error.errors) ? error.errors.map(String).join(', ') : error.message;
  return `${code}${inner}`.replaceAll(/\p{Cc}/gu, ' ');
}
