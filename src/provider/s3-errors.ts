/** What S3, the stores that speak its language, and their SDK answer, as the errors of the provider contract (SPEC.md R-S3-9). */
import { BrowserStateError, type ErrorCode, isError, throwIfAborted } from '../errors.js';

interface Meaning {
  code: ErrorCode;
  hint?: string;
}

const credentials: Meaning = {
  code: 'FORBIDDEN',
  hint: "Credentials come from the AWS SDK's own chain (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role): look whether they are there, and valid.",
};
const refused: Meaning = {
  code: 'FORBIDDEN',
  hint: 'These credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket; without s3:ListBucket S3 also answers 403 for what does not exist.',
};
const full: Meaning = { code: 'NO_SPACE', hint: "Raise the bucket's quota, or collect garbage, and try again: nothing was changed." };
const again: Meaning = { code: 'UNREACHABLE', hint: 'Try again; if it happens again, look at the endpoint and at the network.' };

/** Answers that mean more than their status. */
const byName: Record<string, Meaning> = {
  NoSuchBucket: { code: 'NOT_FOUND', hint: 'Look at its name and at the endpoint; browserstate never creates a bucket.' },
  RequestTimeTooSkewed: { code: 'FORBIDDEN', hint: 'The clock of this machine is wrong: set it, and try again.' },
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: credentials,
  ExpiredToken: credentials,
  InvalidToken: credentials,
  TokenRefreshRequired: credentials,
  CredentialsProviderError: credentials,
  TokenProviderError: credentials,
  QuotaExceeded: full,
  InsufficientStorage: full,
  XMinioStorageFull: full,
  NotImplemented: { code: 'UNSUPPORTED', hint: 'This store lacks what a repository needs: conditional writes.' },
  PermanentRedirect: { code: 'FORBIDDEN', hint: "Give the bucket's region, as in s3://bucket/prefix?region=eu-central-1." },
  AuthorizationHeaderMalformed: { code: 'FORBIDDEN', hint: "Give the bucket's region, as in s3://bucket/prefix?region=eu-central-1." },
  RequestTimeout: again,
  ConditionalRequestConflict: again,
};

/** The status of an answer; undefined where there was none, or no error of the SDK. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  return (error.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
}

export function isNamed(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

/** Runs `body` and throws what the SDK throws as an error of the contract: `what` says what could not be done. */
export async function translating<T>(what: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (isError(error)) throw error;
    throwIfAborted(signal);
    const { code, hint } = meaningOf(error);
    throw new BrowserStateError(code, `cannot ${what}: ${describe(error)}`, hint === undefined ? { cause: error } : { hint, cause: error });
  }
}

function meaningOf(error: unknown): Meaning {
  const named = error instanceof Error && Object.hasOwn(byName, error.name) ? byName[error.name] : undefined;
  if (named !== undefined) return named;
  const status = statusOf(error);
  if (status === undefined) return error instanceof Error && /\bregion\b.*\bmissing\b/i.test(error.message) ? noRegion : again;
  if (status === 401 || status === 403) return refused;
  if (status === 404) return { code: 'NOT_FOUND', hint: 'Look at the bucket and at the endpoint.' };
  if (status === 507) return full;
  if (status === 408 || status === 429 || status >= 500 || status < 300) return again;
  return { code: 'FORBIDDEN', hint: 'The store refuses the request as it is: look at the endpoint, the region and pathStyle.' };
}

const noRegion: Meaning = { code: 'USAGE', hint: 'Give a region, as in s3://bucket/prefix?region=eu-central-1, or set AWS_REGION.' };

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = statusOf(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  const inner = error.message === '' && error instanceof AggregateError ? error.errors.map(describe).join(', ') : error.message;
  return `${error.name}${code}${status === undefined ? '' : ` (${status})`}: ${inner}`;
}
