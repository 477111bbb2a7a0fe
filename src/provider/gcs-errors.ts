/** What Cloud Storage, the network and the SDK's credentials answer, as the errors of the provider contract (SPEC.md R-GCS-8). */
import { BrowserStateError, type ErrorCode, isError, throwIfAborted } from '../errors.js';
import type { Answer } from './gcs-exchange.js';

interface Meaning {
  code: ErrorCode;
  hint: string;
}

const noBucket: Meaning = { code: 'NOT_FOUND', hint: 'Look at its name and at the endpoint; browserstate never creates a bucket.' };
const credentials: Meaning = {
  code: 'FORBIDDEN',
  hint: "Credentials come from the Google SDK's own chain (GOOGLE_APPLICATION_CREDENTIALS, gcloud, a service account): look whether they are there, and valid.",
};
const refused: Meaning = {
  code: 'FORBIDDEN',
  hint: 'These credentials need storage.objects.create, get, list and delete on the bucket: the role Storage Object User has them.',
};
const limited: Meaning = {
  code: 'UNREACHABLE',
  hint: 'Wait a little and try again: Cloud Storage takes about one write a second to one name.',
};
const again: Meaning = { code: 'UNREACHABLE', hint: 'Try again; if it happens again, look at the endpoint and at the network.' };
const unexpected: Meaning = {
  code: 'FORBIDDEN',
  hint: 'The store refuses the request as it is: look at the bucket and at the endpoint.',
};

/** Characters of an answer that is no JSON which a message shows. */
const SHOWN = 200;

/** True where the answer says that there is no object of that name; throws NOT_FOUND where it says that there is no bucket. */
export function isAbsent(answer: Answer): boolean {
  if (answer.status !== 404) return false;
  if (/bucket (?:does not exist|not found)/i.test(reasonOf(answer).message)) throw refusal(answer);
  return true;
}

/** What an answer means that no caller expected. */
export function refusal(answer: Answer): BrowserStateError {
  const { message, reason } = reasonOf(answer);
  const { code, hint } = meaningOf(answer.status, reason);
  return new BrowserStateError(code, `${answer.status} ${message}`, { hint });
}

/** Runs `body` and throws what goes wrong as an error of the contract: `what` says what could not be done. */
export async function translating<T>(what: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof Error)) throw error;
    const { code, hint, cause } = isError(error) ? error : { ...again, cause: error };
    throw new BrowserStateError(code, `cannot ${what}: ${describe(error)}`, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}

/** What the SDK throws where it looks for credentials: a network that fails is UNREACHABLE, all else FORBIDDEN. */
export function uncredited(error: Error): BrowserStateError {
  const { status, code } = error as { status?: number; code?: unknown };
  const network =
    status === undefined && typeof code === 'string' && /^(E(CONN|TIMEDOUT|NOTFOUND|AI_|HOST|NET|PIPE)|ERR_STREAM)/.test(code);
  const meaning = network || status === 429 || (status ?? 0) >= 500 ? again : credentials;
  return new BrowserStateError(meaning.code, `no credentials: ${describe(error)}`, { hint: meaning.hint, cause: error });
}

function meaningOf(status: number, reason: string | undefined): Meaning {
  if (status === 401) return credentials;
  if (status === 429 || (status === 403 && /rateLimitExceeded$/i.test(reason ?? ''))) return limited;
  if (status === 403) return refused;
  if (status === 404) return noBucket;
  if (status === 408 || status === 409 || status >= 500 || status < 300) return again;
  return unexpected;
}

/** What an answer says of itself: JSON, or text where bytes were asked for. */
function reasonOf({ body }: Answer): { message: string; reason: string | undefined } {
  const text = Buffer.from(body).toString();
  try {
    const { error } = JSON.parse(text) as { error: { message: string; errors?: { reason?: string }[] } };
    return { message: String(error.message), reason: error.errors?.[0]?.reason };
  } catch {
    return { message: text.slice(0, SHOWN).trim(), reason: undefined };
  }
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' && !isError(error) ? `${error.code}: ` : '';
  // A host with several addresses fails once for each, and says nothing itself.
  const inner = error.message === '' && error instanceof AggregateError ? error.errors.map(String).join(', ') : error.message;
  return code + inner;
}
